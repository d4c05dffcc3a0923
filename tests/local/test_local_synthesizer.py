"""Behaviour of the local backend alone; test_contract.py tests what all backends share."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import io
import os
import socket
import struct
import subprocess
import sys
import time
import wave
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import ModuleSpec
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from russo import (
    Audio,
    NoAudioError,
    RequestRejectedError,
    ServiceError,
    SynthesisError,
    TextRejectedError,
    cache_key,
    load_synthesizer,
)
from russo_local import LocalSynthesizer

PROMPT = "Book a flight from Berlin to Rome."
SPEAK = """
import asyncio, hashlib, sys
from russo import load_synthesizer
audio = asyncio.run(load_synthesizer("local").synthesize(sys.argv[1]))
"""


def speak(text: str = PROMPT, **options: Any) -> Audio:
    return asyncio.run(load_synthesizer("local", **options).synthesize(text))


def fail(text: str = PROMPT, **options: Any) -> SynthesisError:
    with pytest.raises(SynthesisError) as caught:
        speak(text, **options)
    return caught.value


def digest(audio: Audio) -> str:
    return hashlib.sha256(audio.data).hexdigest()


def run_python(code: str, *arguments: str, **variables: str) -> str:
    command = [sys.executable, "-W", "error", "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | variables, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Refuse every download at once, and return the empty directory for downloaded voices."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("HIBARI_HOME", str(tmp_path / "voices"))
    return tmp_path / "voices"


def test_audio_is_24_khz_16_bit_mono_wav() -> None:
    audio = speak()
    with wave.open(io.BytesIO(audio.data)) as reader:
        assert reader.getparams()[:3] == (1, 2, 24000)
        assert len(reader.readframes(reader.getnframes())) == 2 * reader.getnframes()
        assert reader.getnframes() / 24000 == audio.duration
    assert 1.0 < audio.duration < 5.0
    assert (audio.format, audio.sample_rate, audio.channels, audio.sample_width) == ("wav", 24000, 1, 2)


def test_audio_equals_that_of_hibari_for_the_same_text() -> None:
    import numpy
    from hibari import Hibari

    text = 'Turn on the light. Dr. Smith agrees!\n\nNew line, \t tabbed; he said: "Yes."'
    waves = list(Hibari().stream(text, 1.5, 3))
    expected = (numpy.clip(numpy.concatenate(waves), -1.0, 1.0) * 32767.0).astype("<i2").tobytes()
    assert speak(text, speed=1.5, seed=3).pcm() == expected


def test_bytes_are_equal_in_every_process() -> None:
    digests = {run_python(f"{SPEAK}print(hashlib.sha256(audio.data).hexdigest())", PROMPT) for _ in range(2)}
    assert digests == {digest(speak())}


def test_bytes_are_equal_in_every_thread() -> None:
    prompts = [f"Number {number}." for number in range(8)]
    alone = [digest(speak(prompt)) for prompt in prompts]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda prompt: digest(speak(prompt)), prompts))
    assert together == alone
    assert len(set(alone)) == 8


def test_speed_changes_the_pace() -> None:
    slow, usual, fast = (speak(speed=speed).duration for speed in (0.5, 1.0, 2.0))
    assert slow > 1.2 * usual
    assert usual > 1.2 * fast


def test_seed_changes_the_sound_but_not_its_length() -> None:
    one, other = speak(seed=0), speak(seed=1)
    assert one.data != other.data
    assert one.duration == other.duration


def test_engine_version_changes_the_key(tmp_path: Path) -> None:
    newer = tmp_path / "hibari_tts-99.0.dist-info"
    newer.mkdir()
    (newer / "METADATA").write_text("Metadata-Version: 2.1\nName: hibari-tts\nVersion: 99.0\n")
    own = load_synthesizer("local").cache_key_extra
    assert version("hibari-tts") in own["model"]
    code = "from russo import *; print(cache_key('Hi', load_synthesizer('local').cache_key_extra, None))"
    code = code.replace("*", "cache_key, load_synthesizer")
    here = os.environ.get("PYTHONPATH", "")
    assert run_python(code) == cache_key("Hi", own, None)
    assert run_python(code, PYTHONPATH=os.pathsep.join(filter(None, [str(tmp_path), here]))) != run_python(
        code
    )


def test_missing_engine_is_reported_with_the_install_command() -> None:
    code = """
import sys
from russo import BackendConfigError, load_synthesizer
synthesizer = load_synthesizer("local")
sys.meta_path[:] = [each for each in sys.meta_path if not hasattr(each, "find_distributions")]
try:
    synthesizer.cache_key_extra
except BackendConfigError as error:
    print(error)
"""
    assert run_python(code) == (
        "hibari-tts is not installed, and its version is part of every key of backend 'local'; "
        "pip install --force-reinstall russo-local"
    )


# hibari reads vocab.json once per model that it loads, and a lexicon once per set of text rules.
_COUNT_LOADS = """
import asyncio, collections, pathlib, sys, threading
from russo import load_synthesizer
opened = collections.Counter()
def note(event, values):
    if event == "open" and isinstance(values[0], str):
        opened[pathlib.Path(values[0]).name] += 1
sys.addaudithook(note)
start = threading.Barrier(4)
async def five():
    start.wait()
    synthesizer = load_synthesizer("local")
    return await asyncio.gather(*(synthesizer.synthesize(f"Number {n}.") for n in range(5)))
spoken = []
threads = [threading.Thread(target=lambda: spoken.extend(asyncio.run(five()))) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(spoken), opened["vocab.json"], opened["lexicon_us_gold.json.gz"])
"""


def test_twenty_calls_at_once_load_the_model_once() -> None:
    assert run_python(_COUNT_LOADS) == "20 1 1"


def test_speaking_does_not_block_the_event_loop() -> None:
    synthesizer = load_synthesizer("local")
    asyncio.run(synthesizer.synthesize(PROMPT))

    async def main() -> tuple[float, float]:
        gaps, start = [], time.monotonic()
        speech = asyncio.create_task(synthesizer.synthesize(PROMPT * 20))
        while not speech.done():
            before = time.monotonic()
            await asyncio.sleep(0)
            gaps.append(time.monotonic() - before)
        return max(gaps), time.monotonic() - start

    longest, total = asyncio.run(main())
    assert longest < total / 3


def test_failed_voice_download_is_reported_with_its_directory(no_network: Path) -> None:
    error = fail(voice="emma")
    assert type(error) is ServiceError
    assert "'emma'" in str(error)
    assert str(no_network) in str(error)
    assert "use voice 'heart', which needs no download" in str(error)
    assert isinstance(error.__cause__, RuntimeError)
    assert (error.retryable, error.reached) == (False, False)
    assert list(no_network.iterdir()) == []


def test_default_voice_needs_no_download(no_network: Path) -> None:
    code = f"{SPEAK}print(hashlib.sha256(audio.data).hexdigest())"
    assert run_python(code, PROMPT) == digest(speak())
    assert not no_network.exists()


def test_damaged_voice_file_is_a_service_error(no_network: Path) -> None:
    from hibari.voices import VOICES

    file = no_network / VOICES["emma"]["file"]
    file.parent.mkdir(parents=True)
    file.write_bytes(b"half a model")
    error = fail(voice="emma")
    assert type(error) is ServiceError
    assert str(file) in str(error)


@pytest.mark.parametrize(
    ("voice", "hint"),
    [
        ("nobody", ""),
        ("kora", "did you mean 'kore'? "),
        ("Heart", "did you mean 'heart'? "),
        ("af_heart", "did you mean 'heart'? "),
    ],
)
def test_voice_that_hibari_does_not_have_is_refused_by_the_constructor(voice: str, hint: str) -> None:
    with pytest.raises(ValueError, match="voice is") as caught:
        LocalSynthesizer(voice=voice)
    assert str(caught.value) == (
        f"voice is {voice!r}; {hint}hibari-tts has the voices heart, emma, fenrir, fable, kore"
    )


def test_voices_that_are_checked_are_those_that_hibari_has() -> None:
    from hibari.voices import VOICES

    for voice in VOICES:
        assert LocalSynthesizer(voice=voice).voice == voice


def test_checking_a_voice_imports_neither_hibari_nor_numpy() -> None:
    code = """
import sys
from russo_local import LocalSynthesizer
LocalSynthesizer(voice="kore")
print(sorted({"hibari", "numpy", "onnxruntime"} & set(sys.modules)))
"""
    assert run_python(code) == "[]"


@pytest.mark.parametrize("registry", [None, "no JSON", "[]"])
def test_unknown_voice_fails_at_the_call_if_the_registry_cannot_be_read(
    registry: str | None, no_network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from russo_local import _synthesizer

    folder = tmp_path / "hibari" / "assets"
    folder.mkdir(parents=True)
    if registry is not None:
        (folder / "voices.json").write_text(registry)
    spec = ModuleSpec("hibari", None, is_package=True)
    spec.submodule_search_locations = [str(folder.parent)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    _synthesizer._voices.cache_clear()
    try:
        error = fail(voice="kora")
    finally:
        _synthesizer._voices.cache_clear()
    assert type(error) is RequestRejectedError
    assert error.reached is False
    for name in ("kora", "heart", "emma", "fable", "fenrir", "kore"):
        assert name in str(error)


@pytest.mark.parametrize("text", ["🎉🎉", "你好", "مرحبا", "Привет, мир", "\0", "£", "---"])
def test_text_without_english_is_refused(text: str) -> None:
    error = fail(text)
    assert type(error) is TextRejectedError
    assert "nothing in it can be spoken in English" in str(error)
    assert error.reached is False


@pytest.mark.parametrize("text", ["1" * 50, "Call " + "9" * 5000 + " now"])
def test_text_that_hibari_cannot_read_is_refused(text: str) -> None:
    error = fail(text)
    assert type(error) is TextRejectedError
    assert "hibari-tts cannot read" in str(error)
    assert error.__cause__ is not None


@pytest.mark.parametrize(
    "text",
    [
        "Hello 🎉 there",
        "Hello\nthere",
        "Hello\r\n\r\nthere",
        "Hello\tthere",
        "naïve Zoë",
        "\uff28\uff49",
        "50 %",
    ],
)
def test_text_with_signs_and_digits_is_spoken(text: str) -> None:
    assert speak(text).duration > 0.5


def test_every_line_is_spoken() -> None:
    one, three = speak("Good morning").duration, speak("Good morning\n\nGood morning\nGood morning").duration
    assert three == pytest.approx(3 * one, rel=0.1)


def test_endless_sentence_takes_bounded_memory() -> None:
    if sys.platform != "linux":
        pytest.skip("the peak memory of a process is read from /proc")
    code = f"""{SPEAK}
import re
from pathlib import Path
peak = int(re.search("VmHWM:[^0-9]*([0-9]+)", Path("/proc/self/status").read_text())[1]) / 1024
print(audio.duration, peak)
"""
    duration, megabytes = map(float, run_python(code, "turn on the kitchen light " * 200).split())
    assert duration > 200
    assert megabytes < 800  # MiB; a sentence that is synthesized whole needs more than a thousand


def test_cancelled_speech_stops_after_the_current_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from hibari import Hibari

    synthesizer = load_synthesizer("local")
    asyncio.run(synthesizer.synthesize(PROMPT))
    spoken: list[int] = []
    speak_sentence = Hibari.from_ids

    async def main() -> None:
        loop, started = asyncio.get_running_loop(), asyncio.Event()

        def watched(*arguments: Any) -> Any:
            spoken.append(1)
            loop.call_soon_threadsafe(started.set)
            return speak_sentence(*arguments)

        monkeypatch.setattr(Hibari, "from_ids", watched)
        task = asyncio.create_task(synthesizer.synthesize(f"{PROMPT} " * 200))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())  # asyncio.run waits for its threads
    monkeypatch.undo()
    assert len(spoken) < 20
    assert asyncio.run(synthesizer.synthesize("Next.")).duration > 0.2


def make_engine_return(monkeypatch: pytest.MonkeyPatch, *levels: float) -> None:
    """Make the engine return these samples for every sentence."""
    import numpy
    from hibari import Hibari

    asyncio.run(load_synthesizer("local").synthesize(PROMPT))
    monkeypatch.setattr(Hibari, "from_ids", lambda *_: numpy.array(levels * 100, dtype="float32"))


def test_samples_above_full_scale_are_clipped(monkeypatch: pytest.MonkeyPatch) -> None:
    make_engine_return(monkeypatch, 1.5, -1.5, 0.5, 1.0)
    assert speak("Hello.").pcm()[:8] == struct.pack("<4h", 32767, -32767, 16383, 32767)


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), float("-inf")])
def test_samples_that_are_not_finite_are_not_audio(monkeypatch: pytest.MonkeyPatch, odd: float) -> None:
    make_engine_return(monkeypatch, 0.5, odd, -0.5)
    error = fail("Hello.")
    assert type(error) is NoAudioError
    assert "not finite numbers" in str(error)


@pytest.mark.parametrize("levels", [(0.0,), (3e-5, -3e-5), (0.001,)])
def test_text_spoken_as_silence_is_refused(
    monkeypatch: pytest.MonkeyPatch, levels: tuple[float, ...]
) -> None:
    make_engine_return(monkeypatch, *levels)
    assert type(fail("Hello.")) is TextRejectedError


@pytest.mark.parametrize("speed", [0.49, 2.01, 0, -1, float("nan"), float("inf")])
def test_speed_outside_its_range_is_refused_at_construction(speed: float) -> None:
    with pytest.raises(ValueError, match=r"speed is .*; it must be from 0\.5 to 2\.0"):
        LocalSynthesizer(speed=speed)


@pytest.mark.parametrize("seed", [-1, 1.5])
def test_seed_that_is_not_a_whole_number_is_refused_at_construction(seed: Any) -> None:
    with pytest.raises(ValueError, match=rf"seed is {seed}; it must be a whole number, 0 or more"):
        LocalSynthesizer(seed=seed)
