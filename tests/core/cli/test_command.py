import shutil
import subprocess
import sys

import pytest

from support.command import russo, start


@pytest.mark.parametrize("arguments", [["nonsense"], ["cache", "nonsense"], ["cache", "list", "--nonsense"]])
def test_unknown_command_or_option_is_wrong_usage(arguments):
    result = russo(*arguments)
    assert (result.code, result.out) == (2, "")
    assert "No such" in result.err


def test_every_command_has_help():
    for command in ([], ["say"], ["record"], ["backends"], ["cache"], ["cache", "prune"], ["cache", "show"]):
        result = russo(*command, "--help")
        assert result.code == 0
        assert result.out.startswith("Usage: russo")


def test_python_m_russo_is_the_command(folder):
    out, err = start("cache", "dir").communicate(timeout=60)
    assert (out.decode(), err.decode()) == (russo("cache", "dir").out, russo("cache", "dir").err)


def test_import_of_russo_does_not_import_the_command_or_its_libraries():
    code = (
        "import sys, russo, russo._plugin.session, russo._plugin.pytest_plugin\n"
        "print([name for name in ('click', 'rich', 'russo._cli') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "[]\n"


@pytest.mark.skipif(shutil.which("sh") is None, reason="needs a shell that can close streams")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("command", ["cache dir", "cache list", "cache info --json", "backends", "--help"])
def test_closed_streams_cause_no_error(cache, command, closed):
    words = [sys.executable, "-m", "russo", *command.split()]
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *words],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)


@pytest.mark.skipif(shutil.which("sh") is None, reason="needs a shell that can close streams")
@pytest.mark.parametrize(("command", "code"), [("cache clear", 2), ("say - --synth local", 1)])
def test_closed_standard_input_counts_as_empty(cache, command, code):
    words = [sys.executable, "-m", "russo", *command.split()]
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *words], check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, "Traceback" in done.stderr) == (code, False)
    assert len(list(cache.stored_keys())) == 3


@pytest.mark.parametrize("arguments", [[], ["cache"]])
def test_help_shows_the_line_of_each_command_whole(arguments):
    assert "..." not in russo(*arguments, "--help").out.partition("Commands:")[2]


def test_only_a_command_with_arguments_suggests_two_hyphens():
    assert russo("cache", "list", "-5").err.endswith("No such option '-5'.\n")
