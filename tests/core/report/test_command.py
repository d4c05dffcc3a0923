"""The commands of the document: they run a test again, and hold no credential."""

import sys

import pytest

from russo._report import command
from support.report import read_document, run_with_report, words_of

MISS = "import pytest\n@pytest.mark.parametrize('name', [\"it's; rm -rf $HOME\"])\ndef test_it(russo_say, name): russo_say('Hello')"


def commands(project, *arguments):
    """Return the command that runs the only test again, and the command that records its prompt."""
    _, document = run_with_report(project, *arguments)
    (test,) = document["tests"]
    (use,) = test["attempts"][0]["prompts"]
    return test["command"], use["record"]


def test_commands_have_the_options_of_the_run_and_are_quoted(project):
    project.tests(MISS)
    arguments = [
        "--russo-cache-mode",
        "replay",
        "--russo-cache-dir=a b",
        "--russo-max-calls=1",
        "-q",
        "-k",
        "test_it",
    ]
    again, record = commands(project, *arguments)
    name = "test_it.py::test_it[it's; rm -rf $HOME]"
    options = ["--russo-cache-mode=replay", "--russo-cache-dir=a b", "--russo-max-calls=1"]
    assert words_of(again) == ["pytest", *options, name]
    assert words_of(record) == ["pytest", "--russo-cache-mode=auto", "--russo-cache-dir=a b", name]


def test_command_records_the_prompt_and_the_test_passes_afterwards(project):
    project.tests(MISS)
    again, record = commands(project, "--russo-cache-mode=replay")
    assert project.run(*words_of(record)[1:]).ret == 0
    assert project.run(*words_of(again)[1:]).ret == 0


@pytest.mark.parametrize(
    "option", ["--russo-clear-cache", "--russo-prune-unused", "--russo-prune-unused=all"]
)
def test_options_that_remove_entries_are_not_repeated(project, option):
    project.tests("def test_it(russo_say): russo_say('Hello')")
    again, record = commands(project, option)
    assert words_of(again) == ["pytest", "test_it.py::test_it"]
    assert record is None


SECRETS = [
    "--russo-synth-option=acme.api_key=hunter2",
    "--russo-synth-option=acme.auth_token=hunter2",
    "--russo-synth-option=acme.url=https://user:hunter2@example.com/",
    "--russo-synth-option=acme.url=https://hunter2@example.com/",
    "--russo-synth-option=acme.url=https://example.com/?key=hunter2",
    "--russo-synth-option=acme.proxy=user:hunter2@example.com",
    "--russo-synth-option acme.api_key=hunter2",
    "--russo-acme-token=hunter2",
    "--russo-synth-option=acme.pw=hunter2",
    "--russo-synth-option=acme.bearer=hunter2",
    "--russo-synth-option=acme.header=Bearer:hunter2",
    "--russo-synth-option=acme.url=a?password=hunter2",
    "--russo-synth-option=acme.url=h:80/?token=hunter2",
    "--russo-synth-option=acme.voice=sk-hunter2",
    "--russo-synth-option=acme.voice=AIzaSyhunter2",
    "--russo-acme-auth=hunter2",
    "-o russo_synth_options=acme.api_key=hunter2",
    "-orusso_synth_options=acme.api_key=hunter2",
    "--override-ini=russo_synth_options=acme.url=https://user:hunter2@example.com/",
    "-o env=ACME_TOKEN=hunter2",
    "-o addopts=--russo-acme-token=hunter2",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_option_that_may_hold_a_credential_is_left_out(pytester, secret):
    pytester.makeconftest(
        "def pytest_addoption(parser): [parser.addoption(f'--russo-acme-{name}') for name in ('token', 'auth')]"
    )
    config = pytester.parseconfig(*secret.split(" "), "--russo-synth-option=acme.speed=2", "--russo-no-cache")
    expected = ["pytest", "--russo-synth-option=acme.speed=2", "--russo-no-cache", "test_it.py::test_it"]
    assert words_of(command.test_command(config, "test_it.py::test_it")) == expected


@pytest.mark.parametrize(
    "value",
    [
        "acme.voice=Kate",
        "acme.url=https://example.com/speech",
        "acme.style=a=b",
        "acme.passage=1",
        "acme.author=Monkey",
        "acme.file=task-1",
    ],
)
def test_option_without_a_credential_is_repeated(pytester, value):
    config = pytester.parseconfig("--russo-synth-option", value)
    assert words_of(command.test_command(config, "t")) == ["pytest", f"--russo-synth-option={value}", "t"]


FILES = {
    "other.ini": "[pytest]\nasyncio_default_fixture_loop_scope = function\npython_files = check_*.py",
    "check_it.py": "def test_it(russo_say): russo_say('Hello')",
    "acme_plugin.py": "def pytest_addoption(parser): parser.addoption('--russo-acme')",
    "module.py": "def f():\n    '''\n    >>> 1\n    2\n    '''",
    "notes.md": ">>> 1\n2\n",
    "sub/test_sub.py": "def test_it(russo_say): russo_say('Hello')",
}


@pytest.mark.parametrize(
    "arguments",
    [
        ["-p", "acme_plugin", "--russo-acme=shop:Shop", "sub"],
        ["-pacme_plugin", "--russo-acme", "shop:Shop", "sub"],
        ["-c", "other.ini"],
        ["-cother.ini"],
        ["--config-file=other.ini"],
        ["-o", "python_files=check_*.py"],
        ["--override-ini", "python_files=check_*.py"],
        ["--rootdir=sub", "--confcutdir", ".", "sub"],
        ["--import-mode=importlib", "sub"],
        ["--doctest-modules", "module.py"],
        ["--doctest-glob=*.md", "notes.md"],
        ["--pyargs", "sub"],
    ],
    ids=" ".join,
)
def test_command_has_the_options_that_find_and_run_the_test(project, arguments):
    for name, text in FILES.items():
        (project.path / name).parent.mkdir(exist_ok=True)
        (project.path / name).write_text(text)
    project.pytester.syspathinsert()
    first = project.run("--russo-report=report.json", *arguments, subprocess=True)
    (test,) = read_document(project.path / "report.json")["tests"]
    words = words_of(test["command"])[1:]
    forms = {words[0], words[0] + words[1]}
    assert forms & {arguments[0], "=".join(arguments[:2])}
    again = project.run(*words, subprocess=True)
    assert again.parseoutcomes() == first.parseoutcomes()


def test_python_m_pytest_is_repeated(project):
    project.tests(MISS)
    project.run("--russo-report=report.json", subprocess=True)  # it runs python -m pytest
    (test,) = read_document(project.path / "report.json")["tests"]
    assert test["command"].startswith("python -m pytest ")


def test_pytest_without_python_is_repeated(pytester, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/bin/pytest"])
    assert command.test_command(pytester.parseconfig(), "t") == "pytest t"


def test_command_fits_the_directory_in_which_pytest_was_started(project, monkeypatch):
    folder = project.path / "sub"
    folder.mkdir()
    (folder / "test_sub.py").write_text("def test_it(russo_say): russo_say('Hello')")
    monkeypatch.chdir(folder)
    assert project.run("--russo-report=report.json").ret == 0
    (test,) = read_document(folder / "report.json")["tests"]
    assert test["id"] == "sub/test_sub.py::test_it"
    assert words_of(test["command"]) == ["pytest", "test_sub.py::test_it"]
