"""Wrong uses of the fixtures; each line with an error ends with a comment."""

import pytest

import russo


def test_plain(russo_say: russo.Say) -> None:
    russo_say()  # wrong
    russo_say(5)  # wrong
    russo_say("One.", "Two.")  # wrong
    russo_say(prompt="One.")  # wrong
    audio: bytes = russo_say("One.")  # wrong
    assert russo_say("One.").known_duration > 1  # wrong
    assert russo_say("One.").duration > "1"  # wrong
    assert audio


@pytest.mark.russo("Stop the music.")
def test_marked(russo_audio: russo.Audio) -> None:
    russo_audio.sample_rate = 8000  # wrong
    russo_audio.length  # wrong
    russo_audio.save(5)  # wrong
    russo.Audio("text")  # wrong


@pytest.mark.asyncio
async def test_async(russo_synthesizer: russo.CachedSynthesizer, russo_say: russo.Say) -> None:
    russo_synthesizer.synthesize("Hello").data  # wrong
    await russo_say("Hello")  # wrong
    await russo_synthesizer.synthesize(["Hello"])  # wrong


def test_cache(russo_cache: russo.Cache) -> None:
    russo_cache.get("0" * 64).data  # wrong
    russo_cache.put("0" * 64, b"bytes")  # wrong
    russo_cache.directory  # wrong


def takes_a_number(text: int) -> russo.Audio:
    return russo.Audio(bytes(text), "pcm")


SAY: russo.Say = takes_a_number  # wrong
VERSION: int = russo.__version__  # wrong
russo.Speaker  # wrong
