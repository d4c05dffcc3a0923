"""Tests with every fixture, with the marker, plain and async."""

from pathlib import Path
from typing import assert_type

import pytest

import russo


def test_plain(russo_say: russo.Say) -> None:
    audio = russo_say("Turn on the light.")
    assert_type(audio, russo.Audio)
    assert audio.duration > 1.0
    assert_type(audio.duration, float)
    assert_type(audio.known_duration, float | None)
    assert russo_say(text="Turn on the light.") == audio


@pytest.mark.russo("Stop the music.")
def test_marked(russo_audio: russo.Audio) -> None:
    assert_type(russo_audio.sample_rate, int)
    assert_type(russo_audio.resample(16000).pcm(), bytes)
    frames = [len(frame) for frame in russo_audio.frames(ms=20)]
    assert_type(frames, list[int])
    assert russo_audio.save("stop.wav").stat().st_size


@pytest.mark.asyncio
@pytest.mark.russo("Stop the music.")
async def test_async(russo_synthesizer: russo.CachedSynthesizer, russo_audio: russo.Audio) -> None:
    audio = await russo_synthesizer.synthesize("Stop the music.")
    assert_type(audio, russo.Audio)
    assert_type(russo_synthesizer.synthesize_sync("Stop the music."), russo.Audio)
    assert audio == russo_audio


def test_cache(russo_cache: russo.Cache, russo_synthesizer: russo.CachedSynthesizer) -> None:
    assert_type(russo_cache, russo.AudioCache | russo.LayeredCache)
    key = russo.cache_key("Stop the music.", russo_synthesizer.cache_key_extra, None)
    assert_type(russo_cache.get(key), russo.Audio | None)
    found = russo_cache.lookup(key)
    if isinstance(found, russo.Miss):
        assert_type(found.reason, str)
    else:
        assert russo_cache.put(key, found, prompt="Stop the music.")
    assert_type(russo_synthesizer.cache, russo.Cache)


def test_report(russo_report: russo.RunReport, russo_audio: russo.Audio, tmp_path: Path) -> None:
    russo_report.attach("transcript", "stop the music")
    russo_report.attach("reply", russo_audio)
    russo_report.attach("trace", tmp_path / "trace.json")


@pytest.fixture
def two_prompts(russo_say: russo.Say) -> tuple[russo.Audio, russo.Audio]:
    return russo_say("One."), russo_say("Two.")


def a_function_is_a_say(text: str) -> russo.Audio:
    return russo.Audio(text.encode() * 2, "pcm", 8000)


SAY: russo.Say = a_function_is_a_say
VERSION: str = russo.__version__
