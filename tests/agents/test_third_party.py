"""An adapter of another package: a wheel in a clean environment, found by its name."""

import shutil

import pytest

from support.clean_environment import ROOT, build, contents, only

ECHO = ROOT / "tests" / "support" / "agents" / "russo-echo"
CHOSEN = ("--russo-agent=echo", "--russo-pace=0", "--russo-synth=local")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    path = tmp_path_factory.mktemp("echo")
    projects = [ROOT / name for name in ("russo-core", "russo-agents", "russo-local")]
    return build(path, *projects, ECHO, lent=("russo-agents", "russo-local"))


@pytest.fixture
def project(tmp_path):
    shutil.copy(ECHO / "echo_contract.py", tmp_path / "test_echo.py")
    return tmp_path


def run_pytest(installed, project, *options, code=0):
    command = ("python", "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *options)
    return installed.run(*command, cwd=project, code=code)


def test_wheel_registers_the_agent(installed):
    wheel = contents(only(installed.wheels, "russo_echo-*.whl"))
    assert wheel["russo_echo-1.2.3.dist-info/entry_points.txt"] == (
        "[russo.agents]\necho = russo_echo:EchoAgent\n"
    )


def test_adapter_keeps_the_contract_and_is_chosen_by_name_with_its_option(installed, project):
    shown = run_pytest(installed, project, *CHOSEN, "--russo-agent-option=echo.words=repeated")
    # The checks of tool calls, of a hang-up and of an SDK do not apply.
    assert "22 passed, 3 skipped" in shown
    assert "2 calls with 2 turns" in shown


def test_option_that_the_agent_does_not_have_is_refused(installed, project):
    shown = run_pytest(
        installed, project, *CHOSEN, "--russo-agent-option=echo.word=x", "-k", "chosen", code=4
    )
    assert "agent 'echo' has no option 'word'" in shown
    assert "words" in shown


def test_unknown_name_is_refused_with_the_installed_names(installed, project):
    shown = run_pytest(installed, project, "--russo-agent=ecko", "-k", "chosen", code=4)
    assert "'ecko'" in shown
    assert "echo" in shown
