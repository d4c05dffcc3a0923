"""With disabled pytest plugins, russo works or names the missing plugin, and never breaks the run."""

import pytest
from _pytest.config import default_plugins, essential_plugins

from support.projects import summary

BUILT_IN = [name for name in default_plugins if name not in essential_plugins]
OTHERS = ["terminal,capture", "terminal,logging", "xdist", "asyncio", "anyio", "fakefs", "terminalreporter"]
TESTS = """
    import pytest

    @pytest.mark.russo("One")
    def test_one(russo_audio): pass

    def test_said(russo_say): russo_say("Said")
"""
PROJECT_OPTIONS = [
    "-v",
    "--russo-report=page.html",
    "--russo-prune-unused",
    "-o",
    "russo_speak_ahead=4",
]
# Without these plugins, pytest collects no test or sets up no fixture.
NO_TESTS = {"python", "fixtures", "runner"}


@pytest.fixture
def without(acme_project):
    """Return a function that runs the project without some plugins and returns the result and its output."""
    acme_project.tests(TESTS)
    # Options of disabled plugins would be unknown.
    acme_project.pytester.makeini(
        "[pytest]\nrusso_synth = acme:Acme\nasyncio_default_fixture_loop_scope = function\n"
    )

    def without(plugins, *arguments):
        off = [part for name in plugins.split(",") for part in ("-p", f"no:{name}")]
        run = acme_project.pytester.runpytest_inprocess
        result = run("-p", "no:hypothesispytest", "-p", "no:cacheprovider", *off, *arguments)
        text = "\n".join([*result.outlines, *result.errlines])
        assert "INTERNALERROR" not in text
        assert "Traceback" not in text
        return result, text

    return acme_project, without


@pytest.mark.parametrize("plugins", [*BUILT_IN, *OTHERS])
def test_every_plugin_may_be_disabled(without, plugins):
    project, run = without
    for calls in (["a One", "a Said"], ["a One", "a Said"]):
        # -v is an option of the terminal plugin.
        result, _ = run(
            plugins, *PROJECT_OPTIONS[plugins.startswith("terminal") and "reporter" not in plugins :]
        )
        if plugins in NO_TESTS:
            assert project.calls == []
            continue
        assert result.ret == 0
        assert sorted(project.calls) == calls
        if "terminal" not in plugins:
            assert summary(result) is not None
        assert (project.path / "page.html").exists()
    (project.path / "test_it.py").write_text(
        (project.path / "test_it.py").read_text() + "\ndef test_new(russo_say): russo_say('New')\n"
    )
    result, text = run(plugins, "--russo-cache-mode=replay")
    if plugins not in NO_TESTS:
        assert result.ret == 1
        if "terminal" not in plugins:
            assert "no cached audio for 'New'" in text
    result, _ = run(plugins, "--russo-record-only")
    if plugins not in NO_TESTS:
        assert result.ret == 0
    run(plugins, "--collect-only", "--russo-prune-unused")
    run(plugins, "--russo-clear-cache")
    result, _ = run(plugins, "--russo-cache-mode=never")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
