"""Every code block of the documentation runs, and prints the output that its page shows."""

import shutil

import pytest

from support.page_blocks import ROOT, PageError
from support.pages import pages, run_page


@pytest.mark.parametrize("page", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in pages()])
def test_commands_of_the_page_print_its_outputs(page, tmp_path):
    if "\n$ git " in page.read_text("utf-8") and not shutil.which("git"):
        pytest.skip("git is not installed")
    problem = None
    try:
        run_page(page, tmp_path / "story")
    except PageError as error:
        problem = str(error)
    if problem:
        pytest.fail(problem, pytrace=False)


def run(tmp_path, text, name="page.md"):
    page = tmp_path / name
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text, "utf-8")
    run_page(page, tmp_path / "story")


def fenced(info, *lines):
    return "\n".join(["A line before.", "", f"```{info}", *lines, "```", ""])


def named(file, info, *lines):
    return f"`{file}`:\n\n```{info}\n" + "\n".join(lines) + "\n```\n"


GOOD = [
    fenced("console", "$ echo one; echo two", "one", "two"),
    fenced("console", "$ echo one; echo two", "...", "two"),
    fenced("console", "$ echo one; echo two", "one", "..."),
    fenced("console", "$ echo one", "...", "one", "..."),
    fenced("console", "$ echo 3 passed in 0.4s", "3 passed in ...s"),
    fenced("console", "$ echo unseen"),
    fenced("console", "$ false  # fails"),
    fenced("console", "$ echo one \\", "    two", "one two"),
    fenced("console", "$ export RUSSO_SYNTH=local  # for all", "$ echo $RUSSO_SYNTH", "local"),
    fenced(
        "console", "$ python -m venv .venv", "$ . .venv/bin/activate", '$ pip install "russo-core[local]"'
    ),
    fenced("console", "$ export RUSSO_SYNTH=local", "$ unset RUSSO_SYNTH", "$ echo $RUSSO_SYNTH.", "."),
    fenced("console", '$ pip install "russo-core[local]" hibari-tts==0.2.1'),
    named("needs.txt", "text", "russo-core[local]  # with its voice", "", "hibari-tts==0.2.1")
    + fenced("console", "$ pip install -r needs.txt"),
    fenced("console", "$ make test ARGS=x  # every test"),
    fenced("python", "import os", "assert os.listdir() == []"),
    named("deep/prompts.txt", "text", "One") + fenced("console", "$ cat deep/prompts.txt", "One"),
    "`a.py` and `b.py`:\n\n```python\nassert 1\n```\n" + fenced("console", "$ ls"),
    '=== "one"\n\n    `it.py`:\n\n    ```python\n    print(7)\n    ```\n'
    + fenced("console", "$ python it.py", "7"),
    named("it.py", 'python hl_lines="1"', "print(7)") + fenced("console", "$ python it.py", "7"),
    fenced("ini", "[pytest]", "russo_synth = local"),
    fenced("text", "no code at all"),
    '=== "one"\n\n    ```console\n    $ echo one\n    one\n    ```\n',
    '!!! note\n\n    === "deep"\n\n        ```console\n        $ echo one\n        one\n        ```\n',
]
BAD = [
    ("`it.py`:\n\nIt prints 7:\n\n```python\nprint(7)\n```\n" + fenced("console", "$ python it.py"), "fails"),
    (
        fenced("console", "$ echo one", "two"),
        r":4: `echo one` prints something else.\nexpected:\ntwo\nseen:\none",
    ),
    (fenced("console", "$ echo one; echo two", "one"), "prints something else"),
    (fenced("console", "$ echo one", "$ echo two", "one"), ":5: `echo two` prints"),
    (fenced("console", "$ echo one; false"), r":4: `echo one; false` fails \(1\):\none"),
    (fenced("console", "$ true  # fails"), "succeeds, and the page says that it fails"),
    (fenced("console", "pytest"), "begins with"),
    (fenced("console", "$ git clone https://example.org/russo"), "needs a network"),
    (fenced("console", "$ pip install russo-cure"), "'russo-cure' is not a package"),
    (fenced("console", '$ pip install "russo-core[nobody]"'), "is not a package"),
    (fenced("console", "$ pip install hibari-tts==0.1.0"), "is not a package"),
    (fenced("console", "$ pip install -r needs.txt"), "writes no file needs.txt"),
    (
        named("needs.txt", "text", "russo-cure") + fenced("console", "$ pip install -r needs.txt"),
        "'russo-cure' in needs.txt is not a package",
    ),
    (fenced("console", "$ pip install -e ."), "there is no package in"),
    (fenced("console", "$ make nothing-like-it"), "nothing-like-it"),
    (fenced("python", "import warnings", "warnings.warn('old')"), ":4: the script fails"),
    (fenced("toml", "no toml"), "this is not toml"),
    (named("a.yaml", "yaml", "[1"), "this is not yaml"),
    (named("../a.txt", "text", "One"), "outside"),
    (fenced('python title="it.py"', "print(7)"), ":4: GitHub and PyPI show no title"),
    (fenced("", "pytest"), "no runner for the language ''"),
    (fenced("sh", "pytest"), "no runner for the language 'sh'"),
    (fenced("fortran", "END"), "no runner for the language"),
    ("A line.\n\n    pytest\n", ":3: a block by indentation"),
    ('=== "one"\n\n    ```console\n    $ false\n    ```\n', r":4: `false` fails"),
]


@pytest.mark.parametrize("text", GOOD)
def test_runner_accepts_correct_pages(tmp_path, text):
    run(tmp_path, text)


@pytest.mark.parametrize(("text", "problem"), BAD)
def test_runner_refuses_wrong_pages(tmp_path, text, problem):
    with pytest.raises(PageError, match=problem):
        run(tmp_path, text)


GITHUB = """
on: [push]
jobs:
  tests:
    steps:
      - uses: actions/checkout@v4
      - run: |
          pip install "russo-core[local]"
          echo "$MODE" \\
            again > seen.txt
        env: {MODE: replay, KEY: "${{ secrets.KEY }}"}
"""
GITLAB = """
variables: {MODE: replay}
tests:
  before_script: ['test "$MODE" = replay']
  script:
    - echo "$MODE" again > seen.txt
"""


@pytest.mark.parametrize(
    ("title", "workflow"), [(".github/workflows/tests.yml", GITHUB), (".gitlab-ci.yml", GITLAB)]
)
def test_workflows_are_run(tmp_path, title, workflow):
    run(tmp_path, named(title, "yaml", workflow))
    assert (tmp_path / "story" / "seen.txt").read_text() == "replay again\n"
    with pytest.raises(PageError, match="fails"):
        run(tmp_path / "again", named(title, "yaml", workflow.replace("echo", "false")))


def test_shared_folder_of_a_page_is_beside_its_directory(tmp_path):
    commands = ("$ mkdir /mnt/team-speech", "$ echo file:///mnt/team-speech", "file:///mnt/team-speech")
    run(tmp_path, fenced("console", *commands))
    assert list(tmp_path.rglob("team-speech")) == [tmp_path / "story-home" / "team-speech"]


def test_page_starts_in_a_copy_of_the_folder_that_it_names(tmp_path):
    text = "---\nstart: examples/voice-agent\n---\n" + fenced("console", "$ ls voice_agent/agent.py")
    run(tmp_path, text)
    assert not (tmp_path / "story" / ".russo_cache").exists()


def test_pages_print_the_same_on_a_build_server(tmp_path, monkeypatch):
    monkeypatch.setenv("CI", "true")  # with this variable, pytest does not shorten its output
    monkeypatch.setenv("FORCE_COLOR", "1")
    failing = named("test_it.py", "python", "def test_it():", "    assert list('abc') == list('abd')")
    output = [
        "...",
        "E         Use -v to get more diff",
        "...",
        "FAILED test_it.py::test_it - AssertionError: assert ['a', 'b', 'c'] == ['a', 'b', 'd']",
        "...",
    ]
    run(tmp_path, failing + fenced("console", "$ pytest test_it.py  # fails", *output))


def test_pages_have_no_keys_and_no_network(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "a-secret-key")
    monkeypatch.setenv("RUSSO_SYNTH", "openai")
    script = (
        "import os, urllib.request",
        "assert 'a-secret-key' not in os.environ.values() and 'RUSSO_SYNTH' not in os.environ",
        "try:",
        "    urllib.request.urlopen('http://example.org')",
        "except OSError as error:",
        "    assert '111' in str(error), error",
        "else:",
        "    raise AssertionError('a network')",
    )
    run(tmp_path, fenced("python", *script))


SPEAK = """
import asyncio
from russo import AuthenticationError, load_synthesizer
synthesizer = load_synthesizer("openai", max_attempts=1{options})
try:
    assert asyncio.run(synthesizer.synthesize("Hello")).duration == 2.0
except {error} as problem:
    print(problem)
else:
    print("spoken")
"""


@pytest.mark.parametrize(
    ("key", "options", "error", "seen"),
    [
        ("a-key", "", "ValueError", "spoken"),
        ("", "", "AuthenticationError", "...there is no API key..."),
        ("a-key", ", base_url='https://example.org/v1'", "Exception", "...could not speak..."),
    ],
)
def test_local_vendors_answer_calls_with_a_key(tmp_path, key, options, error, seen):
    script = SPEAK.format(options=options, error=error)
    run(
        tmp_path,
        named("speak.py", "python", script)
        + fenced("console", f"$ export OPENAI_API_KEY={key}", "$ python speak.py", seen),
    )


def test_every_page_is_run():
    names = {str(page.relative_to(ROOT)) for page in pages()}
    written = {str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md")}
    assert {
        "README.md",
        "CONTRIBUTING.md",
        "russo-core/README.md",
        "examples/voice-agent/README.md",
        "examples/livekit-agent/README.md",
    } | written <= names
