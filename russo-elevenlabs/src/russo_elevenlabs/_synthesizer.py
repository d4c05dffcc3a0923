"""`ElevenLabsSynthesizer`, on the elevenlabs SDK.

The key is a header that the HTTP client adds to each request. It is never passed to the SDK, because the
SDK's debug log prints every header that the SDK sets, with ``xi-api-key`` in clear text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final

from russo.authoring import (
    ACCEPTED_ENCODINGS,
    Attempts,
    Exchange,
    Range,
    Secret,
    bound_connect,
    bound_reply,
    check_base_url,
    check_path,
    host_of,
    pcm_audio,
    read_api_key,
    shared_tls,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx
    from elevenlabs.text_to_speech.raw_client import AsyncRawTextToSpeechClient

    from russo import Audio

# The SDK's endpoint, if base_url is not set.
_SERVICE: Final = "https://api.elevenlabs.io"
# The best rate that every plan allows: 44.1 kHz needs the Pro plan, and mp3 would lose quality.
_RATE: Final = 24000
_SPEED: Final = Range(0.7, 1.2)
_SEED: Final = Range(0, 0xFFFFFFFF)
_SHARE: Final = Range(0, 1)
_WANTED: Final = f"bare 16-bit samples (output_format=pcm_{_RATE})"


class ElevenLabsSynthesizer:
    """Synthesizes with ElevenLabs: 24 kHz, 16-bit, mono WAV.

    Every call is billed by the character. Nothing is imported, read or opened before the first miss,
    and no connection stays open between calls.

    Args:
        voice: The id of a voice of your account, letters, digits, ``_`` and ``-``. The page "My Voices" of
            your account shows the ids. The default is the premade "George".
        model: The model's id.
        language: ISO 639-1 code (``de``), for models that support it; multilingual v2 does not.
        speed: Pace, 0.7 (slow) to 1.2 (fast); the service would clamp other values.
        seed: 0 to 4294967295; the same seed usually gives the same sound.
        stability: 0 (lively) to 1 (even). ``eleven_v3`` takes 0, 0.5 or 1; the service refuses other values
            (`RequestRejectedError`).
        similarity_boost: Closeness to the original voice, 0 to 1.
        style: Exaggeration of the original's style, 0 to 1.
        use_speaker_boost: Whether to increase the similarity further, with more latency.
        api_key: The key; without one, the variable ELEVENLABS_API_KEY is read at the first miss.
        base_url: Another endpoint, of a data residency (``https://api.eu.residency.elevenlabs.io``) or a
            gateway.
        timeout: Seconds for one attempt.
        max_attempts: Attempts per prompt, including the first.
        max_concurrency: Calls in progress at once; the smallest plan allows 2.

    Raises:
        BackendConfigError: ``base_url`` is not a plain http:// or https:// URL.
        ValueError: A value is outside its range, or the voice is not an id.
    """

    russo_api = 1
    """The version of the plugin contract that this class was written for."""
    credentials: ClassVar[tuple[str, ...]] = ("ELEVENLABS_API_KEY",)
    """The environment variable that may hold the key."""
    hosts: ClassVar[tuple[str, ...]] = ("elevenlabs.io",)
    """The hosts of the service itself, with their sub-domains; the key may go to them without a question."""
    service_url = "https://elevenlabs.io"
    """The vendor's page about this service."""

    def __init__(
        self,
        *,
        voice: str = "JBFqnCBsd6RMkjVDRZzb",
        model: str = "eleven_multilingual_v2",
        language: str | None = None,
        speed: Annotated[float, _SPEED] = 1.0,
        seed: Annotated[int | None, _SEED] = None,
        stability: Annotated[float, _SHARE] = 0.5,
        similarity_boost: Annotated[float, _SHARE] = 0.75,
        style: Annotated[float, _SHARE] = 0.0,
        use_speaker_boost: bool = True,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: Annotated[float, Range(0, above=True)] = 60.0,
        max_attempts: Annotated[int, Range(1)] = 3,
        max_concurrency: Annotated[int, Range(1)] = 2,
    ) -> None:
        api_key = api_key and Secret(api_key)  # hidden, if an option is refused
        self.voice: Final = check_path("voice", voice)
        self.model: Final = str(model)
        self.language: Final = None if language is None else str(language)
        self.seed: Final = None if seed is None else int(_SEED.check("seed", int(seed)))
        self.speed: Final = _SPEED.check("speed", speed)
        self.stability: Final = _SHARE.check("stability", stability)
        self.similarity_boost: Final = _SHARE.check("similarity_boost", similarity_boost)
        self.style: Final = _SHARE.check("style", style)
        self.use_speaker_boost: Final = bool(use_speaker_boost)
        self.base_url: Final = check_base_url(base_url) if base_url else None
        self._api_key: Final = api_key
        self._attempts: Final = Attempts(
            "elevenlabs",
            model=self.model,
            timeout=timeout,
            max_attempts=max_attempts,
            max_concurrency=max_concurrency,
        )

    def __repr__(self) -> str:
        shown = {name: value for name, value in self.cache_key_extra.items() if name != "backend"}
        shown["base_url"] = self.base_url
        return f"ElevenLabsSynthesizer({', '.join(f'{name}={value!r}' for name, value in shown.items())})"

    @property
    def endpoint(self) -> str:
        """The URL that calls go to."""
        return self.base_url or _SERVICE

    @property
    def cache_key_extra(self) -> Mapping[str, object]:
        """All settings that shape the sound, as they are sent; ``None`` is not sent."""
        return {
            "backend": "elevenlabs",
            "model": self.model,
            "voice": self.voice,
            "language": self.language,
            "speed": self.speed,
            "seed": self.seed,
            "stability": self.stability,
            "similarity_boost": self.similarity_boost,
            "style": self.style,
            "use_speaker_boost": self.use_speaker_boost,
        }

    async def synthesize(self, text: str) -> Audio:
        """Turn a text into speech; billed by the character.

        Raises:
            SynthesisError: The subclass says why; see the table of failures in the README.
        """
        key = read_api_key(self._attempts, text, self._api_key, "ELEVENLABS_API_KEY")
        exchange = Exchange(self._attempts, text, key)
        # Not elevenlabs.client, which imports the whole SDK: 0.6 s instead of 0.35 s for the same call.
        from elevenlabs.base_client import AsyncBaseElevenLabs

        # Each prompt has its own HTTP client, because a client belongs to one event loop and thread.
        # api_key=None, because the SDK's default is the variable's value at the time of its import.
        async with _client(exchange) as client:
            sdk = AsyncBaseElevenLabs(
                base_url=self.base_url, api_key=None, timeout=self._attempts.timeout, httpx_client=client
            )
            speech = sdk.text_to_speech.with_raw_response
            return await self._attempts.run(
                text,
                lambda: exchange.guard(self._attempt(speech, exchange)),
                host=host_of(self.endpoint),
            )

    async def _attempt(self, speech: AsyncRawTextToSpeechClient, exchange: Exchange) -> Audio:
        import httpx
        from elevenlabs.core.api_error import ApiError

        try:
            request = speech.convert(self.voice, text=exchange.prompt, **self._sent())
            async with request as reply:
                samples = b"".join([chunk async for chunk in reply.data])
        except ApiError as error:
            status, headers = error.status_code or 0, error.headers or {}
            raise exchange.reply_error(error, status, error.body, headers=headers) from error
        # Also errors that are not the HTTP client's: a body that is not UTF-8, a broken TLS connection, a
        # proxy with an invalid port, a reply beyond the bounds.
        except (httpx.HTTPError, ValueError, RecursionError, OSError, ExceptionGroup) as error:
            raise exchange.connection_error(error) from error
        try:
            # A gateway that ignores output_format sends a file, which would be stored as noise.
            return _audio(samples, reply.headers.get("content-type", ""))
        except ValueError as error:
            raise exchange.no_audio_error(error, samples, reply.headers, wanted=_WANTED, wav=False) from error

    def _sent(self) -> dict[str, Any]:
        """Return the arguments that are sent with the text."""
        from elevenlabs.types import VoiceSettings

        given = {"language_code": self.language, "seed": self.seed}
        return {
            "model_id": self.model,
            "output_format": f"pcm_{_RATE}",
            # All settings: omitted settings fall back to the voice's stored ones, which are not in the cache
            # key.
            "voice_settings": VoiceSettings(
                speed=self.speed,
                stability=self.stability,
                similarity_boost=self.similarity_boost,
                style=self.style,
                use_speaker_boost=self.use_speaker_boost,
            ),
        } | {name: value for name, value in given.items() if value is not None}


def _client(exchange: Exchange) -> httpx.AsyncClient:
    import httpx

    async def add_key(request: httpx.Request) -> None:
        request.headers["xi-api-key"] = exchange.secret

    try:
        return httpx.AsyncClient(
            headers={"accept-encoding": ACCEPTED_ENCODINGS},
            event_hooks={
                "request": [add_key, bound_connect(exchange.attempts.connect_timeout)],
                "response": [bound_reply],
            },
            verify=shared_tls(httpx.create_ssl_context),
            # A redirect would send the key to another host.
            follow_redirects=False,
            # No keep-alive: otherwise a retry could send its request, which is billed, over a connection that
            # the service has closed.
            limits=httpx.Limits(max_keepalive_connections=0),
        )
    except (ValueError, ImportError, OSError, httpx.InvalidURL) as error:
        raise exchange.client_error(error) from error


def _audio(samples: bytes, kind: str) -> Audio:
    if re.match(r"text/|application/(json|.*xml)", kind.lower()):
        raise ValueError(f"text instead of samples: {samples[:40]!r}")
    return pcm_audio(samples, _RATE)
