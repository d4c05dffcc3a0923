"""The targets of ``--russo-report``: pages, documents, directories, and what happens to older files."""

import json
import os
import re
import sys
from pathlib import Path

import pytest

from support.report import embedded_audio, read_document, run_with_report

HELLO = "def test_it(russo_say): russo_say('Hello')"
FOLDERS = {"audio": "wav", "attachments": "txt"}
ATTACHING = """
    def test_it(russo_say, russo_report, tmp_path):
        russo_report.attach("sound", russo_say("Hello"))
        for name, data in {
            "page.html": b"<script>alert(1)</script>",
            "image.svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>",
            "screen.png": b"\\x89PNG\\r\\n\\x1a\\nrest",
            "run.js": b"alert(1)",
            "data.xml": b"<?xml version='1.0'?><a/>",
            "../../up.html": bytes(range(256)),
        }.items():
            path = tmp_path / Path(name).name
            path.write_bytes(data)
            russo_report.attach(name, path)
        russo_report.attach("long", "x" * 300_000)

    from pathlib import Path
"""


def names(directory):
    """Return the paths of all files below a directory."""
    return sorted(
        path.relative_to(directory).as_posix() for path in directory.rglob("*") if not path.is_dir()
    )


def test_each_target_is_written_once(project):
    project.tests(HELLO)
    arguments = [f"--russo-report={name}" for name in ("r.html", "r.json", "d/", "./r.json", "page")]
    result = project.run(*arguments)
    lines = [line for line in result.outlines if "report written" in line]
    assert lines == [f"russo: report written to {name}" for name in ("r.html", "./r.json", "d/", "page")]
    document = read_document(project.path / "r.json")
    inside = read_document(project.path / "d" / "report.json")
    (sound,), (beside,) = document["audio"].values(), inside["audio"].values()
    assert sound["file"] is None
    assert beside["file"] == f"audio/{next(iter(inside['audio']))}.wav"
    assert beside | {"file": None} == sound
    assert document | {"audio": 0} == inside | {"audio": 0}
    for name in ("r.html", "page"):
        assert (project.path / name).read_text("utf-8").startswith("<!DOCTYPE html>")


def test_page_has_each_sound_once_and_a_directory_has_it_as_a_file(project):
    project.tests(
        """
        import pytest

        @pytest.mark.parametrize("number", range(5))
        def test_it(russo_say, number): russo_say("Hello")
        """
    )
    project.run("--russo-report=r.html", "--russo-report=d/")
    ((kind, data),) = embedded_audio((project.path / "r.html").read_text("utf-8"))
    assert kind == "audio/wav"
    (file,) = (project.path / "d" / "audio").iterdir()
    assert file.read_bytes() == data
    page = (project.path / "d" / "index.html").read_text("utf-8")
    assert f"audio/{file.name}" in page
    assert "data:audio" not in page


@pytest.mark.parametrize("given", [".", "folder", "folder/", "new/deep/"])
def test_directory_is_a_target(project, given):
    (project.path / "folder").mkdir()
    project.tests(HELLO)
    result = project.run(f"--russo-report={given}")
    assert result.ret == 0
    directory = project.path / given
    assert {"index.html", "report.json"} <= {path.name for path in directory.iterdir()}
    result.stdout.fnmatch_lines([f"russo: report written to {given}"])


def test_files_that_a_browser_could_run_have_a_harmless_suffix(project):
    project.tests(ATTACHING)
    project.run("--russo-report=d/")
    document = read_document(project.path / "d" / "report.json")
    found = [
        (each["name"], each["kind"], each.get("file", ".").rpartition(".")[2])
        for each in document["tests"][0]["attempts"][0]["attachments"]
    ]
    assert found == [
        ("sound", "audio", ""),
        ("page.html", "text", ""),
        ("image.svg", "text", ""),
        ("screen.png", "image", "png"),
        ("run.js", "text", ""),
        ("data.xml", "text", ""),
        ("../../up.html", "file", "bin"),
        ("long", "text", "txt"),
    ]
    assert all(re.fullmatch(r"[0-9a-f]{32}\.(png|bin|txt)", name) for name in document["files"])
    for name, facts in document["files"].items():
        assert (project.path / "d" / facts["file"]).stat().st_size == facts["bytes"]
        assert facts["file"] == f"attachments/{name}"
    assert len(names(project.path / "d")) == 2 + 1 + 3


def test_files_of_an_earlier_report_are_removed_and_other_files_stay(project):
    project.tests(ATTACHING)
    project.run("--russo-report=d/")
    directory = project.path / "d"
    mine = [
        "audio/mine.wav",
        "audio/0123.wav",
        f"audio/{'a' * 32}.wav.bak",
        f"attachments/{'A' * 32}.txt",
        "notes",
    ]
    for name in mine:
        (directory / name).write_text("mine")
    (directory / "audio" / f"{'b' * 32}.wav").mkdir()
    (project.path / "victim").write_text("precious")
    (directory / "audio" / f"{'c' * 32}.wav").symlink_to(project.path / "victim")
    before = names(directory)
    project.tests("def test_it(russo_say): russo_say('Other')")
    project.run("--russo-report=d/")
    document = read_document(directory / "report.json")
    (sound,) = document["audio"].values()
    assert names(directory) == sorted([*mine, sound["file"], "index.html", "report.json"])
    assert len(before) > len(names(directory))
    assert (directory / "audio" / f"{'b' * 32}.wav").is_dir()
    assert (project.path / "victim").read_text() == "precious"


@pytest.mark.parametrize("name", ["audio", "attachments"])
def test_link_out_of_the_directory_is_replaced(project, name):
    outside, directory = project.path / "outside", project.path / "d"
    outside.mkdir()
    (outside / f"{'a' * 32}.wav").write_text("precious")
    (outside / f"{'a' * 32}.txt").write_text("precious")
    directory.mkdir()
    (directory / name).symlink_to(outside, target_is_directory=True)
    project.tests(ATTACHING)
    assert project.run("--russo-report=d").ret == 0
    assert not (directory / name).is_symlink()
    assert names(outside) == [f"{'a' * 32}.txt", f"{'a' * 32}.wav"]
    assert list((directory / name).iterdir())


@pytest.mark.parametrize("name", ["report.json", "index.html"])
def test_link_at_a_file_of_the_directory_is_replaced(project, name):
    (project.path / "victim").write_text("precious")
    (project.path / "d").mkdir()
    (project.path / "d" / name).symlink_to(project.path / "victim")
    project.tests(HELLO)
    assert project.run("--russo-report=d").ret == 0
    assert (project.path / "victim").read_text() == "precious"
    assert not (project.path / "d" / name).is_symlink()


def test_file_in_place_of_a_folder_is_reported_and_stays(project):
    (project.path / "d").mkdir()
    (project.path / "d" / "audio").write_text("mine")
    project.tests(HELLO)
    result = project.run("--russo-report=d", "--russo-report=r.json")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        ["russo: report not written to d: audio is a file, not a folder", "russo: report written to r.json"]
    )
    assert names(project.path / "d") == ["audio"]


def test_missing_folders_are_created_and_an_older_report_is_replaced(project):
    project.tests(HELLO)
    target = project.path / "out" / "deep" / "report.html"
    for _ in range(2):
        result = project.run("--russo-report=out/deep/report.html")
        result.stdout.fnmatch_lines(["russo: report written to out/deep/report.html"])
        assert "Hello" in target.read_text("utf-8")
    assert [path.name for path in target.parent.iterdir()] == ["report.html"]


def test_path_that_cannot_be_written_is_reported_and_tests_pass(project):
    (project.path / "file").write_text("mine")
    project.tests(HELLO)
    result = project.run("--russo-report=file/report.html")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["russo: report not written to file/report.html: *exists*"])
    assert (project.path / "file").read_text() == "mine"


def test_report_that_cannot_be_renamed_leaves_no_temporary_file(project):
    project.tests(
        """
        from pathlib import Path

        def test_it(russo_say):
            russo_say("Hello")
            Path("report.html").mkdir()
            Path("report.html", "mine").touch()
        """
    )
    result = project.run("--russo-report=report.html")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["russo: report not written to report.html: *"])
    assert [path.name for path in project.path.glob("*report*")] == ["report.html"]
    assert [path.name for path in project.path.glob("report.html/*")] == ["mine"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a device file")
def test_device_is_refused_before_any_test_runs(project):
    project.tests(HELLO)
    result = project.run("--russo-report=/dev/null")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --russo-report=/dev/null is not a regular file; name one*"])


def test_file_with_the_slash_of_a_directory_is_refused_before_any_test_runs(project):
    (project.path / "file").write_text("mine")
    project.tests(HELLO)
    result = project.run("--russo-report=file/")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --russo-report=file/ ends with a slash, but is a file; remove the slash"]
    )
    assert project.calls == []


@pytest.mark.parametrize("given", ["", " "])
def test_empty_target_is_refused_before_any_test_runs(project, given):
    project.tests(HELLO)
    result = project.run(f"--russo-report={given}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --russo-report is empty; name a page, such as report.html"])
    assert not (project.path / "index.html").exists()


@pytest.mark.parametrize("given", [".", "./"])
@pytest.mark.parametrize(
    ("name", "text"), [("index.html", "<h1>mine</h1>"), ("index.html", ""), ("report.json", '{"mine": 1}')]
)
def test_directory_with_a_foreign_page_or_document_is_refused(project, given, name, text):
    (project.path / name).write_text(text)
    project.tests(HELLO)
    result = project.run(f"--russo-report={given}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [f"ERROR: --russo-report={given} has a file {name} that russo did not write; name another directory"]
    )
    assert (project.path / name).read_text() == text


def test_files_of_a_directory_that_had_no_report_stay(project):
    mine = [project.path / folder / f"{'a' * 32}.{end}" for folder, end in FOLDERS.items()]
    for path in mine:
        path.parent.mkdir()
        path.write_text("mine")
    project.tests(HELLO)
    project.run("--russo-report=.")
    assert [path.read_text() for path in mine] == ["mine", "mine"]


@pytest.mark.parametrize(
    "given",
    [("d/", "d/report.json"), ("d/report.json", "d/"), ("d/", "d/index.html"), ("d", "d/"), ("d/", "./d")],
)
def test_targets_that_write_the_same_file_are_refused(project, given):
    project.tests(HELLO)
    result = project.run(*(f"--russo-report={each}" for each in given))
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    names = " and ".join(f"--russo-report={each}" for each in given)
    result.stderr.fnmatch_lines([f"ERROR: {names} write the same file; leave one of them out"])


@pytest.mark.parametrize("option", ["--collect-only", "--fixtures", "--setup-only", "--setup-plan"])
def test_run_that_lists_tests_does_not_change_an_older_report(project, option):
    (project.path / "report.html").write_text("older")
    project.tests(HELLO)
    assert project.run("--russo-report=report.html", option).ret == 0
    assert (project.path / "report.html").read_text() == "older"


def test_page_leaves_out_what_makes_it_too_large(project, monkeypatch):
    monkeypatch.setattr("russo._report.targets._PAGE_LIMIT", 1500)
    project.tests("def test_it(russo_say): russo_say('One'), russo_say('Two')")
    project.run("--russo-report=r.html", "--russo-report=r.json")
    page = (project.path / "r.html").read_text("utf-8")
    assert len(embedded_audio(page)) == 1
    assert "left out: the page has 256 MiB of audio and files already" in page
    document = read_document(project.path / "r.json")
    assert [sound["problem"] for sound in document["audio"].values()] == [None, None]


def test_same_run_gives_the_same_document_apart_from_times(project):
    project.tests(HELLO)
    project.run()

    def document():
        _, found = run_with_report(project)
        text = json.dumps(found | {"created": "", "seconds": 0})
        return re.sub(r'"seconds": [\d.]+, "problems"', '"problems"', text)

    assert document() == document()
    assert Path(os.curdir).resolve() == project.path
