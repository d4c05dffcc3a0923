"""``--russo-report``: a failure while a report is written loses only this report and never another file."""

import errno
import os
import struct
from textwrap import dedent

import jinja2
import pytest

from russo._report import sounds
from support.projects import DEFAULT_FIXTURE
from support.report import prompts_of, run_with_report

HELLO = "def test_it(russo_say): russo_say('Hello')"


def foreign_file(project):
    """Return a file that the page must not change."""
    path = project.path / "victim"
    path.write_text("precious")
    return path


@pytest.mark.parametrize("kind", ["symbolic", "hard", "dangling"])
def test_link_at_the_path_of_the_page_is_replaced_and_not_followed(project, kind):
    victim = foreign_file(project)
    page = project.path / "report.html"
    if kind == "hard":
        os.link(victim, page)
    else:
        page.symlink_to("nowhere" if kind == "dangling" else "victim")
    project.tests(HELLO)
    assert project.run("--russo-report=report.html").ret == 0
    assert "Hello" in page.read_text("utf-8")
    assert not page.is_symlink()
    assert victim.read_text() == "precious"
    assert not (project.path / "nowhere").exists()


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="needs O_NOFOLLOW")
def test_temporary_file_is_new_and_has_an_unpredictable_name(project, monkeypatch):
    opened = []
    true_open = os.open

    def watch(path, flags, *args, **options):
        if "report.html" in str(path):
            opened.append((os.path.basename(path), flags))
        return true_open(path, flags, *args, **options)

    monkeypatch.setattr(os, "open", watch)
    project.tests(HELLO)
    for _ in range(2):
        project.run("--russo-report=report.html")
    names = [name.partition("-")[2].removesuffix(".russo-tmp") for name, _ in opened]
    assert len(set(names)) == 2
    assert all(len(name) == 16 for name in names)
    assert all(flags & os.O_EXCL and flags & os.O_NOFOLLOW for _, flags in opened)


FAILURES = {
    "template": (jinja2.UndefinedError("no such name"), "UndefinedError: no such name"),
    "memory": (MemoryError(), "MemoryError"),
    "header": (struct.error("ushort format requires"), "error: ushort format requires"),
    "recursion": (RecursionError("too deep"), "RecursionError: too deep"),
    "escapes": (ValueError("\x1b[31mred\n::error::line"), r"ValueError: \x1b[31mred\n::error::line"),
    "long": (ValueError("x" * 1_000_000), "ValueError: " + "x" * 187 + "\N{HORIZONTAL ELLIPSIS}"),
    "disk": (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "No space left on device"),
    "no text": (AssertionError(), "AssertionError"),
}


def fail_with(error):
    def fail(*args, **options):
        raise error

    return fail


@pytest.mark.parametrize(
    "place", ["_report.targets.render", "_report.formats.duration", "_report.page.files"]
)
@pytest.mark.parametrize("kind", FAILURES)
def test_any_error_loses_only_the_page(project, monkeypatch, kind, place):
    error, shown = FAILURES[kind]
    monkeypatch.setattr(f"russo.{place}", fail_with(error))
    page = project.path / "report.html"
    page.write_text("an older page")
    project.tests(HELLO)
    result = project.run("--russo-report=report.html")
    assert result.ret == 0
    assert [line for line in result.outlines if "report" in line] == [
        f"russo: report not written to report.html: {shown}"
    ]
    assert "Traceback" not in result.stdout.str() + result.stderr.str()
    assert page.read_text() == "an older page"
    assert not list(project.path.glob(".*russo-tmp"))


def test_interrupt_while_the_page_is_written_leaves_no_file(project):
    project.conftest(
        dedent(DEFAULT_FIXTURE)
        + """
def interrupt(*args):
    raise KeyboardInterrupt

from russo._report import formats
formats.duration = interrupt
"""
    )
    project.tests(HELLO)
    result = project.run("--russo-report=report.html", subprocess=True)
    assert result.ret != 0
    assert "report written" not in result.stdout.str()
    assert not list(project.path.glob("*report*"))


@pytest.mark.parametrize("place", ["peaks", "_playable"])
def test_audio_that_cannot_be_read_loses_only_its_player(project, monkeypatch, place):
    true = getattr(sounds, place)

    def read(given, *args):
        data = given if isinstance(given, bytes) else given.pcm()
        if data[1:8:2] == bytes(byte ^ 0x80 for byte in b"aBad"):
            raise ZeroDivisionError("an odd header")
        return true(given, *args)

    monkeypatch.setattr(sounds, place, read)
    project.tests("def test_it(russo_say): russo_say('Good'); russo_say('Bad')")
    result, document = run_with_report(project)
    assert result.ret == 0
    good, bad = (document["audio"][use["audio"]] for use in prompts_of(document, "test_it"))
    assert (good["media_type"], good["problem"]) == ("audio/wav", None)
    assert bad["problem"] == "its audio cannot be read: ZeroDivisionError('an odd header')"


def test_invalid_values_of_a_worker_lose_only_the_page(project):
    project.conftest(
        dedent(DEFAULT_FIXTURE)
        + """
@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session):
    workers = session.config.pluginmanager.get_plugin("russo-workers")
    workers._received["report"].append([{"another": "version"}])
"""
    )
    project.tests(HELLO)
    result = project.run("--russo-report=report.html")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["russo: report not written to report.html: TypeError: *"])


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_audio_that_cannot_be_kept_loses_only_its_player(project, workers):
    project.conftest(
        dedent(DEFAULT_FIXTURE)
        + """
from russo._plugin import report

class Refusing(AudioCache):
    def put(self, key, audio):
        raise ValueError("this is not audio")

report.AudioCache = Refusing
"""
    )
    project.tests(HELLO)
    result, document = run_with_report(project, *workers, "--russo-no-cache", subprocess=True)
    assert result.ret == 0
    (sound,) = document["audio"].values()
    assert sound["problem"] == "its audio was removed from the cache, or could not be stored"


def test_error_in_the_report_listener_loses_only_the_page(project, monkeypatch):
    monkeypatch.setattr("russo._report.uses.ReportListener.take", fail_with(RuntimeError("no prompts")))
    project.tests(HELLO)
    result = project.run("--russo-report=report.html")
    assert result.ret == 0
    assert "INTERNALERROR" not in result.stdout.str()


def test_unknown_home_directory_is_a_usage_error(project):
    project.tests(HELLO)
    result = project.run("--russo-report=~not-a-user/report.html")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    message = result.stderr.str()
    assert "~not-a-user/report.html cannot be used as a path" in message
    assert "(--russo-report)" in message
