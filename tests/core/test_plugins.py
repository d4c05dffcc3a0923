"""`russo.plugins`, used by a companion package (a separate distribution), in real pytest processes."""

import subprocess
import sys
from textwrap import dedent

import pytest

from russo import plugins
from support.report import attempts_of, read_document

COMPANION = '''
"""A companion of russo: agents under test, chosen as backends are."""

import pytest

from russo import plugins

AGENTS = plugins.EntryPointGroup("acme.agents", noun="agent", product="agent")
COUNTERS = pytest.StashKey()


def check_agent(candidate):
    if not hasattr(candidate, "hear"):
        raise TypeError("it has no method hear")


def pytest_addoption(parser):
    plugins.add_setting(parser, "acme", metavar="NAME", help="the agent under test")
    plugins.add_setting(parser, "acme_write", metavar="YES", help="not for an ini-file", in_ini=False)
    plugins.add_options_setting(parser, "acme", help="option of an agent")


def pytest_configure(config):
    counters = config.stash[COUNTERS] = plugins.Counters(config, "acme")
    shared = plugins.shared_directory(config)
    assert shared.is_dir()

    def lines():
        total = counters.total()
        files = sorted(path.name for path in shared.glob("acme-*"))
        return [f"acme: {total['turns']} turns, {total['words']} words, shared {','.join(files)}"]

    plugins.add_summary_lines(config, lines)


@pytest.fixture
def acme_agent(request):
    config = request.config
    chosen = plugins.setting_of(config, "acme")
    texts = plugins.options_of(config, "acme", chosen.value)
    options = AGENTS.convert_options(chosen.value, AGENTS.load(chosen.value), texts)
    return AGENTS.make(chosen.value, options, check_agent)


@pytest.fixture
def acme_hear(request, acme_agent, russo_say):
    counters = request.config.stash[COUNTERS]

    def hear(text):
        reply = plugins.wait_for(request.config, acme_agent.hear(russo_say(text)))
        counters.add("turns")
        counters.add("words", len(text.split()))
        worker = getattr(request.config, "workerinput", {}).get("workerid", "alone")
        (plugins.shared_directory(request.config) / f"acme-{worker}").touch()
        plugins.add_report_section(
            request.config,
            plugins.ReportSection(
                title="Conversations", columns=("who", "what"), rows=[("caller", text), ("agent", reply)]
            ),
        )
        return reply

    return hear
'''
AGENT = """
import asyncio

class Parrot:
    def __init__(self, *, words: int = 1, loud: bool = False):
        self.words, self.loud = words, loud
        self.loop = None

    async def hear(self, audio):
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        assert self.loop in (None, loop)
        self.loop = loop
        return ("A" if self.loud else "a") * self.words

class Deaf:
    pass
"""
TEST = """
import pytest

@pytest.mark.parametrize("number", range(4))
def test_it(acme_hear, number):
    assert acme_hear(f"Prompt {number}") == acme_hear(f"Prompt {number}") == "aaa"
"""


@pytest.fixture
def companion(project, tmp_path, monkeypatch):
    """A project with two installed distributions: a companion and agents for it."""
    site = tmp_path / "site"
    site.mkdir()
    for name, source, entry_points in (
        ("acme_companion", COMPANION, "[pytest11]\nacme = acme_companion\n"),
        ("acme_parrot", AGENT, "[acme.agents]\nparrot = acme_parrot:Parrot\ndeaf = acme_parrot:Deaf\n"),
    ):
        (site / f"{name}.py").write_text(source)
        info = site / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(entry_points)
    monkeypatch.setenv("PYTHONPATH", str(site))
    project.tests(TEST)
    return project


def run(project, *arguments):
    return project.run(*arguments, subprocess=True)


@pytest.mark.parametrize(("workers", "files"), [((), "acme-alone"), (("-n", "2"), "acme-gw0,acme-gw1")])
def test_counters_and_shared_files_come_from_every_process(companion, workers, files):
    result = run(companion, *workers, "--russo-acme=parrot", "--russo-acme-option=parrot.words=3")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(
        ["russo: 4 hits*4 backend calls*", f"acme: 8 turns, 16 words, shared {files}"]
    )


@pytest.mark.parametrize(
    ("line", "environment", "ini"),
    [(["--russo-acme=parrot"], "nothing", "nothing"), ([], "parrot", "nothing"), ([], "", "parrot")],
)
def test_setting_of_a_companion_has_the_precedence_of_russo(companion, monkeypatch, line, environment, ini):
    monkeypatch.setenv("RUSSO_ACME", environment)
    companion.ini(f"russo_acme = {ini}\nrusso_acme_options =\n    parrot.words=3\n    other.words=9")
    run(companion, *line).assert_outcomes(passed=4)


def test_setting_holds_its_source(companion):
    companion.ini("russo_acme = parrot")
    companion.tests(
        """
        from russo import plugins

        def test_it(request, monkeypatch):
            config = request.config
            assert plugins.setting_of(config, "acme") == plugins.Setting("parrot", "ini-file, russo_acme")
            monkeypatch.setenv("RUSSO_ACME", "deaf")
            assert plugins.setting_of(config, "acme").source == "environment variable RUSSO_ACME"
            assert plugins.setting_of(config, "acme_write") == plugins.Setting(None, "default")
            monkeypatch.setenv("RUSSO_ACME_WRITE", "yes")
            assert plugins.setting_of(config, "acme_write").value == "yes"
        """
    )
    run(companion).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--russo-acme=parot"],
            "*no agent is named 'parot'; installed: deaf, parrot; did you mean 'parrot'?*",
        ),
        (["--russo-acme=deaf"], "*agent 'deaf' cannot be used: it has no method hear*"),
        (
            ["--russo-acme=parrot", "--russo-acme-option=parrot.word=3"],
            "*agent 'parrot' has no option 'word' (did you mean 'words'?); its options are: loud, words*",
        ),
        (
            ["--russo-acme=parrot", "--russo-acme-option=parrot.words=many"],
            "*agent 'parrot', option words='many': must be an integer, not 'many'*",
        ),
        (
            ["--russo-acme=parrot", "--russo-acme-option=words=3"],
            "*acme option 'words=…' does not have the form NAME.OPTION=VALUE*",
        ),
        (
            ["--russo-acme=acme_parrot:Nothing"],
            "*agent 'acme_parrot:Nothing' cannot be loaded: module 'acme_parrot' has no attribute 'Nothing'*",
        ),
    ],
)
def test_errors_of_a_group_are_like_those_of_backends(companion, arguments, message):
    result = run(companion, *arguments)
    result.assert_outcomes(errors=4)
    result.stdout.fnmatch_lines([message])


def test_factory_of_the_rootdir_is_found(companion):
    (companion.path / "own_agent.py").write_text("def make():\n    raise ValueError('found')\n")
    companion.conftest(
        """
        from russo import plugins

        def pytest_configure(config):
            plugins.add_import_folders(config)
        """
    )
    companion.tests("def test_it(acme_agent): pass")
    result = run(companion, "--import-mode=importlib", "--russo-acme=own_agent:make")
    result.stdout.fnmatch_lines(["*agent 'own_agent:make' refuses its options: found*"])


def test_factory_may_be_chosen_by_its_import_path(companion):
    arguments = ["--russo-acme=acme_parrot:Parrot", "--russo-acme-option=custom.words=3"]
    run(companion, *arguments).assert_outcomes(passed=4)


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_report_sections_of_every_process_are_in_their_tests(companion, workers):
    options = ["--russo-acme=parrot", "--russo-acme-option=parrot.words=3", "--russo-report=report.json"]
    run(companion, *workers, *options).assert_outcomes(passed=4)
    document = read_document(companion.path / "report.json")
    for number in range(4):
        (attempt,) = attempts_of(document, f"test_it[{number}]")
        rows = [["caller", f"Prompt {number}"], ["agent", "aaa"]]
        section = {"title": "Conversations", "columns": ["who", "what"], "rows": rows, "audio": None}
        assert attempt["sections"] == [section] * 2


def test_section_may_name_a_test_and_have_audio(project):
    project.conftest(
        """
        from russo import plugins

        def add(config, title, **options):
            plugins.add_report_section(config, plugins.ReportSection(title=title, **options))

        def pytest_sessionfinish(session):
            add(session.config, "late", test="test_it.py::test_one", audio=Audio(b"xy" * 100, "pcm", 8000))
            add(session.config, "unknown", test="test_it.py::test_none")
            add(session.config, "no test")
        """
    )
    project.tests(
        """
        from conftest import add

        def test_one(): pass
        def test_two(request): add(request.config, "of one", test="test_it.py::test_one"); add(request.config, "own")
        """
    )
    project.pytester.syspathinsert()
    project.run("--russo-report=report.json", subprocess=True)
    document = read_document(project.path / "report.json")
    one, two = (attempts_of(document, name)[0]["sections"] for name in ("test_one", "test_two"))
    assert [section["title"] for section in one] == ["of one", "late"]
    assert document["audio"][one[1]["audio"]]["seconds"] == 200 / 2 / 8000
    assert [section["title"] for section in two] == ["own"]
    outside = [(section["title"], section.get("test")) for section in document["outside"]["sections"]]
    assert outside == [("unknown", "test_it.py::test_none"), ("no test", None)]


def test_help_shows_the_settings_of_a_companion(companion):
    output = run(companion, "--help").stdout.str()
    assert "--russo-acme=NAME" in output
    assert "russo_acme_options" in output
    assert "russo_acme_write" not in output


def test_import_loads_nothing_but_the_module():
    code = """
        import sys
        import pytest
        import russo._plugin.pytest_plugin
        before = set(sys.modules)
        import russo.plugins
        assert set(sys.modules) - before == {"russo.plugins"}
        assert russo.plugins.Setting("a", "b").value == "a"
    """
    subprocess.run([sys.executable, "-c", dedent(code)], check=True, timeout=60)


def test_row_needs_a_text_for_every_column():
    with pytest.raises(ValueError, match=r"row \['a'\] has 1 texts for 2 columns"):
        plugins.ReportSection(title="Turns", columns=("who", "what"), rows=[("a",)])


@pytest.mark.parametrize("wrong", [{"rows": [(3,)]}, {"columns": (None,)}, {"test": 3}])
def test_all_values_of_a_section_must_be_strings(wrong):
    with pytest.raises(TypeError, match="title, columns, rows and test are text"):
        plugins.ReportSection(**{"title": "Turns", "columns": ("who",), "rows": [("a",)], **wrong})


def test_all_names_are_listed():
    assert set(plugins.__all__) == set(dir(plugins))
    assert all(getattr(plugins, name) for name in plugins.__all__)
