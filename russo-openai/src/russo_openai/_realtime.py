"""`OpenAISynthesizer`: OpenAI's own speech over the Realtime API, one websocket per attempt.

No websocket library is imported, and no variable with a credential is read, before the first miss.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal

from russo import BackendConfigError, NoAudioError, TextRejectedError
from russo.authoring import (
    Attempts,
    Exchange,
    Range,
    Secret,
    check_base_url,
    endpoint,
    host_of,
    pcm_audio,
    read_api_key,
)

from ._access import VendorEnds, as_http, calls_vendor, effective_base_url, is_vendor, more_secrets
from ._check import count_spoken, odd_duration, words_of
from ._connection import connected, realtime_url
from ._models import REALTIME_ENDS, REALTIME_MODEL, REALTIME_VOICES, SPEECH_VOICES, is_speech_model
from ._reading import RULES_VERSION, SAMPLE_RATE, response_create, session_update
from ._session import read_aloud

if TYPE_CHECKING:
    from collections.abc import Mapping

    from russo import Audio, SynthesisError

    from ._session import Reading

_OTHER: Final = "the backend openai-speech (OpenAISpeechSynthesizer)"
_ADVICE: Final = "write the prompt as it is spoken, or set check=off"
_SHOWN: Final = 160
_SPEED: Final = Range(0.25, 1.5)


class OpenAISynthesizer:
    """OpenAI's speech over the Realtime API: 16-bit WAV, 24 kHz, mono.

    A realtime model converses. Its instructions are to read, and its transcript is compared with the prompt:
    a reading with other words is an error and is never stored. Every call is billed, even if its words
    differ. Each attempt opens a connection, and no connection stays open between calls.

    Args:
        voice: The voice's name, or the id of a custom voice (``voice_...``).
        model: The model's name.
        instructions: How to speak, in words: tone, pace, accent.
        speed: Pace, 0.25 (slow) to 1.5 (fast).
        check: ``words`` compares the transcript with the prompt; ``off`` takes any reading.
        api_key: The key; without one, the variable OPENAI_API_KEY is read at the first miss.
        base_url: Another endpoint (http, https, ws or wss), up to and including its ``/v1``; without
            one, OPENAI_BASE_URL or OpenAI.
        timeout: Seconds for one attempt: connection and speech.
        max_attempts: Attempts per prompt, the first included.
        max_concurrency: Calls, and so connections, at once.

    Raises:
        BackendConfigError: ``base_url`` is not a plain URL, or model or voice belong to ``openai-speech``.
        ValueError: A number outside its range, or a ``check`` that does not exist.
    """

    russo_api = 1
    """The version of the plugin contract that this class was written for."""
    credentials: ClassVar[tuple[str, ...]] = ("OPENAI_API_KEY",)
    """The environment variable that may hold the key."""
    hosts: ClassVar[tuple[str, ...]] = ("api.openai.com",)
    """The hosts of the service itself, with their sub-domains; the key may go to them without a question."""
    service_url = "https://developers.openai.com/api/docs/models/gpt-realtime-2.1-mini"
    """The vendor's page about this service."""
    model_ends = VendorEnds(REALTIME_ENDS)
    """The models whose end OpenAI has announced, with the date and its source; none for another server."""
    voices: ClassVar[tuple[str, ...]] = REALTIME_VOICES
    """OpenAI's voices; an account may also have custom voices."""

    def __init__(
        self,
        *,
        voice: str = "marin",
        model: str = REALTIME_MODEL,
        instructions: str | None = None,
        speed: Annotated[float, _SPEED] = 1.0,
        check: Literal["words", "off"] = "words",
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: Annotated[float, Range(0, above=True)] = 60.0,
        max_attempts: Annotated[int, Range(1)] = 3,
        max_concurrency: Annotated[int, Range(1)] = 8,
    ) -> None:
        api_key = api_key and Secret(api_key)  # hidden, if an option is refused
        self.voice: Final = str(voice)
        self.model: Final = str(model)
        self.instructions: Final = None if instructions is None else str(instructions)
        self.speed: Final = _SPEED.check("speed", speed)
        self.check: Final = str(check)
        self._base_url: Final = as_http((base_url or "").strip())
        self._check_options()
        self._api_key: Final = api_key
        self._attempts: Final = Attempts(
            "openai",
            model=self.model,
            timeout=timeout,
            max_attempts=max_attempts,
            max_concurrency=max_concurrency,
        )

    def _check_options(self) -> None:
        if self.check not in ("words", "off"):
            raise ValueError(f"check is {self.check!r}; it must be words or off")
        if self._base_url:
            check_base_url(self._base_url)
        if is_speech_model(self.model):
            raise BackendConfigError(f"model {self.model!r} is served on /v1/audio/speech only: use {_OTHER}")
        if self.voice in SPEECH_VOICES and calls_vendor(self._base_url):
            raise BackendConfigError(
                f"voice {self.voice!r} exists on /v1/audio/speech only: use {_OTHER}, or marin or cedar"
            )

    def __repr__(self) -> str:
        base_url = endpoint(self._base_url) if self._base_url else None
        return (
            f"OpenAISynthesizer(voice={self.voice!r}, model={self.model!r}, "
            f"instructions={self.instructions!r}, speed={self.speed!r}, check={self.check!r}, "
            f"base_url={base_url!r})"
        )

    @property
    def endpoint(self) -> str:
        """The URL that calls go to, as the environment is now.

        Raises:
            BackendConfigError: OPENAI_BASE_URL is not a plain URL.
        """
        return effective_base_url(self._base_url)

    @property
    def cache_key_extra(self) -> Mapping[str, object]:
        """Every setting that shapes the sound; the check if it is off; the endpoint if it is not OpenAI's.

        Raises:
            BackendConfigError: OPENAI_BASE_URL is not a plain URL.
        """
        fields: dict[str, object] = {
            "backend": "openai",
            "model": self.model,
            "voice": self.voice,
            "instructions": self.instructions,
            "speed": self.speed,
            "reading": RULES_VERSION,
        }
        if self.check == "off":  # unchecked audio must never be replayed as checked
            fields["check"] = "off"
        base_url = effective_base_url(self._base_url)
        return fields if is_vendor(base_url) else fields | {"base_url": endpoint(base_url)}

    async def synthesize(self, text: str) -> Audio:
        """Turn a text into speech; billed by its length, for every attempt that spoke.

        Raises:
            BackendConfigError: OPENAI_BASE_URL is not a plain URL.
            SynthesisError: The subclass says why; see the table of failures in the README.
        """
        base_url = effective_base_url(self._base_url)
        if not count_spoken(text):
            what = "it has no letter and no digit, so a reading cannot be checked"
            raise self._attempts.error(TextRejectedError, what, prompt=text, reached=False)
        exchange = Exchange(
            self._attempts,
            text,
            read_api_key(self._attempts, text, self._api_key, "OPENAI_API_KEY"),
            more_secrets(),
        )
        import websockets.asyncio.client  # noqa: F401 - the first attempt's timeout must not include it

        url, seen = realtime_url(base_url, self.model), set[str]()
        return await self._attempts.run(
            text, lambda: exchange.guard(self._speak(exchange, url, seen)), host=host_of(base_url)
        )

    async def _speak(self, exchange: Exchange, url: str, seen: set[str]) -> Audio:
        """Make one attempt. ``seen`` holds the words of earlier readings that differed."""
        session = session_update(voice=self.voice, speed=self.speed, instructions=self.instructions)
        async with connected(exchange, url) as connection:
            response = response_create(exchange.prompt, instructions=self.instructions)
            reading = await read_aloud(connection, session, response)
        samples = bytes(reading.samples)
        try:
            audio = pcm_audio(samples, SAMPLE_RATE)
        except ValueError as error:
            raise exchange.no_audio_error(error, samples, {"content-type": "audio/pcm"}) from error
        if self.check == "words":
            self._check_reading(exchange, reading, audio, seen)
        return audio

    def _check_reading(self, exchange: Exchange, reading: Reading, audio: Audio, seen: set[str]) -> None:
        wanted = words_of(exchange.prompt)
        for transcript in reading.transcripts or [""]:
            words = words_of(transcript)
            if words != wanted:
                # If two readings have the same other words, a third one would have them too.
                error = self._mismatch(exchange, transcript, retryable=words not in seen)
                seen.add(words)
                raise error
        if odd := odd_duration(exchange.prompt, audio.known_duration or 0.0, self.speed):
            raise exchange.error(NoAudioError, f"the duration does not fit the text: {odd}")

    def _mismatch(self, exchange: Exchange, transcript: str, *, retryable: bool) -> SynthesisError:
        said = exchange.hide(transcript)
        if said.strip():
            shown = said if len(said) <= _SHOWN else f"{said[: _SHOWN - 1]}…"
            what = f"the voice said {shown!r}"
        else:
            what = "the service sent no transcript to compare with the prompt"
        error = exchange.error(NoAudioError, what, advice=_ADVICE, retryable=retryable)
        if isinstance(error, NoAudioError):
            error.said = said
        return error
