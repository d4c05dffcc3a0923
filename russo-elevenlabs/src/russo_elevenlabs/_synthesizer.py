"""`ElevenLabsSynthesizer` over the elevenlabs SDK.

The key is a default header of the HTTP client and is never given to the SDK: its debug log prints
every header it sets itself, ``xi-api-key`` in clear.
"""

from __future__ import annotations

import functools
import os
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from russo import AuthenticationError, NoAudioError, ServiceError, SynthesisTimeoutError
from russo.authoring import Calls, pcm_audio, redact

from ._refusals import advice_of, explain, kind_of, seconds_to_wait

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    import httpx
    from elevenlabs.core.api_error import ApiError
    from elevenlabs.text_to_speech.raw_client import AsyncRawTextToSpeechClient

    from russo import Audio, SynthesisError

_VARIABLE: Final = "ELEVENLABS_API_KEY"
# The best rate that every plan may ask for: 44.1 kHz is refused below the Pro plan, and mp3 would lose.
_RATE: Final = 24000
# A gateway that ignores output_format answers with a file; taken for samples it would be noise for ever.
_FILES: Final = (b"ID3", b"RIFF", b"OggS", b"fLaC")


class ElevenLabsSynthesizer:
    """Speaks by ElevenLabs: 24 kHz, 16-bit, mono WAV.

    Every call is paid by the character. Nothing is imported, read or opened before the first miss,
    and no connection stays open between calls.

    Args:
        voice: The voice's id, letters, digits, ``_`` and ``-``. The default is the premade "George".
        model: The model's id.
        language: ISO 639-1 code (``de``), for models that take one; multilingual v2 does not.
        speed: Pace, 0.7 (slow) to 1.2 (fast); the service would clamp what lies outside.
        seed: 0 to 4294967295; equal seeds mostly sound equal.
        stability: 0 (lively) to 1 (even).
        similarity_boost: Closeness to the original voice, 0 to 1.
        style: Exaggeration of the original's style, 0 to 1.
        use_speaker_boost: Whether to raise the likeness further, at some latency.
        api_key: The key; without one, the variable ELEVENLABS_API_KEY is read at the first miss.
        base_url: Another endpoint, a residency's (``https://api.eu.residency.elevenlabs.io``) or a gateway's.
        timeout: Seconds for one attempt.
        max_attempts: Attempts per prompt, the first included.
        max_concurrency: Calls at once; 2 is what the smallest plan allows.

    Raises:
        ValueError: A value outside its range, a voice that is no id, or a ``base_url`` that is no plain URL.
    """

    russo_api = 1

    def __init__(
        self,
        *,
        voice: str = "JBFqnCBsd6RMkjVDRZzb",
        model: str = "eleven_multilingual_v2",
        language: str | None = None,
        speed: float = 1.0,
        seed: int | None = None,
        stability: float = 0.5,
        similarity_boost: float = 0.75,
        style: float = 0.0,
        use_speaker_boost: bool = True,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float = 60.0,
        max_attempts: int = 3,
        max_concurrency: int = 2,
    ) -> None:
        self.voice: Final = _check_voice(voice)
        self.model: Final = str(model)
        self.language: Final = None if language is None else str(language)
        self.seed: Final = None if seed is None else int(_within("seed", int(seed), 0, 0xFFFFFFFF))
        self.speed: Final = _within("speed", speed, 0.7, 1.2)
        self.stability: Final = _within("stability", stability, 0, 1)
        self.similarity_boost: Final = _within("similarity_boost", similarity_boost, 0, 1)
        self.style: Final = _within("style", style, 0, 1)
        self.use_speaker_boost: Final = bool(use_speaker_boost)
        self.base_url: Final = _check_url(base_url) if base_url else None
        self._api_key: Final = api_key
        self._calls: Final = Calls(
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
    def cache_key_extra(self) -> Mapping[str, object]:
        """Everything that shapes the sound, as it is sent; ``None`` is not sent."""
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
        """Speak a text; paid by the character.

        Raises:
            SynthesisError: The subclass says why; see the table of failures in the README.
        """
        key = self._key(text)
        # Not elevenlabs.client, which imports the whole SDK for the same call: 0.6 s instead of 0.35 s.
        from elevenlabs.base_client import AsyncBaseElevenLabs

        # A client of its own for every prompt belongs to this event loop and thread, and is closed with
        # the prompt. api_key=None: by default the SDK takes the variable as it was at its import.
        async with self._client(key, text) as client:
            sdk = AsyncBaseElevenLabs(
                base_url=self.base_url, api_key=None, timeout=self._calls.timeout, httpx_client=client
            )
            speech = sdk.text_to_speech.with_raw_response
            return await self._calls.run(text, lambda: self._attempt(speech, text, key))

    def _key(self, text: str) -> str:
        key = (self._api_key or os.environ.get(_VARIABLE) or "").strip()
        if not key:
            what, advice = "there is no API key", f"set {_VARIABLE}, or give api_key"
        elif not re.fullmatch(r"[!-~]+", key):
            what = "the API key holds a space, a line end or another character that no HTTP header carries"
            advice = f"correct {'api_key' if self._api_key else _VARIABLE}"
        else:
            return key
        raise self._calls.error(AuthenticationError, what, prompt=text, advice=advice, reached=False)

    def _client(self, key: str, text: str) -> httpx.AsyncClient:
        import httpx

        try:
            return httpx.AsyncClient(
                headers={"xi-api-key": key},
                verify=self._tls,
                # A redirect would take the key along to wherever it points.
                follow_redirects=False,
                # Else a retry could write its paid request to a connection that the service has left.
                limits=httpx.Limits(max_keepalive_connections=0),
            )
        except (ValueError, ImportError, OSError, httpx.InvalidURL) as error:
            raise self._calls.error(
                ServiceError,
                f"there is no way to the network: {error}",
                prompt=text,
                advice="check the proxy and certificate variables",
                retryable=False,
                reached=False,
            ) from error

    @functools.cached_property
    def _tls(self) -> ssl.SSLContext:
        import httpx

        return httpx.create_ssl_context()  # 20 ms of certificates, once for all clients

    async def _attempt(self, speech: AsyncRawTextToSpeechClient, text: str, key: str) -> Audio:
        import httpx
        from elevenlabs.core.api_error import ApiError
        from elevenlabs.types import VoiceSettings

        given: dict[str, Any] = {"language_code": self.language, "seed": self.seed}
        request = speech.convert(
            self.voice,
            text=text,
            model_id=self.model,
            output_format="pcm_24000",
            # All of them: one left out would come from what is stored with the voice, behind the key's back.
            voice_settings=VoiceSettings(
                speed=self.speed,
                stability=self.stability,
                similarity_boost=self.similarity_boost,
                style=self.style,
                use_speaker_boost=self.use_speaker_boost,
            ),
            **{name: value for name, value in given.items() if value is not None},
        )
        try:
            async with request as reply:
                kind = reply.headers.get("content-type", "")
                samples = b"".join([chunk async for chunk in reply.data])
        except ApiError as error:
            raise self._refusal(error, text, key) from error
        except httpx.HTTPError as error:
            raise self._lost(error, text, key) from error
        except (ValueError, RecursionError, OSError, ExceptionGroup) as error:
            # What SDK and HTTP client let through: an error body that is no UTF-8, TLS broken off, a proxy
            # with a port that is none.
            what = redact(f"the exchange failed: {error!r}", key)
            raise self._calls.error(ServiceError, what, prompt=text) from error
        return self._audio(samples, kind, text, key)

    def _audio(self, samples: bytes, kind: str, text: str, key: str) -> Audio:
        try:
            if samples.startswith(_FILES) or re.match(r"text/|application/(json|.*xml)", kind.lower()):
                raise ValueError(f"{kind or 'a file'} instead of samples: {samples[:40]!r}")
            return pcm_audio(samples, _RATE)
        except ValueError as error:
            echo = key.encode() in samples  # then the error, which quotes the reply, may quote half a key
            what = f"the reply holds no audio: {'it repeats the API key' if echo else error}"
            raise self._calls.error(NoAudioError, what, prompt=text) from (None if echo else error)

    def _refusal(self, error: ApiError, text: str, key: str) -> SynthesisError:
        status, headers, body = error.status_code or 0, error.headers or {}, error.body
        if key in str(error):  # echoed by the service; a traceback shows this error too
            error.headers, error.body = None, redact(str(body), key)
        return self._calls.error(
            kind_of(status, body),
            explain(status, body, key),
            prompt=text,
            advice=advice_of(status),
            retry_after=seconds_to_wait(headers.get("retry-after")),
        )

    def _lost(self, error: httpx.HTTPError, text: str, key: str) -> SynthesisError:
        import httpx

        reached = not isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError))
        if isinstance(error, httpx.TimeoutException):
            what = f"no reply within {self._calls.timeout:g} s"
            return self._calls.error(SynthesisTimeoutError, what, prompt=text, reached=reached)
        where = urlsplit(self.base_url or "https://api.elevenlabs.io").netloc
        what = f"{'the connection to' if reached else 'no connection to'} {where}"
        what += f"{' was lost' if reached else ''}: {redact(str(error), key) or type(error).__name__}"
        return self._calls.error(ServiceError, what, prompt=text, reached=reached)


def _check_voice(voice: str) -> str:
    # The SDK puts it into the path as it is: '../models' would be another request, with the key.
    if not re.fullmatch(r"[A-Za-z0-9_-]+", str(voice)):
        raise ValueError(f"voice is {voice!r}; an id has letters, digits, '_' and '-' only")
    return str(voice)


def _check_url(url: str) -> str:
    parts = urlsplit(url)
    if not re.fullmatch(r"[!-~]+", url):
        raise ValueError("base_url holds a space or a character beyond ASCII; write it escaped")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
        raise ValueError("base_url is no http:// or https:// URL")
    if "@" in parts.netloc or parts.query or parts.fragment:
        # Not shown: what stands there may be a credential, and httpx logs URLs.
        raise ValueError("base_url has a user, a query or a fragment; give scheme, host, port and path only")
    return url


def _within(name: str, value: float, least: float, most: float) -> float:
    if not least <= float(value) <= most:
        raise ValueError(f"{name} is {value!r}; it must be from {least} to {most}")
    return float(value)
