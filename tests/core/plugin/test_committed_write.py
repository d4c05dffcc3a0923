"""`--russo-remote-write` counts on the command line only, because every pull request uses a committed addopts."""

import pytest

from support.projects import SAY_HELLO_TWICE

WRITE = "--russo-remote-write"


@pytest.fixture
def repository(project, shared):
    """A project with a shared store in its ini-file; its function writes an ini-file with addopts."""
    project.tests(SAY_HELLO_TWICE)

    def write(addopts, name="pytest.ini", section="pytest"):
        (project.path / "tox.ini").unlink()  # what the fixture project wrote
        (project.path / name).write_text(
            f"[{section}]\nasyncio_default_fixture_loop_scope = function\n"
            f"addopts = {addopts}\nrusso_remote = {shared.url}\n"
        )

    return write


def assert_refused(result, file):
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    lines = [line for line in result.errlines if WRITE in line]
    assert lines == [
        f"ERROR: {WRITE} is in addopts of {file}; every run of the repository uses these options, also the run "
        "of a pull request; remove it there, and give it on the command line or set RUSSO_REMOTE_WRITE=1"
    ]


@pytest.mark.parametrize(
    ("name", "section"), [("pytest.ini", "pytest"), ("tox.ini", "pytest"), ("setup.cfg", "tool:pytest")]
)
def test_option_in_a_committed_addopts_is_refused(project, shared, repository, name, section):
    repository(f"-v {WRITE}", name, section)
    assert_refused(project.run(), name)
    assert (project.calls, shared.calls()) == ([], [])


@pytest.mark.parametrize("addopts", ['["--russo-remote-write"]', '"--russo-remote-write"'])
def test_option_in_pyproject_is_refused(project, shared, addopts):
    (project.path / "tox.ini").unlink()
    (project.path / "pyproject.toml").write_text(
        f'[tool.pytest.ini_options]\naddopts = {addopts}\nrusso_remote = "{shared.url}"\n'
        'asyncio_default_fixture_loop_scope = "function"\n'
    )
    assert_refused(project.run(), "pyproject.toml")


@pytest.mark.parametrize(
    "addopts",
    [f"{WRITE} -o addopts=-v", "@options.txt"],
    ids=["it hides itself", "in a file of arguments"],
)
def test_option_that_a_committed_addopts_hides_is_refused(project, repository, addopts):
    repository(addopts)
    (project.path / "options.txt").write_text(f"{WRITE}\n")
    assert_refused(project.run(), "pytest.ini")


def test_committed_option_is_refused_even_if_the_command_line_gives_it_too(project, repository):
    repository(WRITE)
    assert_refused(project.run(WRITE), "pytest.ini")


def test_committed_option_is_refused_once_for_all_workers(project, repository):
    repository(WRITE)
    assert_refused(project.run("-n", "2"), "pytest.ini")


@pytest.mark.parametrize(
    ("arguments", "variable"),
    [
        ([WRITE], ""),
        ([], WRITE),
        (["-o", f"addopts={WRITE}"], ""),
        ([], f"-o addopts={WRITE}"),
        (["@options.txt"], ""),
    ],
    ids=["option", "variable", "override", "override in the variable", "file of arguments"],
)
def test_option_of_the_person_who_starts_the_run_is_accepted(
    shared, repository, monkeypatch, arguments, variable
):
    repository("-v")
    project = shared.project
    (project.path / "options.txt").write_text(f"{WRITE}\n")
    monkeypatch.setenv("PYTEST_ADDOPTS", f"-p no:hypothesispytest {variable}")
    project.run(*arguments).assert_outcomes(passed=1)
    assert shared.objects == shared.local()
    assert len(shared.objects) == 1


def test_override_of_a_committed_addopts_runs_without_the_option(project, shared, repository):
    repository(WRITE)
    project.run("-o", "addopts=-v").assert_outcomes(passed=1)
    assert (len(shared.calls("get")), shared.calls("put")) == (1, [])


def test_option_is_not_abbreviated(project, shared):
    result = project.run(f"--russo-remote={shared.url}", "--russo-remote-wri")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*unrecognized arguments: --russo-remote-wri"])
