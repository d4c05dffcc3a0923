"""Which runs are complete. After an incomplete run, no entry is removed and the reason is printed."""

import shutil

import pytest

TESTS = """
    import pytest

    @pytest.mark.parametrize("n", range(3))
    def test_n(russo_say, n):
        russo_say(f"Prompt {n}")
"""
ALL_OF_THEM = 5  # entries: four prompts of today and one of yesterday


@pytest.fixture
def shelf(project):
    """A project with four tests in two files; its next complete run would remove one entry."""
    project.tests(TESTS)
    project.pytester.mkdir("more").joinpath("test_more.py").write_text(
        "def test_more(russo_say): russo_say('More'); russo_say('Yesterday')\n"
    )
    project.run().assert_outcomes(passed=4)
    (project.path / "more" / "test_more.py").write_text("def test_more(russo_say): russo_say('More')\n")
    assert project.cached() == ALL_OF_THEM
    return project


def prune(project, *arguments, **options):
    return project.run("--russo-prune-unused", *arguments, **options)


def reason_of(result):
    """Return the reason in russo's line, or None if entries could be removed."""
    lines = [line for line in result.outlines if line.startswith("russo: no unused entries are removed: ")]
    return lines[0].split("removed: ", 1)[1] if lines else None


def add_conftest(project, code):
    path = project.path / "conftest.py"
    path.write_text(path.read_text() + code)


@pytest.mark.parametrize(
    "arguments",
    [[], ["-v"], ["-qq"], ["-rA", "--tb=short"], ["--color=yes"], ["-n", "2"]],
    ids=" ".join,
)
def test_complete_run_removes_unused_entries(shelf, arguments):
    result = prune(shelf, *arguments, subprocess="-n" in arguments)
    assert reason_of(result) is None
    result.stdout.fnmatch_lines(["russo: removed: 'Yesterday' (*"])
    assert shelf.cached() == ALL_OF_THEM - 1


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["-k", "test_n"], "-k selected tests"),
        (["-m", "not slow"], "-m selected tests"),
        (["-x"], "-x or --maxfail may stop early"),
        (["--maxfail=3"], "-x or --maxfail may stop early"),
        (["--deselect=test_it.py::test_n[0]"], "--deselect left out tests"),
        (["--ignore=more"], "--ignore left out files"),
        (["--ignore-glob=*more*"], "--ignore-glob left out files"),
        (["--collect-only"], "--collect-only ran no test"),
        (["--setup-only"], "--setup-only ran no test"),
        (["--setup-plan"], "--setup-plan ran no test"),
        (["--fixtures"], "--fixtures ran no test"),
        (["--fixtures-per-test"], "--fixtures-per-test ran no test"),
        (["--russo-record-only", "--russo-synth=custom:Speaker"], "--russo-record-only ran no test"),
        (["test_it.py"], "paths were given"),
        (["--pyargs", "more"], "paths were given"),
        (["-o", "testpaths=more"], "-o testpaths selected tests"),
        (["-o", "python_files=test_m*.py"], "-o python_files selected tests"),
        (["--override-ini=python_functions=test_m"], "-o python_functions selected tests"),
        (["-o", "norecursedirs=more"], "-o norecursedirs selected tests"),
        (["-p", "no:python"], "exit code 5"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_options_that_omit_tests_make_a_run_incomplete(shelf, arguments, reason):
    if "--russo-record-only" in arguments:
        shelf.pytester.syspathinsert()
        shelf.pytester.makepyfile(custom="from conftest import Speaker")
    assert reason in reason_of(prune(shelf, *arguments))
    assert shelf.cached() == ALL_OF_THEM


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--lf"], "--lf selected tests"),
        (["--stepwise"], "--stepwise may stop early"),
        (["--sw-skip"], "--stepwise may stop early"),
        (["--ff"], None),
        (["--nf"], None),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_options_that_depend_on_the_last_run_make_a_run_incomplete(shelf, arguments, reason):
    shutil.rmtree(shelf.path / ".russo_cache" / ".russo-ledgers")  # from runs without pytest's own cache
    file, run = shelf.path / "more" / "test_more.py", shelf.pytester.runpytest_inprocess
    now = file.read_text()
    file.write_text(now + "def test_old(russo_say): russo_say('Yesterday')\n")
    run("--cache-clear").assert_outcomes(passed=5)
    file.write_text(now)
    result = run("--russo-prune-unused", *arguments)
    assert reason == reason_of(result) or reason in reason_of(result)
    assert shelf.cached() == (ALL_OF_THEM if reason else ALL_OF_THEM - 1)


def test_noconftest_makes_a_run_incomplete(shelf):
    shelf.pytester.makepyfile(voice="from conftest import *")
    shelf.pytester.syspathinsert()
    result = prune(shelf, "--noconftest", "-p", "voice")
    assert "--noconftest left out conftest.py files" in reason_of(result)
    assert shelf.cached() == ALL_OF_THEM


def test_options_in_the_environment_make_a_run_incomplete(shelf, monkeypatch):
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:hypothesispytest -o python_files=test_i*.py")
    assert "-o python_files" in reason_of(prune(shelf))
    assert shelf.cached() == ALL_OF_THEM


def test_run_in_a_subfolder_of_the_rootdir_is_incomplete(shelf, monkeypatch):
    monkeypatch.chdir(shelf.path / "more")
    assert "not in the rootdir" in reason_of(prune(shelf, f"--rootdir={shelf.path}"))
    assert shelf.cached() == ALL_OF_THEM


HOOKS = {
    "items cut in a hook": (
        "def pytest_collection_modifyitems(items): items[:] = items[:1]",
        "3 of 4 tests did not run",
    ),
    "items cut in a wrapper before all hooks": (
        "@pytest.hookimpl(wrapper=True, tryfirst=True)\n"
        "def pytest_collection_modifyitems(items):\n    del items[1:]\n    return (yield)",
        "3 of 4 tests did not run",
    ),
    "items replaced": (
        "def pytest_collection_modifyitems(items):\n"
        "    items[0] = pytest.Function.from_parent(items[1].parent, name='test_x', callobj=lambda: None)",
        "the tests that ran are not those that were collected",
    ),
    "an ignored file": (
        "def pytest_ignore_collect(collection_path): return collection_path.name == 'test_more.py' or None",
        "collection left out *test_more.py",
    ),
    "an ignored folder": (
        "def pytest_ignore_collect(collection_path): return collection_path.name == 'more' or None",
        "collection left out *more",
    ),
    "collect_ignore": ("collect_ignore = ['more/test_more.py']", "collection left out *test_more.py"),
    "collect_ignore_glob": ("collect_ignore_glob = ['mor*']", "collection left out *more"),
    "other paths": ("def pytest_configure(config): config.args = ['more']", "a plugin chose paths"),
    "tests skipped by a protocol hook": (
        "def pytest_runtest_protocol(item): return True if 'more' in item.nodeid else None",
        "1 of 4 tests did not run",
    ),
    "tests without the call phase": (
        "from _pytest.runner import call_and_report\n"
        "def pytest_runtest_protocol(item, nextitem):\n"
        "    call_and_report(item, 'setup')\n"
        "    call_and_report(item, 'teardown', nextitem=nextitem)\n"
        "    return True",
        "4 of 4 tests did not run",
    ),
    "a run loop that ends early": (
        "def pytest_runtestloop(session):\n"
        "    item = session.items[0]\n"
        "    item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)\n"
        "    return True",
        "3 of 4 tests did not run",
    ),
    "an exit with code 0": (
        "def pytest_runtest_teardown(item): pytest.exit('enough', returncode=0)",
        "of 4 tests did not run",
    ),
    "a request to stop": (
        "def pytest_runtest_teardown(item): item.session.shouldstop = 'enough'",
        "exit code 2",
    ),
    "reports made by a plugin": (
        "def pytest_runtest_protocol(item, nextitem):\n"
        "    for when in ('setup', 'call', 'teardown'):\n"
        "        report = pytest.TestReport(item.nodeid, item.location, {}, 'passed', None, when)\n"
        "        item.ihook.pytest_runtest_logreport(report=report)\n"
        "    return True",
        "a plugin ran 4 tests where russo does not see what they use",
    ),
    "a hook that deselects and reports it": (
        "def pytest_collection_modifyitems(items, config):\n"
        "    config.hook.pytest_deselected(items=[items.pop()])",
        "1 deselected",
    ),
}


IN_WORKERS = ("items cut in a hook", "collect_ignore", "reports made by a plugin")


@pytest.mark.parametrize(
    ("how", "xdist"), [*((how, []) for how in HOOKS), *((how, ["-n", "2"]) for how in IN_WORKERS)]
)
def test_hooks_that_omit_tests_make_a_run_incomplete(shelf, how, xdist):
    code, reason = HOOKS[how]
    add_conftest(shelf, "\n" + code)
    result = prune(shelf, *xdist, subprocess=bool(xdist))
    result.stdout.fnmatch_lines([f"russo: no unused entries are removed: *{reason}*"])
    assert shelf.cached() == ALL_OF_THEM


COLLECT_YAML = """
import pytest

def pytest_collect_file(file_path, parent):
    return Spoken.from_parent(parent, path=file_path) if file_path.suffix == ".yaml" else None

class Spoken(pytest.File):
    def collect(self):
        return []
"""


@pytest.mark.parametrize(
    ("name", "code", "options"),
    [
        ("said.yaml", "collect_ignore = ['more/said.yaml']\n" + COLLECT_YAML, []),
        ("said.yaml", "collect_ignore_glob = ['more/*.yaml']\n" + COLLECT_YAML, []),
        (
            "said.yaml",
            "def pytest_ignore_collect(collection_path):\n"
            "    return collection_path.suffix == '.yaml' or None",
            [],
        ),
        ("said.md", "collect_ignore = ['more/said.md']", ["--doctest-glob=*.md"]),
        ("said.py", "collect_ignore = ['more/said.py']", ["--doctest-modules"]),
    ],
)
def test_omitted_files_of_other_collectors_make_a_run_incomplete(shelf, name, code, options):
    (shelf.path / "more" / name).write_text("")
    add_conftest(shelf, "\n" + code)
    assert f"collection left out {shelf.path / 'more' / name}" in reason_of(prune(shelf, *options))
    assert shelf.cached() == ALL_OF_THEM


@pytest.mark.parametrize("xdist", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_hooks_that_reorder_or_rename_tests_keep_a_run_complete(shelf, xdist):
    add_conftest(
        shelf,
        "\ndef pytest_collection_modifyitems(items):\n    items.reverse()\n"
        "    for item in items:\n"
        "        if hasattr(item, '_nodeid'): item._nodeid += '@group'  # xdist, up to pytest 9.1\n",
    )
    prune(shelf, *xdist, subprocess=bool(xdist)).stdout.fnmatch_lines(["russo: removed: 'Yesterday' (*"])


@pytest.mark.parametrize(
    "ignored",
    ["build/test_b.py", "node_modules/test_n.py", "env/pyvenv.cfg", "more/__pycache__/test_c.py", "setup.py"],
)
def test_files_that_pytest_never_collects_keep_a_run_complete(shelf, ignored):
    path = shelf.path / ignored
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("def test_never(): assert False\n")
    add_conftest(shelf, "\ncollect_ignore = ['setup.py']\n")
    prune(shelf).stdout.fnmatch_lines(["russo: removed: 'Yesterday' (*"])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("pytest.skip('after it spoke')", "1 skipped"),
        ("pytest.xfail('known')", "1 xfailed"),
        ("assert False", "1 failed"),
        ("raise KeyboardInterrupt", "exit code 2"),
        ("pytest.exit('enough')", "exit code 2"),
    ],
)
def test_test_that_does_not_pass_makes_a_run_incomplete(shelf, body, reason):
    (shelf.path / "more" / "test_more.py").write_text(
        f"import pytest\ndef test_more(russo_say):\n    russo_say('More')\n    {body}\n"
    )
    assert reason in reason_of(prune(shelf, subprocess="Keyboard" in body))
    assert shelf.cached() == ALL_OF_THEM


@pytest.mark.parametrize("how", ["skip", "xfail(run=False)", "skipif(True, reason='r')"])
def test_skip_marker_makes_a_run_incomplete(shelf, how):
    (shelf.path / "more" / "test_more.py").write_text(
        f"import pytest\n@pytest.mark.{how}\ndef test_more(russo_say): russo_say('More')\n"
    )
    assert reason_of(prune(shelf))
    assert shelf.cached() == ALL_OF_THEM


@pytest.mark.parametrize(
    "how", ["pytest.skip('m', allow_module_level=True)", "pytest.importorskip('no_such')"]
)
def test_skipped_module_makes_a_run_incomplete(shelf, how):
    (shelf.path / "more" / "test_more.py").write_text(f"import pytest\n{how}\n")
    assert "1 skipped" in reason_of(prune(shelf))
    assert shelf.cached() == ALL_OF_THEM


def test_crashed_worker_makes_a_run_incomplete(shelf):
    (shelf.path / "more" / "test_more.py").write_text("import os\ndef test_more(): os._exit(1)\n")
    assert reason_of(prune(shelf, "-n", "2", subprocess=True))
    assert shelf.cached() == ALL_OF_THEM


def test_worker_that_crashes_after_its_tests_makes_a_run_incomplete(shelf):
    """xdist reports no failure, but the keys that the worker used after its last test are lost."""
    add_conftest(
        shelf,
        "\nimport os\ndef pytest_sessionfinish(session):\n"
        "    if hasattr(session.config, 'workerinput'): os._exit(1)\n",
    )
    result = prune(shelf, "-n", "1", subprocess=True)
    result.assert_outcomes(passed=4)
    assert "worker gw0 crashed" in reason_of(result)
    assert shelf.cached() == ALL_OF_THEM
