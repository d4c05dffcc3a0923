"""``russo_report.attach``: what tests add to the report."""

import os
import sys
from pathlib import Path

import pytest

from russo import Audio, RunReport
from russo._report import files
from support.report import attempts_of, run_with_report

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


def attached(project, source, *arguments, subprocess=False):
    """Run a test with this body, and return its attachments and the document."""
    lines = "\n".join(f"            {line}" for line in source.strip().splitlines())
    project.tests(
        f"""
        import os
        from pathlib import Path
        import pytest
        from russo import Audio

        def test_it(russo_report, russo_say, tmp_path):
{lines}
        """
    )
    result, document = run_with_report(project, *arguments, subprocess=subprocess)
    result.assert_outcomes(passed=1)
    return attempts_of(document, "test_it")[-1]["attachments"], document


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_texts_audio_images_and_files_are_attached_in_order(project, workers):
    found, document = attached(
        project,
        f"""
russo_report.attach("transcript", "turn on\\nthe light")
russo_report.attach("reply", Audio(b"\\0\\x20" * 800, "pcm", 8000))
(tmp_path / "screen").write_bytes({PNG!r})
russo_report.attach("screen", tmp_path / "screen")
(tmp_path / "trace.zip").write_bytes(b"PK\\x03\\x04\\xff\\x00")
russo_report.attach("trace", tmp_path / "trace.zip")
(tmp_path / "trace.zip").unlink()
(tmp_path / "log.txt").write_text("grüß", "utf-8")
russo_report.attach("log", tmp_path / "log.txt")
""",
        *workers,
        subprocess=True,
    )
    assert [(each["name"], each["kind"]) for each in found] == [
        ("transcript", "text"),
        ("reply", "audio"),
        ("screen", "image"),
        ("trace", "file"),
        ("log", "text"),
    ]
    assert found[0]["text"] == "turn on\nthe light"
    assert document["audio"][found[1]["audio"]]["peaks"] == [0.25] * 4
    assert found[2]["media_type"] == "image/png"
    assert document["files"][found[2]["file"]] == {"bytes": 28, "media_type": "image/png", "file": None}
    assert document["files"][found[3]["file"]]["media_type"] == "application/octet-stream"
    assert found[4]["text"] == "grüß"


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0jpeg", "image/jpeg"),
        (b"GIF89a\xff", "image/gif"),
        (b"RIFF\x10\0\0\0WEBPVP8 \xff", "image/webp"),
    ],
)
def test_image_is_recognised_by_its_bytes(project, data, media_type):
    (project.path / "file.html").write_bytes(data)
    ((image,), _) = attached(project, 'russo_report.attach("it", Path("file.html"))')
    assert (image["kind"], image["media_type"]) == ("image", media_type)


def test_audio_file_gets_a_player_and_a_file_that_only_claims_to_be_audio_does_not(project):
    found, document = attached(
        project,
        """
good = Audio(b"\\0\\x20" * 800, "pcm", 8000).save(tmp_path / "good.wav")
russo_report.attach("good", good)
(tmp_path / "bad.wav").write_bytes(b"\\xff\\x00 no audio")
russo_report.attach("bad", tmp_path / "bad.wav")
(tmp_path / "text.mp3").write_text("no audio")
russo_report.attach("text", tmp_path / "text.mp3")
good.rename(tmp_path / "good.dat")
russo_report.attach("other name", tmp_path / "good.dat")
""",
    )
    assert [each["kind"] for each in found] == ["audio", "file", "text", "file"]
    assert document["audio"][found[0]["audio"]]["seconds"] == 0.1


def test_long_text_is_cut_and_can_be_downloaded_whole(project):
    (found,), document = attached(project, 'russo_report.attach("log", "first" + "é" * 300_000 + "last")')
    assert found["text"].startswith("firsté")
    assert found["text"].endswith("élast")
    assert "characters are left out" in found["text"]
    assert document["files"][found["file"]] == {"bytes": 600_009, "media_type": "text/plain", "file": None}


def test_what_is_too_large_is_a_problem_and_the_test_passes(project, monkeypatch):
    monkeypatch.setattr("russo._report.files.LONGEST_FILE", 1 << 20)
    found, _ = attached(
        project,
        """
russo_report.attach("text", "x" * 2_000_000)
(tmp_path / "file").write_bytes(bytes(2_000_000))
russo_report.attach("file", tmp_path / "file")
russo_report.attach("audio", Audio(bytes(2_000_000), "pcm"))
""",
    )
    assert [each["kind"] for each in found] == ["problem"] * 3
    assert {each["text"] for each in found} == {"it has 1.9 MiB; the limit is 1 MiB"}


def test_audio_that_is_not_audio_is_a_problem(project):
    (found,), _ = attached(project, 'russo_report.attach("audio", Audio(b"samples", "wav"))')
    assert found == {"name": "audio", "kind": "problem", "text": "it is not audio, so it could not be stored"}


def test_content_that_cannot_be_kept_is_a_problem_and_the_test_passes(project, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("russo._report.files.write_file", full)
    (found,), _ = attached(project, 'russo_report.attach("text", "hello")')
    assert found["text"] == "it could not be stored: No space left on device"


@pytest.mark.parametrize("option", [(), ("--russo-report=report.json",)])
def test_wrong_arguments_raise_with_and_without_a_report(project, option):
    project.tests(
        """
        import os, sys
        from pathlib import Path
        import pytest

        @pytest.mark.parametrize(("name", "content", "error"), [
            (1, "text", "TypeError: name is int, not a string"),
            ("", "text", "ValueError: name is empty; the report needs a name for each attachment"),
            ("it", b"bytes", "TypeError: content is bytes; pass a string, an Audio, or a path as pathlib.Path"),
            ("it", None, "TypeError: content is NoneType; pass a string, an Audio, or a path as pathlib.Path"),
            ("it", Path("missing"), "FileNotFoundError: [Errno 2] No such file or directory: 'missing'"),
            ("it", Path("."), "IsADirectoryError: [Errno 21] Is a directory: '.'"),
        ])
        def test_it(russo_report, name, content, error):
            with pytest.raises((TypeError, ValueError, OSError)) as raised:
                russo_report.attach(name, content)
            assert f"{type(raised.value).__name__}: {raised.value}" == error
        """
    )
    project.run(*option).assert_outcomes(passed=6)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a FIFO")
def test_file_that_is_not_regular_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        RunReport().attach("it", tmp_path / "pipe")


def test_without_a_report_nothing_is_read(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(10))
    report = RunReport()
    report.attach("file", path)
    report.attach("text", "text")
    report.attach("audio", Audio(b"", "wav"))
    assert list(tmp_path.iterdir()) == [path]


def test_fixture_without_a_report_loads_no_other_module_of_the_report(project):
    project.tests(
        """
        import sys

        def test_it(russo_report):
            russo_report.attach("it", "text")
            loaded = {name for name in sys.modules if name.startswith("russo._report")}
            assert loaded == {"russo._report", "russo._report.attachments", "russo._report.bounds"}
            assert "russo._plugin.session" not in sys.modules
        """
    )
    project.run(subprocess=True).assert_outcomes(passed=1)


def test_thread_that_outlives_its_test_attaches_to_it(project):
    project.tests(
        """
        kept = []

        def test_one(russo_report): kept.append(russo_report)
        def test_two(russo_report): kept[0].attach("late", "of one"); russo_report.attach("own", "of two")
        """
    )
    _, document = run_with_report(project)
    assert [each["name"] for each in attempts_of(document, "test_one")[0]["attachments"]] == ["late"]
    assert [each["name"] for each in attempts_of(document, "test_two")[0]["attachments"]] == ["own"]


def test_equal_content_is_stored_once(project):
    _, document = attached(
        project, f"Path('a').write_bytes({PNG!r}); [russo_report.attach(str(n), Path('a')) for n in range(5)]"
    )
    assert len(document["files"]) == 1


def test_path_like_object_with_a_text_path_is_accepted(tmp_path):
    class Named:
        def __fspath__(self):
            return str(Path(sys.executable))

    RunReport().attach("it", Named())


@pytest.mark.skipif(not os.path.exists("/proc/self/smaps"), reason="needs /proc")
def test_file_of_proc_is_attached_whole(project):
    project.tests("""
        from pathlib import Path

        def test_it(russo_report): russo_report.attach("maps", Path("/proc/self/smaps"))
        """)
    _, document = run_with_report(project)
    ((attachment,),) = (each["attachments"] for each in attempts_of(document, "test_it"))
    assert len(attachment["text"]) > 5000


def test_file_that_grows_is_not_read_beyond_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "LONGEST_FILE", 10)
    (tmp_path / "grown").write_bytes(b"x" * 100)
    assert files.read_attached(tmp_path / "grown") == b"x" * 11
