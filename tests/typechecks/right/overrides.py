"""The overrides of a ``conftest.py``: plain, yielded, async; of the synthesizer and of the cache."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import russo
from russo.synthesizers import (
    ElevenLabsSynthesizer,
    GoogleSynthesizer,
    LocalSynthesizer,
    OpenAISpeechSynthesizer,
    OpenAISynthesizer,
)
from russo.testing import FakeSynthesizer


class Plain:
    @pytest.fixture(scope="session")
    def russo_synthesizer(self) -> russo.Synthesizer:
        return LocalSynthesizer(voice="emma", speed=1.2)


class Yielded:
    @pytest.fixture(scope="module")
    def russo_synthesizer(self) -> Iterator[russo.Synthesizer]:
        yield OpenAISynthesizer()


class Async:
    @pytest.fixture
    async def russo_synthesizer(self) -> russo.Synthesizer:
        return russo.load_synthesizer("local", voice="heart", speed=1.0)


class AsyncYielded:
    @pytest.fixture
    async def russo_synthesizer(self) -> AsyncIterator[russo.Synthesizer]:
        cached = russo.CachedSynthesizer(GoogleSynthesizer(voice="Kore"))
        yield cached
        await cached.aclose()


class WithAWrapper:
    @pytest.fixture(scope="session")
    def russo_synthesizer(self, russo_cache: russo.Cache) -> russo.CachedSynthesizer:
        return russo.CachedSynthesizer(
            ElevenLabsSynthesizer(voice="anna"), cache=russo_cache, cache_key_extra={"take": 2}, mode="auto"
        )

    @pytest.fixture(scope="session")
    def second_voice(self) -> russo.CachedSynthesizer:
        return russo.CachedSynthesizer(OpenAISpeechSynthesizer(base_url="http://127.0.0.1:8880/v1"))


class WithAFake:
    @pytest.fixture
    def russo_synthesizer(self) -> FakeSynthesizer:
        busy = russo.ServiceError("busy", backend="fake", prompt="hello")
        return FakeSynthesizer(busy, None, delay=[0.1, 0], cache_key_extra={"voice": "a"})


class OneCache:
    @pytest.fixture(scope="session")
    def russo_cache(self) -> russo.Cache:
        return russo.AudioCache(Path("speech"))


class Layers:
    @pytest.fixture(scope="session")
    def russo_cache(self) -> russo.LayeredCache:
        return russo.LayeredCache(russo.AudioCache("private"), recordings=[russo.AudioCache("speech")])
