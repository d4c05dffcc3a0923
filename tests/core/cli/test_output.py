"""Output files of a command: a link at the file's path is replaced; a folder that links out is refused."""

import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from russo import Audio
from support.command import SPEAKER, enter_project, russo, start, store_prompts
from support.speakers import sound

SUPPORT = {"PYTHONPATH": str(Path(__file__).parents[2])}
HELLO = sound("hello").data


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    project = enter_project(tmp_path, monkeypatch, f"[pytest]\nrusso_synth = {SPEAKER}\n")
    store_prompts(project / ".russo_cache", "hello")
    return project


def say(path):
    return russo("say", "hello", "-o", path), path


def export(path):
    """Export the only entry; return the result and the path of the file."""
    return russo("cache", "export", os.path.dirname(path)), path


WRITERS = {"say": say, "export": export}
NAME = "speech/hello-00000000.wav"


@pytest.fixture(params=WRITERS)
def write(request):
    """Return a function that writes the audio of "hello" to `NAME`."""
    return lambda: WRITERS[request.param](NAME)[0]


@pytest.mark.parametrize("kind", ["symbolic", "hard", "dangling", "chain"])
def test_link_at_the_path_of_the_file_is_replaced_and_not_followed(folder, write, kind):
    victim = folder / ".git" / "config"
    victim.parent.mkdir()
    victim.write_text("precious")
    (folder / "speech").mkdir()
    path = folder / NAME
    if kind == "hard":
        os.link(victim, path)
    elif kind == "chain":
        (folder / "speech" / "middle").symlink_to("../.git/config")
        path.symlink_to("middle")
    else:
        path.symlink_to("../.git/new" if kind == "dangling" else "../.git/config")
    assert write().code == 0
    assert victim.read_text() == "precious"
    assert os.listdir(victim.parent) == ["config"]
    assert not path.is_symlink()
    assert path.read_bytes() == HELLO
    assert path.stat().st_nlink == 1
    assert not [name for name in os.listdir(path.parent) if name.startswith(".russo")]


@pytest.mark.parametrize("git", [True, False])
@pytest.mark.parametrize("place", ["outside", "git", "absolute", "above", "through the outside"])
def test_folder_that_is_a_link_out_of_the_project_is_refused(folder, tmp_path, write, place, git):
    outside = tmp_path / "outside"
    outside.mkdir()
    (folder / ".git").mkdir() if git else None
    target = {
        "outside": "../outside",
        "git": ".git",
        "absolute": outside,
        "above": "..",
        "through the outside": "other",
    }[place]
    if place == "through the outside":
        (folder / "other").symlink_to(outside)
    if place == "git" and not git:
        pytest.skip("there is no such folder")
    (folder / "speech").symlink_to(target, target_is_directory=True)
    before = sorted(os.walk(tmp_path))
    result = write()
    assert (result.code, result.out) == (2, "")
    assert "speech is a link that leads out of" in result.err
    assert result.err.count("\n") == 1
    assert sorted(os.walk(tmp_path)) == before


def test_subfolder_of_a_link_out_of_the_project_is_refused(folder, tmp_path):
    (tmp_path / "outside").mkdir()
    (folder / "link").symlink_to("../outside")
    assert russo("cache", "export", "link/deep/speech").code == 2
    assert russo("say", "hello", "-o", "link/../link/a.wav").code == 2
    assert not list((tmp_path / "outside").iterdir())


def test_advice_of_the_message_works(folder, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (folder / "speech").symlink_to("../outside")
    message = russo("cache", "export", "speech").err.strip()
    assert message.endswith(f"name the directory itself: {outside}")
    assert russo("cache", "export", outside).code == 0
    assert [path.read_bytes() for path in outside.iterdir()] == [HELLO]


def test_links_of_the_user_are_followed(folder, tmp_path, write, monkeypatch):
    """One link is inside the project and stays inside; the other link is outside any project."""
    (folder / "build").mkdir()
    (folder / "speech").symlink_to("build")
    (tmp_path / "home").symlink_to("project")
    assert write().code == 0
    assert (folder / "build" / "hello-00000000.wav").read_bytes() == HELLO
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "mine").symlink_to("elsewhere")
    assert russo("cache", "export", tmp_path / "mine").code == 0
    assert (tmp_path / "elsewhere" / "hello-00000000.wav").read_bytes() == HELLO


def test_link_may_lead_out_of_the_rootdir_but_not_out_of_the_git_work_tree(folder, tmp_path):
    """A monorepo may keep a project's recordings in another folder of the same repository."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "shared").mkdir()
    (folder / "speech").symlink_to("../shared")
    assert russo("cache", "export", "speech").code == 0
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "link").symlink_to("/")
    assert russo("cache", "export", "../other/link").code == 2


def test_say_creates_the_folders_of_its_file(folder):
    assert russo("say", "hello", "-o", "a/b/c.wav").code == 0
    assert (folder / "a" / "b" / "c.wav").read_bytes() == HELLO


def test_file_that_cannot_be_written_is_named_and_keeps_its_content(folder):
    (folder / "file").write_text("mine")
    result = russo("say", "hello", "-o", "file/out.wav")
    assert result.code == 1
    assert "file" in result.err.splitlines()[-1]
    assert ".russo-" not in result.err
    assert (folder / "file").read_text() == "mine"


def test_full_disk_keeps_the_old_file(folder, monkeypatch):
    def full(self, path):
        path.write_bytes(b"half")
        raise OSError(28, os.strerror(28), str(path))

    (folder / "out.wav").write_bytes(b"old")
    monkeypatch.setattr(Audio, "save", full)
    result = russo("say", "hello", "-o", "out.wav")
    assert (result.code, result.err.splitlines()[-1]) == (1, "russo: out.wav: No space left on device")
    assert (folder / "out.wav").read_bytes() == b"old"
    assert not [name for name in os.listdir(folder) if name.startswith(".russo-")]


def test_suffix_refused_by_save_is_wrong_usage(folder, monkeypatch):
    def refuse(self, path):
        raise ValueError(f"{path.name} names another format: this is wav")

    monkeypatch.setattr(Audio, "save", refuse)
    result = russo("say", "hello", "-o", "out.mp3")
    assert (result.code, result.out) == (2, "")
    assert result.err.splitlines()[-1] == "russo: out.mp3 names another format: this is wav"
    assert not (folder / "out.mp3").exists()


@pytest.mark.parametrize("name", ["out.mp3", "out.OGG", "out.flac"])
def test_suffix_of_another_format_is_wrong_usage(folder, name):
    result = russo("say", "hello", "-o", name)
    assert (result.code, result.out) == (2, "")
    assert not (folder / name).exists()


def test_entry_refused_by_save_is_omitted_from_the_export(folder, monkeypatch):
    store_prompts(folder / ".russo_cache", "bye", first=2)
    true_save = Audio.save

    def refuse(self, path):
        if path.name.startswith("bye"):
            raise ValueError("these are samples without a header")
        return true_save(self, path)

    monkeypatch.setattr(Audio, "save", refuse)
    result = russo("cache", "export", "speech")
    assert result.code == 1
    assert result.err.splitlines()[-1] == "russo: 'bye' is not exported: these are samples without a header"
    assert os.listdir(folder / "speech") == ["hello-00000000.wav"]


def test_umask_decides_the_mode_of_the_file(folder, write):
    old = os.umask(0o022)
    try:
        assert write().code == 0
    finally:
        os.umask(old)
    assert stat.S_IMODE((folder / NAME).stat().st_mode) == 0o644


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX device names")
@pytest.mark.parametrize("name", ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
@pytest.mark.parametrize("target", ["pipe", "file"])
def test_standard_output_receives_only_the_audio(folder, name, target):
    if not os.path.exists(os.path.dirname(name) or "."):
        pytest.skip("this name does not exist here")
    if target == "pipe":
        process = start("say", "hello", "-o", name, env=SUPPORT)
        out, err = process.communicate(timeout=60)
    else:
        with open(folder / "captured", "wb") as file:
            process = start("say", "hello", "-o", name, stdout=file, env=SUPPORT)
            _, err = process.communicate(timeout=60)
        out = (folder / "captured").read_bytes()
    assert (process.returncode, out) == (0, HELLO)
    assert "miss: 0.1 s of speech" in err.decode()
    assert not (folder / "-").exists()
    assert os.path.islink("/dev/stdout") or not os.path.exists("/dev/stdout")


@pytest.mark.parametrize("name", ["-", "/dev/stdout"])
def test_audio_and_json_on_standard_output_are_wrong_usage(folder, name):
    process = start("say", "hello", "--json", "-o", name, env=SUPPORT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, b"")
    assert b"standard output cannot take both audio and JSON" in err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_named_pipe_receives_the_audio_and_is_kept(folder):
    os.mkfifo(folder / "pipe")
    code = "import sys; sys.stdout.buffer.write(open('pipe', 'rb').read())"
    reader = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    result = russo("say", "hello", "-o", "pipe", "--json")
    out, _ = reader.communicate(timeout=60)
    assert (result.code, out) == (0, HELLO)
    assert json.loads(result.out)["output"] == str(folder / "pipe")
    assert stat.S_ISFIFO((folder / "pipe").stat().st_mode)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_link_to_a_pipe_or_device_is_replaced(folder):
    """A repository must not choose the device that receives the audio."""
    (folder / "out.wav").symlink_to(os.devnull)
    assert russo("say", "hello", "-o", "out.wav").code == 0
    assert (folder / "out.wav").read_bytes() == HELLO
    assert not (folder / "out.wav").is_symlink()


def test_null_device_may_be_the_output(folder):
    assert russo("say", "hello", "-o", os.devnull).code == 0
    assert not os.path.isfile(os.devnull)


# -- a new file of the command's choice


@pytest.fixture
def played(monkeypatch, tmp_path):
    """Call `play_or_write` for "Hello, you!" without a player."""
    from russo._cli.output import play_or_write

    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    return lambda key="1a2b3c4d5e": play_or_write(sound("hello"), "Hello, you!", key)


def test_audio_without_a_player_is_written_to_a_new_file(folder, played):
    assert played() == (
        "no audio player is installed (looked for aplay, paplay, afplay, ffplay, play); "
        "written to hello-you-1a2b3c4d.wav"
    )
    assert (folder / "hello-you-1a2b3c4d.wav").read_bytes() == HELLO
    assert played(key="").endswith("written to hello-you.wav")


def test_same_audio_is_written_only_once(folder, played):
    played()
    before = os.stat("hello-you-1a2b3c4d.wav")
    assert played().endswith("; the audio is already in hello-you-1a2b3c4d.wav")
    assert os.stat("hello-you-1a2b3c4d.wav").st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize("taken", ["file", "link", "broken link", "link to the same", "directory"])
def test_new_file_replaces_nothing(folder, tmp_path, played, taken):
    path, other = folder / "hello-you-1a2b3c4d.wav", tmp_path / "other"
    if taken == "file":
        path.write_bytes(b"mine")
    elif taken == "directory":
        path.mkdir()
    else:
        path.symlink_to(other)
        if taken != "broken link":
            other.write_bytes(HELLO if taken == "link to the same" else b"mine")
    before = path.is_symlink(), path.is_file() and path.read_bytes()
    assert played().endswith("written to hello-you-1a2b3c4d-2.wav")
    assert (folder / "hello-you-1a2b3c4d-2.wav").read_bytes() == HELLO
    assert (path.is_symlink(), path.is_file() and path.read_bytes()) == before
    assert other.exists() == (taken in {"link", "link to the same"})


def test_new_file_that_cannot_be_completed_is_removed(folder, monkeypatch, played):
    from russo._cli import output
    from russo._cli.screen import FailedError

    class FullDisk(io.FileIO):
        def write(self, data):
            super().write(data[:10])
            raise OSError(28, os.strerror(28))

    monkeypatch.setattr(output, "open", FullDisk, raising=False)
    with pytest.raises(FailedError, match=r"no file was written here .*; write it with -o FILE"):
        played()
    assert [name for name in os.listdir(folder) if name.endswith(".wav")] == []


def test_number_of_names_that_are_tried_is_limited(folder, played):
    from russo._cli.screen import FailedError

    for number in range(1, 101):
        (folder / f"hello-you-1a2b3c4d{'' if number == 1 else f'-{number}'}.wav").write_text("mine")
    with pytest.raises(FailedError, match="no file was written here"):
        played()
    assert len([name for name in os.listdir(folder) if name.endswith(".wav")]) == 100
