"""The settings of a shared store in a pytest run: what is refused before the run, and what the run says."""

import pytest

from russo._plugin.setup import unread_ini_names
from support.projects import SAY_HELLO_TWICE
from support.remote.folder_project import FOLDER_STORE, install_store


def header(result):
    """Return russo's line in pytest's header, from the word remote on; None if it has none."""
    line = next(line for line in result.outlines if line.startswith("russo: "))
    _, found, rest = line.partition("remote ")
    return rest if found else None


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("s3://anna:hunter2@team/voice", "*has a user, a password, a query or a fragment*(command line)*"),
        ("s3://team/voice?token=hunter2", "*has a user, a password, a query or a fragment*(command line)*"),
        ("redis://host/voice", "no store is named 'redis'; installed: *folder*(command line)"),
        ("team/voice", "the shared store is not a URL such as s3://bucket/prefix*(command line)"),
    ],
)
@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_unusable_url_is_refused_once_before_the_run(project, shared, url, problem, workers):
    project.tests(SAY_HELLO_TWICE)
    result = project.run(f"--russo-remote={url}", *workers)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    errors = [line for line in result.errlines if line.startswith("ERROR: ")]
    assert len(errors) == 1
    result.stderr.fnmatch_lines([f"ERROR: {problem}"])
    assert "hunter2" not in str(result.stderr) + str(result.stdout)
    assert project.calls == []


def test_scheme_of_two_packages_is_refused_with_both(project, shared):
    install_store(project.path, "second_store", "folder", FOLDER_STORE, "FolderStore")
    result = project.run(f"--russo-remote={shared.url}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: the name 'folder' is claimed by folder-store (*) and second-store (*); uninstall one*"]
    )


@pytest.mark.parametrize(
    ("folder", "noun"), [(".russo_cache", "cache"), ("recordings", "recordings"), ("link", "recordings")]
)
def test_store_that_is_a_directory_of_the_run_is_refused(project, folder, noun):
    (project.path / "recordings").mkdir()
    (project.path / "link").symlink_to(project.path / "recordings")
    url = (project.path / folder).as_uri()
    result = project.run(f"--russo-remote={url}", "--russo-recordings-dir=recordings")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: the shared store is the directory of the {noun}, *(command line)"])


def test_invalid_lock_file_is_refused_with_the_line(project, shared):
    (project.path / "russo.lock").write_text("# russo.lock 1: pins\n<<<<<<< ours\n")
    project.tests(SAY_HELLO_TWICE)
    result = project.run(f"--russo-remote={shared.url}", "-n", "2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert len([line for line in result.errlines if line.startswith("ERROR: ")]) == 1
    result.stderr.fnmatch_lines(["ERROR: *russo.lock, line 2: a merge conflict; keep the lines of both*"])
    project.run().assert_outcomes(passed=1)  # without a shared store the file has no effect


def test_store_that_cannot_be_reached_is_not_a_usage_error(project, shared):
    shared.trouble("outage")
    project.tests(SAY_HELLO_TWICE)
    project.run(f"--russo-remote={shared.url}").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "URL (read only)"),
        (["--russo-remote-write"], "URL (read and write)"),
        (["--russo-cache-mode=replay", "--russo-remote-write"], "URL (read only)"),
        (["--russo-cache-mode=refresh", "--russo-remote-write"], "URL (write only)"),
        (["--russo-cache-mode=refresh"], None),
        (["--russo-no-cache", "--russo-remote-write"], None),
        (["--russo-remote=off", "--russo-cache-mode=auto"], None),
    ],
)
def test_header_names_the_store_and_its_use(project, shared, arguments, expected):
    project.ini(f"russo_remote = {shared.url}")
    project.tests("def test_it(): pass")
    assert header(project.run(*arguments)) == (expected and expected.replace("URL", shared.url))


def test_ini_setting_to_write_is_not_read_and_the_reason_is_shown():
    assert list(unread_ini_names(["russo_remote_write"])) == [
        "the ini setting russo_remote_write is not read; use --russo-remote-write or RUSSO_REMOTE_WRITE, "
        "because every run of the repository uses a committed setting"
    ]


def test_run_without_prompts_neither_opens_nor_imports_the_store(project, shared):
    project.ini(f"russo_remote = {shared.url}")
    project.tests(
        """
        import sys

        def test_it(russo_cache):
            assert russo_cache.remote.url.startswith("folder://")
            assert "folder_store" not in sys.modules
        """
    )
    project.run().assert_outcomes(passed=1)
    assert shared.calls() == []
