"""russo's contract of a backend, and tests of behaviour that is specific to espeak-ng."""

import asyncio
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import ClassVar

import pytest

from russo import RequestRejectedError, ServiceError, SynthesisTimeoutError, TextRejectedError
from russo.testing import BackendContract
from russo_acme import AcmeSynthesizer

PROGRAM = shutil.which("espeak-ng")
needs_espeak = pytest.mark.skipif(PROGRAM is None, reason="espeak-ng is not installed")
PROMPT = "Book a flight from Berlin to Rome"


def installed_model():
    if PROGRAM is None:
        return "espeak-ng 1.51"
    said = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout
    return "espeak-ng " + re.search(r"text-to-speech: (\S+)", said)[1]


MODEL = installed_model()


@needs_espeak
class TestAcme(BackendContract):
    backend = "acme"
    options: ClassVar = {"model": MODEL}
    declared: ClassVar = {"model": "espeak-ng 1.0", "voice": "de", "speed": 1.5, "pitch": 70}
    undeclared: ClassVar = {"timeout": 7.5, "max_concurrency": 1}

    @pytest.fixture
    def make_synthesizer(self):
        return AcmeSynthesizer


def speak(text=PROMPT, **options):
    return asyncio.run(AcmeSynthesizer(**{"model": MODEL, **options}).synthesize(text))


def failure(kind, text=PROMPT, **options):
    with pytest.raises(kind) as caught:
        speak(text, **options)
    assert not caught.value.retryable or kind is SynthesisTimeoutError
    return str(caught.value)


@needs_espeak
@pytest.mark.parametrize("voice", ["nobody", "en+", "-h", "../../etc", "mb/nobody"])
def test_unknown_voice_is_rejected_or_refused_at_once(voice):
    try:
        said = failure(RequestRejectedError, voice=voice)
    except ValueError as error:
        said = str(error)
    assert "voice" in said


@needs_espeak
def test_other_release_than_the_declared_one_is_refused():
    said = failure(RequestRejectedError, model="espeak-ng 0.9")
    assert f"{MODEL} is installed; install espeak-ng 0.9, or choose model={MODEL!r}" in said


@needs_espeak
@pytest.mark.parametrize("text", ["", " \n", "\u200b", "before\0after"])
def test_text_that_cannot_be_spoken_whole_is_rejected(text):
    assert "change the prompt" in failure(TextRejectedError, text)


@needs_espeak
@pytest.mark.parametrize("text", ["-h", "--version", "--stdin", "-v de", "$HOME", "; exit"])
def test_text_is_never_an_option_or_a_command(text):
    audio = speak(text)
    assert audio.duration > 0.3
    assert audio == speak(text)


@needs_espeak
def test_speed_and_pitch_shape_the_sound():
    slow, usual, fast = (speak(speed=speed).duration for speed in (0.5, 1.0, 2.0))
    assert slow > 1.5 * usual > 1.5 * 1.5 * fast
    assert speak(pitch=99).data != speak().data != speak(voice="de").data


# -- replacements for the program


@pytest.fixture
def play(tmp_path, monkeypatch):
    """Put a program named espeak-ng, and no other, on the synthesizer's PATH."""

    def write(script):
        program = tmp_path / "bin" / "espeak-ng"
        program.parent.mkdir()
        program.write_text(
            f'#!/bin/sh\n[ "$1" != --version ] || exec echo "text-to-speech: 1.51"\n{script}\n'
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")

    return write


def test_missing_program_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    said = failure(ServiceError)
    assert "espeak-ng cannot be started" in said
    assert "apt-get install espeak-ng" in said


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo no phonemes >&2; exit 3", "espeak-ng ended with 3, 'no phonemes'"),
        ("kill -9 $$", "espeak-ng ended with -9, ''"),
    ],
)
def test_failure_is_reported_with_the_output_of_the_program(play, script, message):
    play(script)
    assert message in failure(ServiceError, model="espeak-ng 1.51")


def test_program_without_a_release_is_refused(play):
    play("")
    (Path(shutil.which("espeak-ng"))).write_text("#!/bin/sh\necho something else\n")
    assert r"a program that says b'something else\n' is installed" in failure(RequestRejectedError)


def wait_for_process(path):
    """Wait until the program has written its process id, and return it."""
    until = time.monotonic() + 20.0
    while not path.exists():
        assert time.monotonic() < until, "the program was not started"
        time.sleep(0.01)
    return int(path.read_text())


@pytest.mark.parametrize("timeout", [2.0, 60.0], ids=["out of time", "cancelled"])
def test_cancelling_or_timeout_ends_the_program(play, tmp_path, timeout):
    play(f"echo $$ > {tmp_path}/new; mv {tmp_path}/new {tmp_path}/process; exec sleep 60")

    async def stop():
        speaking = asyncio.create_task(AcmeSynthesizer(timeout=timeout).synthesize(PROMPT))
        process = await asyncio.to_thread(wait_for_process, tmp_path / "process")
        if timeout == 60.0:
            speaking.cancel()
        with pytest.raises((asyncio.CancelledError, SynthesisTimeoutError)) as caught:
            await speaking
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)  # ended and waited for, so not even a zombie is left
        return caught.type

    assert asyncio.run(stop()) is (SynthesisTimeoutError if timeout == 2.0 else asyncio.CancelledError)
