"""Which prompts will certainly be used: speaking ahead makes no additional backend call."""

import importlib.util

import pytest

from support.projects import summary

# In each case the test does not reach its audio, or may not reach it. The first string is a conftest.py.
NOT_RUN = {
    "skip": ("", "@pytest.mark.skip\n{test}"),
    "skipif": ("", "@pytest.mark.skipif(True, reason='-')\n{test}"),
    "skipif as text": ("", "@pytest.mark.skipif('True', reason='-')\n{test}"),
    "skip of the module": ("", "pytestmark = pytest.mark.skip\n{test}"),
    "skip of a parameter": (
        "",
        "@pytest.mark.parametrize('n', [pytest.param(1, marks=pytest.mark.skip)])\n"
        "@pytest.mark.russo('Prompt')\ndef test_it(russo_audio, n): pass",
    ),
    "module level": ("", "pytest.skip('-', allow_module_level=True)\n{test}"),
    "importorskip": ("", "pytest.importorskip('no_such_module')\n{test}"),
    "xfail without run": ("", "@pytest.mark.xfail(run=False)\n{test}"),
    "xfail without run, conditional": ("", "@pytest.mark.xfail('True', reason='-', run=False)\n{test}"),
    "xfail without run of the module": ("", "pytestmark = pytest.mark.xfail(run=False)\n{test}"),
    "unittest.skip": ("", "import unittest\n@unittest.skip('-')\n{test}"),
    "skipped TestCase": (
        "",
        "import unittest\n@unittest.skip('-')\nclass TestIt(unittest.TestCase):\n"
        "    @pytest.mark.russo('Prompt')\n    @pytest.mark.usefixtures('russo_audio')\n    def test_it(self): pass",
    ),
    "setUpClass": (
        "",
        "import unittest\nclass TestIt(unittest.TestCase):\n"
        "    @classmethod\n    def setUpClass(cls): raise unittest.SkipTest('-')\n"
        "    @pytest.mark.russo('Prompt')\n    @pytest.mark.usefixtures('russo_audio')\n    def test_it(self): pass",
    ),
    "setup hook": ("def pytest_runtest_setup(item): pytest.skip('-')", "{test}"),
    "setup hook with tryfirst": (
        "@pytest.hookimpl(tryfirst=True)\ndef pytest_runtest_setup(item): pytest.skip('-')",
        "{test}",
    ),
    "setup hook wrapper": (
        "@pytest.hookimpl(wrapper=True)\ndef pytest_runtest_setup(item):\n    pytest.skip('-')\n    yield",
        "{test}",
    ),
    "setup hook that adds a marker": (
        "@pytest.hookimpl(tryfirst=True)\n"
        "def pytest_runtest_setup(item): item.add_marker(pytest.mark.xfail(run=False))",
        "{test}",
    ),
    "protocol hook": ("def pytest_runtest_protocol(item): return True", "{test}"),
    "loop hook": ("def pytest_runtestloop(session): return True", "{test}"),
    "fixture hook": ("def pytest_fixture_setup(fixturedef): pytest.skip('-')", "{test}"),
    "collection hook": (
        "def pytest_collection_modifyitems(items):\n    for item in items: item.add_marker(pytest.mark.skip)",
        "{test}",
    ),
    "hook of another package": ("pytest_plugins = 'skipper'", "{test}"),
    "autouse fixture": ("@pytest.fixture(autouse=True)\ndef gate(): pytest.skip('-')", "{test}"),
    "autouse fixture that fails": ("@pytest.fixture(autouse=True)\ndef gate(): 1 / 0", "{test}"),
    "session fixture": (
        "@pytest.fixture(scope='session')\ndef gate(): pytest.skip('-')",
        "{with_gate_after}",
    ),
    "fixture before": ("@pytest.fixture\ndef gate(): pytest.skip('-')", "{with_gate_before}"),
    "missing fixture": ("", "{with_gate_before}"),
    "usefixtures": (
        "@pytest.fixture\ndef gate(): pytest.skip('-')",
        "@pytest.mark.usefixtures('gate')\n{test}",
    ),
    "override of a pytest fixture": (
        "@pytest.fixture\ndef tmp_path(): pytest.skip('-')",
        "@pytest.mark.russo('Prompt')\ndef test_it(tmp_path, russo_audio): pass",
    ),
    "setup_module": ("", "def setup_module(): pytest.skip('-')\n{test}"),
    "setup_function": ("", "def setup_function(function): pytest.skip('-')\n{test}"),
    "setup_class": (
        "",
        "class TestIt:\n    @classmethod\n    def setup_class(cls): pytest.skip('-')\n"
        "    @pytest.mark.russo('Prompt')\n    def test_it(self, russo_audio): pass",
    ),
    "setup_method": (
        "",
        "class TestIt:\n    def setup_method(self): pytest.skip('-')\n"
        "    @pytest.mark.russo('Prompt')\n    def test_it(self, russo_audio): pass",
    ),
    "overridden cache": (
        "@pytest.fixture(scope='session')\ndef russo_cache(tmp_path_factory):\n"
        "    from russo import AudioCache\n    return AudioCache(tmp_path_factory.mktemp('own'))",
        "{test}",
    ),
    "audio that is a parameter": (
        "",
        "@pytest.mark.parametrize('russo_audio', [1])\n@pytest.mark.russo('Prompt')\ndef test_it(russo_audio): pass",
    ),
}
TESTS = {
    "test": "@pytest.mark.russo('Prompt')\ndef test_it(russo_audio): pass",
    "with_gate_after": "@pytest.mark.russo('Prompt')\ndef test_it(russo_audio, gate): pass",
    "with_gate_before": "@pytest.mark.russo('Prompt')\ndef test_it(gate, russo_audio): pass",
}
# Tests that certainly reach their audio.
RUN = {
    "alone": "{test}",
    "pytest fixtures": "@pytest.mark.russo('Prompt')\ndef test_it(tmp_path, request, russo_audio, monkeypatch): pass",
    "later fixture": (
        "@pytest.fixture\ndef gate(): pytest.skip('-')\n"
        "@pytest.mark.russo('Prompt')\ndef test_it(russo_audio, gate): pass"
    ),
    "parameters": (
        "@pytest.mark.parametrize('n', [1, 2])\n@pytest.mark.russo('Prompt')\ndef test_it(n, russo_audio): pass"
    ),
    "asyncio": "@pytest.mark.asyncio\n@pytest.mark.russo('Prompt')\nasync def test_it(russo_audio): pass",
    "xfail": "@pytest.mark.xfail\n{test}\n",
    "false skipif": "@pytest.mark.skipif(False, reason='-')\n{test}",
    "in a class": "class TestIt:\n    @pytest.mark.russo('Prompt')\n    def test_it(self, russo_audio): pass",
    "unittest.skip of a function": "import unittest\n@unittest.skip('-')\n{test}",
}


NOTE_START = """
def pytest_runtest_logstart():
    with open("calls.txt", "a") as calls:
        calls.write("start\\n")
"""


def write(project, conftest, test):
    project.pytester.makeconftest(f"import pytest\n{conftest}\n")
    project.pytester.makepyfile(skipper="import pytest\ndef pytest_runtest_setup(item): pytest.skip('-')\n")
    project.pytester.makepyfile(test_it=f"import pytest\n{test.format(**TESTS)}\n")


def run_uncached(project, *arguments):
    """Run with an empty cache; return the outcomes, the summary and the calls."""
    (project.path / "calls.txt").unlink(missing_ok=True)
    result = project.run("--russo-clear-cache", *arguments)
    return result.parseoutcomes(), summary(result), project.calls


@pytest.mark.parametrize(("conftest", "test"), NOT_RUN.values(), ids=NOT_RUN)
def test_speaking_ahead_makes_no_call_for_a_test_that_does_not_run(acme_project, conftest, test):
    write(acme_project, conftest, test)
    without = run_uncached(acme_project)
    assert run_uncached(acme_project, "-o", "russo_speak_ahead=4") == without


@pytest.mark.parametrize("option", ["-x", "--maxfail=1", "--stepwise", "--setup-plan"])
def test_nothing_is_spoken_ahead_of_a_run_that_may_stop_early(acme_project, option):
    failing = "def test_fails(): assert False\n@pytest.mark.russo('Never')\ndef test_never(russo_audio): pass"
    write(acme_project, "", failing)
    cache = [] if option == "--stepwise" else ["-p", "no:cacheprovider"]
    for more in [], ["-o", "russo_speak_ahead=4"]:
        acme_project.pytester.runpytest_inprocess("-p", "no:hypothesispytest", *cache, option, *more)
        assert acme_project.calls == []


@pytest.mark.parametrize("test", RUN.values(), ids=RUN)
def test_prompt_of_a_test_that_certainly_runs_is_spoken_ahead(acme_project, test):
    write(acme_project, NOTE_START, test)
    without = run_uncached(acme_project)
    ahead = run_uncached(acme_project, "-o", "russo_speak_ahead=4")
    assert ahead[:2] == without[:2]
    assert without[2][:2] == ["start", "a Prompt"]
    assert ahead[2][:2] == ["a Prompt", "start"]


@pytest.mark.parametrize("name", ["pytest_cov", "pytest_randomly", "pytest_rerunfailures", "russo_agents"])
def test_common_plugins_do_not_disable_speaking_ahead(acme_project, name):
    """Hooks of these plugins run before the fixtures of a test but never skip the test."""
    write(acme_project, NOTE_START, "{test}")
    hooks = "def pytest_runtest_setup(item): pass\ndef pytest_runtest_protocol(item, nextitem): pass\n"
    is_installed = importlib.util.find_spec(name) is not None  # then every run loads the true plugin
    if not is_installed:
        acme_project.pytester.makepyfile(**{name: hooks})
    arguments = [] if is_installed else ["-p", name]
    run = run_uncached(acme_project, *arguments, "-o", "russo_speak_ahead=4")
    assert run[2][:2] == ["a Prompt", "start"]


def test_verbose_lists_tests_that_are_not_spoken_ahead_with_the_reason(acme_project):
    write(acme_project, *NOT_RUN["setup hook"])
    result = acme_project.run("-v", "-o", "russo_speak_ahead=4")
    result.stdout.fnmatch_lines(
        ["russo: not spoken ahead for test_it.py::test_it: the hook pytest_runtest_setup of * may skip it"]
    )
    write(acme_project, *NOT_RUN["usefixtures"])
    result = acme_project.run("-v", "-o", "russo_speak_ahead=4")
    result.stdout.fnmatch_lines(
        [
            "russo: not spoken ahead for test_it.py::test_it: the fixture gate, which is set up earlier, may skip it"
        ]
    )


def test_record_only_records_prompts_that_a_hook_or_fixture_may_skip(acme_project):
    write(acme_project, *NOT_RUN["setup hook"])
    acme_project.run("--russo-record-only").stdout.fnmatch_lines(
        ["russo: 1 of 1 marked prompts are recorded"]
    )
    write(acme_project, *NOT_RUN["xfail without run"])
    result = acme_project.run("--russo-record-only")
    result.stdout.fnmatch_lines(["russo: not spoken ahead for *: it is or may be marked as xfail(run=False)"])


def test_workers_make_no_call_for_a_test_that_does_not_run(acme_project):
    write(acme_project, *NOT_RUN["setup hook"])
    result = acme_project.run("-n", "2", "-o", "russo_speak_ahead=4", subprocess=True)
    result.assert_outcomes(skipped=1)
    assert acme_project.calls == []


@pytest.mark.parametrize("record_only", [[], ["--russo-record-only"]], ids=["ahead", "record only"])
@pytest.mark.parametrize("broken", ["__init__", "aclose"])
def test_backend_that_cannot_be_made_or_closed_does_not_break_the_run(acme_project, broken, record_only):
    method = {
        "__init__": "def __init__(self): raise RuntimeError('no engine')",
        "aclose": "async def aclose(self): raise RuntimeError('no engine')",
    }[broken]
    acme_project.pytester.makepyfile(
        acme2=f"from acme import Acme as Base\nclass Acme(Base):\n    {method}\n"
    )
    write(acme_project, "", TESTS["test"])
    result = acme_project.run("-o", "russo_speak_ahead=4", "--russo-synth=acme2:Acme", *record_only)
    shown = "\n".join([*result.outlines, *result.errlines])
    assert "INTERNALERROR" not in shown
    assert "no engine" in shown
    assert result.ret in {0, 1, 4}
