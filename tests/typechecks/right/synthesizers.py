"""Synthesizers: the smallest, one with settings, a subclass, and a backend with options."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, assert_type

import russo
from russo.authoring import (
    Attempts,
    Exchange,
    ModelEnd,
    Range,
    check_range,
    kind_of_status,
    pcm_audio,
    read_api_key,
    wav_audio,
)


class Beep:
    async def synthesize(self, text: str) -> russo.Audio:
        return russo.Audio(bytes(48000), "pcm", 24000)


class Settings:
    def __init__(self, *, seconds: float = 0.5) -> None:
        self.seconds = seconds

    @property
    def cache_key_extra(self) -> Mapping[str, Any]:
        return {"seconds": self.seconds}

    async def synthesize(self, text: str) -> russo.Audio:
        return pcm_audio(bytes(2 * round(8000 * self.seconds)), 8000)

    async def aclose(self) -> None:
        """Close nothing."""


class Louder(Settings):
    @property
    def cache_key_extra(self) -> Mapping[str, Any]:
        return {**super().cache_key_extra, "loudness": 2}


class Reply:
    status: int = 200
    body: bytes = b""


class StatusError(Exception):
    status: int = 500
    text: str = ""


async def speak(text: str, *, voice: str, key: str) -> Reply:
    raise StatusError(f"{voice} does not say {text} with {key[:2]}")


SPEED = Range(0.5, 2.0)


class AcmeSynthesizer:
    russo_api = 1
    credentials: ClassVar[tuple[str, ...]] = ("ACME_API_KEY",)
    hosts: ClassVar[tuple[str, ...]] = ("api.acme.example",)
    model_ends: ClassVar[Mapping[str, ModelEnd]] = {"m1": ModelEnd("2027-01-06", "https://acme.example/ends")}

    def __init__(
        self,
        *,
        voice: str = "anna",
        speed: Annotated[float, SPEED] = 1.0,
        volume: float = 1.0,
        api_key: str | None = None,
        timeout: float = 60.0,
        max_attempts: int = 3,
        max_concurrency: int = 8,
    ) -> None:
        self.voice = voice
        self.speed = SPEED.check("speed", speed)
        self.volume = check_range("volume", volume, 0, 2)
        self._api_key = api_key
        self._attempts = Attempts(
            "acme", timeout=timeout, max_attempts=max_attempts, max_concurrency=max_concurrency
        )

    @property
    def cache_key_extra(self) -> Mapping[str, object]:
        return {"backend": "acme", "voice": self.voice, "speed": self.speed, "volume": self.volume}

    async def synthesize(self, text: str) -> russo.Audio:
        key = read_api_key(self._attempts, text, self._api_key, "ACME_API_KEY")
        exchange = Exchange(self._attempts, text, key)
        return await self._attempts.run(
            text, lambda: exchange.guard(self._attempt(exchange)), host="api.acme.example"
        )

    async def _attempt(self, exchange: Exchange) -> russo.Audio:
        try:
            reply = await speak(exchange.prompt, voice=self.voice, key=exchange.secret)
        except StatusError as error:
            kind = kind_of_status(error.status)
            raise exchange.refusal_error(error, kind, error.status, error.text) from error
        except (OSError, ValueError) as error:
            raise exchange.connection_error(error) from error
        if not reply.body:
            raise self._attempts.error(russo.NoAudioError, "no audio", prompt=exchange.prompt)
        return wav_audio(reply.body)


SYNTHESIZERS: list[russo.Synthesizer] = [Beep(), Settings(), Louder(), AcmeSynthesizer()]
CACHED = [russo.CachedSynthesizer(each) for each in SYNTHESIZERS]
NESTED: russo.Synthesizer = russo.CachedSynthesizer(CACHED[0])
assert_type(russo.load_synthesizer("acme", voice="ben"), russo.Synthesizer)
