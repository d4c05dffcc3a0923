"""Wrong synthesizers, options, hooks, modes and errors; each line with an error ends with a comment."""

from collections.abc import AsyncIterator

import pytest

import russo
from russo import CachedSynthesizer, Mode, ModeName, hookimpl, plugins
from russo.synthesizers import LocalSynthesizer
from russo.testing import FakeSynthesizer, Reply


class Blocking:
    def synthesize(self, text: str) -> russo.Audio:
        return russo.Audio(bytes(2), "pcm")


class ReturnsBytes:
    async def synthesize(self, text: str) -> bytes:
        return b""


CachedSynthesizer(Blocking())  # wrong
CachedSynthesizer(ReturnsBytes())  # wrong
CachedSynthesizer(FakeSynthesizer)  # wrong
CachedSynthesizer(FakeSynthesizer(), russo.AudioCache())  # wrong
CachedSynthesizer(FakeSynthesizer(), cache="speech")  # wrong
CachedSynthesizer(FakeSynthesizer(), cache_key_extra=["take"])  # wrong
CachedSynthesizer(FakeSynthesizer(), mode="reply")  # wrong
CachedSynthesizer(FakeSynthesizer(), mode="AUTO")  # wrong
CachedSynthesizer(FakeSynthesizer(), mode=str(Mode.AUTO))  # wrong
CachedSynthesizer(FakeSynthesizer(), mode=True)  # wrong
MODE: ModeName = "record"  # wrong
Mode.RECORD  # wrong
LocalSynthesizer("emma")  # wrong
LocalSynthesizer(pitch=2)  # wrong
LocalSynthesizer(speed="fast")  # wrong
FakeSynthesizer("hello")  # wrong
Reply(fail_at="middle")  # wrong
russo.load_synthesizer(LocalSynthesizer)  # wrong
russo.LayeredCache(russo.AudioCache("a"), russo.AudioCache("b"))  # wrong


@pytest.fixture
def russo_synthesizer() -> russo.Synthesizer:
    return Blocking()  # wrong


@pytest.fixture
async def another_voice() -> AsyncIterator[russo.Synthesizer]:
    yield ReturnsBytes()  # wrong


def pytest_russo_cache_hit(event: russo.CacheHit) -> None:
    event.prompt = ""  # wrong
    event.reason  # wrong


@hookimpl(last=True)  # wrong
def russo_cache_miss(event: russo.CacheMiss) -> None:
    event.audio  # wrong


def pytest_addoption(parser: pytest.Parser) -> None:
    plugins.add_setting(parser, "agent")  # wrong
    plugins.setting_of(parser, "agent")  # wrong


def reason(error: russo.SynthesisError) -> str:
    error.limit  # wrong
    return error.model  # wrong


russo.ServiceError("busy")  # wrong
russo.ServiceError("busy", backend="acme", prompt="hello", retry=True)  # wrong
