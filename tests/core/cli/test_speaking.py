"""The synthesizer of a command: its options, its aclose, and the player of its audio."""

import os
import stat
import sys

import pytest

from russo import Audio
from russo._cli.player import play
from support.command import enter_project, russo

VOICE = """
from russo import Audio

class Voice:
    def __init__(self, *, voice: str = "default"):
        self.cache_key_extra = {"backend": "voice", "voice": voice}
        self.voice = voice

    async def synthesize(self, text):
        if text == "bad":
            raise ValueError("no voice")
        return Audio(self.voice.encode() * 1000, "pcm", 8000, 1, 1)

    async def aclose(self):
        with open("closed.txt", "a") as file:
            file.write("closed\\n")
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    ini = "[pytest]\nrusso_synth = speaking_of_test:Voice\nrusso_synth_options = custom.voice=ini\n"
    folder = enter_project(tmp_path, monkeypatch, ini)
    (folder / "speaking_of_test.py").write_text(VOICE)
    (folder / "prompts.txt").write_text("hello\nbad\n")
    monkeypatch.delitem(sys.modules, "speaking_of_test", raising=False)
    return folder


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["say", "hello", "-o", "a.wav"], 0), (["say", "bad"], 1), (["record", "prompts.txt"], 1)],
)
def test_backend_is_closed_once_even_after_a_failure(folder, arguments, code):
    said = russo(*arguments)
    assert said.code == code
    assert code == 0 or "no voice" in said.err + said.out
    assert (folder / "closed.txt").read_text() == "closed\n"


@pytest.mark.parametrize(("given", "voice"), [([], "ini"), (["--synth-option", "custom.voice=mine"], "mine")])
@pytest.mark.parametrize("command", ["say", "record"])
def test_command_line_option_overrides_the_ini_file(folder, command, given, voice):
    (folder / "prompts.txt").write_text("hello\n")
    arguments = ["say", "hello", "-o", "a.wav"] if command == "say" else ["record", "prompts.txt"]
    assert russo(*arguments, *given).code == 0
    (audio,) = (folder / ".russo_cache").glob("*.audio")
    assert audio.read_bytes() == voice.encode() * 1000


@pytest.mark.parametrize(
    ("installed", "format", "player"),
    [
        ("aplay ffplay", "wav", "aplay"),
        ("aplay ffplay", "pcm", "aplay"),
        ("aplay ffplay", "ulaw", "aplay"),
        ("aplay ffplay", "mp3", "ffplay"),
        ("paplay play", "ogg", "play"),
        ("aplay paplay", "mp3", None),
        ("afplay", "flac", "afplay"),
        ("", "wav", None),
    ],
)
def test_compressed_audio_is_given_to_a_player_that_supports_it(
    tmp_path, monkeypatch, installed, format, player
):
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in installed.split():
        path = programs / name
        path.write_text(
            f"#!{sys.executable}\nimport sys\nopen({str(tmp_path / 'log')!r}, 'w').write('{name} ' + sys.argv[-1])\n"
        )
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(programs))
    problem = play(Audio(b"ab" * 100, format if format != "wav" else "pcm", 8000))
    if player is None:
        assert "no audio player is installed" in problem
        return
    assert problem is None
    name, path = (tmp_path / "log").read_text().split(" ", 1)
    suffix = f".{format}" if format in {"mp3", "ogg", "flac"} else ".wav"
    assert (name, os.path.splitext(path)[1]) == (player, suffix)
