"""`OpenAISynthesizer` over the openai SDK: ``POST {base_url}/audio/speech``.

Nothing of the SDK is imported, and no variable with a credential is read, before the first miss.
"""

from __future__ import annotations

import functools
import os
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from russo import (
    AuthenticationError,
    BackendConfigError,
    NoAudioError,
    ServiceError,
    SynthesisTimeoutError,
)
from russo.authoring import Calls, redact, wav_audio

from ._refusals import explain, kind_of, seconds_to_wait, without_key

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    import openai

    from russo import Audio, SynthesisError

_VENDOR: Final = "https://api.openai.com/v1"
# The vendor's regions have hosts of their own (eu.api.openai.com) and the same voices.
_VENDOR_ENDPOINT: Final = re.compile(r"https://([a-z]+\.)?api\.openai\.com/v1")
# Seconds. Who has not taken the connection by then is not there, and nothing has been paid.
_CONNECT: Final = 5.0


class OpenAISynthesizer:
    """Speaks by OpenAI, or by a server with the same protocol: 16-bit WAV at the rate of the reply.

    Every call is paid. Nothing is imported, read or opened before the first miss, and no connection
    stays open between calls.

    Args:
        voice: The voice's name.
        model: The model's name.
        instructions: How to speak, in words; for models that take them (``gpt-4o-mini-tts``).
        speed: Pace, 0.25 (slow) to 4.0 (fast).
        api_key: The key; without one, the variable OPENAI_API_KEY is read at the first miss.
        base_url: Another endpoint, up to and including its ``/v1``; without one, OPENAI_BASE_URL or OpenAI.
        timeout: Seconds for one attempt.
        max_attempts: Attempts per prompt, the first included.
        max_concurrency: Calls at once.

    Raises:
        BackendConfigError: ``base_url`` is no http:// or https:// URL.
        ValueError: A number outside its range.
    """

    russo_api = 1

    def __init__(
        self,
        *,
        voice: str = "alloy",
        model: str = "gpt-4o-mini-tts",
        instructions: str | None = None,
        speed: float = 1.0,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float = 60.0,
        max_attempts: int = 3,
        max_concurrency: int = 8,
    ) -> None:
        self.voice: Final = str(voice)
        self.model: Final = str(model)
        self.instructions: Final = None if instructions is None else str(instructions)
        self.speed: Final = float(speed)
        if not 0.25 <= self.speed <= 4.0:
            raise ValueError(f"speed is {speed!r}; it must be from 0.25 to 4.0")
        self._base_url: Final = (base_url or "").strip()
        if self._base_url:
            _endpoint(self._base_url)
        self._api_key: Final = api_key
        self._calls: Final = Calls(
            "openai",
            model=self.model,
            timeout=timeout,
            max_attempts=max_attempts,
            max_concurrency=max_concurrency,
        )

    def __repr__(self) -> str:
        base_url = _endpoint(self._base_url) if self._base_url else None
        return (
            f"OpenAISynthesizer(voice={self.voice!r}, model={self.model!r}, "
            f"instructions={self.instructions!r}, speed={self.speed!r}, base_url={base_url!r})"
        )

    @property
    def cache_key_extra(self) -> Mapping[str, object]:
        """Everything that shapes the sound, and who speaks where that is not OpenAI.

        Raises:
            BackendConfigError: OPENAI_BASE_URL is no http:// or https:// URL.
        """
        fields: dict[str, object] = {
            "backend": "openai",
            "model": self.model,
            "voice": self.voice,
            "instructions": self.instructions,
            "speed": self.speed,
        }
        endpoint = _endpoint(self._effective_base_url())
        return fields if _VENDOR_ENDPOINT.fullmatch(endpoint) else fields | {"base_url": endpoint}

    async def synthesize(self, text: str) -> Audio:
        """Speak a text; paid by its length.

        Raises:
            BackendConfigError: OPENAI_BASE_URL is no http:// or https:// URL.
            SynthesisError: The subclass says why; see the table of failures in the README.
        """
        base_url, key = self._effective_base_url(), self._key(text)
        where = _endpoint(base_url)
        import openai  # noqa: F401 - takes 0.7 s once, which the first attempt's timeout must not hold

        return await self._calls.run(text, lambda: self._speak(text, key, base_url, where))

    def _effective_base_url(self) -> str:
        return self._base_url or os.environ.get("OPENAI_BASE_URL", "").strip() or _VENDOR

    def _key(self, text: str) -> str:
        key = (self._api_key or os.environ.get("OPENAI_API_KEY") or "").strip()
        if not key:
            what, advice = "there is no API key", "set OPENAI_API_KEY, or give api_key"
        elif not re.fullmatch(r"[!-~]+", key):
            # Said here: the HTTP client would say it with the whole header, key included.
            what = "the API key holds a space or another character that no HTTP header carries"
            advice = "correct api_key" if self._api_key else "correct OPENAI_API_KEY"
        else:
            return key
        raise self._calls.error(AuthenticationError, what, prompt=text, advice=advice, reached=False)

    async def _speak(self, text: str, key: str, base_url: str, where: str) -> Audio:
        import httpx2
        import openai

        # A client for every attempt: a pool of connections belongs to one event loop.
        client = self._client(text, key, base_url)
        try:
            async with client:
                reply = (await client.audio.speech.create(input=text, **self._sent())).response
        except openai.APIStatusError as error:
            raise self._refused(error, text, key) from error
        except (openai.OpenAIError, httpx2.HTTPError, ValueError, OSError) as error:
            raise self._lost(error, text, key, where) from error
        try:
            return wav_audio(reply.content)
        except ValueError as error:
            kind = reply.headers.get("content-type", "no type")
            what = redact(f"the reply ({kind}, {len(reply.content)} bytes) holds no audio: {error}", key)
            raise self._calls.error(NoAudioError, what, prompt=text) from error

    def _sent(self) -> dict[str, Any]:
        """Return what is sent beside the text."""
        # WAV, not PCM: compatible servers speak at rates of their own, which only a header tells, and some
        # send MP3 whatever is asked, which as bare samples would be kept as noise.
        sent = {"model": self.model, "voice": self.voice, "speed": self.speed, "response_format": "wav"}
        return sent if self.instructions is None else sent | {"instructions": self.instructions}

    def _client(self, text: str, key: str, base_url: str) -> openai.AsyncOpenAI:
        import httpx2
        import openai

        timeout = self._calls.timeout
        try:
            return openai.AsyncOpenAI(
                api_key=key,
                base_url=base_url,
                timeout=httpx2.Timeout(timeout, connect=min(timeout, _CONNECT)),
                max_retries=0,
                http_client=openai.DefaultAsyncHttpxClient(verify=_tls()),
            )
        except (ValueError, ImportError, OSError, httpx2.InvalidURL) as error:
            raise self._calls.error(
                ServiceError,
                redact(f"there is no way to the network: {error}", key),
                prompt=text,
                advice="check base_url, and the variables for proxies and certificates",
                retryable=False,
                reached=False,
            ) from error

    def _refused(self, error: openai.APIStatusError, text: str, key: str) -> SynthesisError:
        # A traceback shows the SDK's error too, and services echo keys.
        error.args = (without_key(str(error), key),)
        status, body = error.status_code, error.response.text
        return self._calls.error(
            kind_of(status, {str(error.code), str(error.type)}, error.param, body),
            explain(status, error.body, body, key),
            prompt=text,
            retry_after=seconds_to_wait(error.response.headers),
        )

    def _lost(self, error: Exception, text: str, key: str, where: str) -> SynthesisError:
        import httpx2

        cause = error.__cause__ or error
        reached = not isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError)
        if reached and isinstance(cause, httpx2.TimeoutException):
            what = f"no reply within {self._calls.timeout:g} s"
            return self._calls.error(SynthesisTimeoutError, what, prompt=text)
        lost = f"the connection to {where} was lost" if reached else f"no connection to {where}"
        what = redact(f"{lost}: {str(cause) or type(cause).__name__}", key)
        return self._calls.error(ServiceError, what, prompt=text, reached=reached)


def _endpoint(base_url: str) -> str:
    """Return who speaks: scheme, host, port and path of a URL, in one spelling, without credentials."""
    try:
        parts = urlsplit(base_url)
        host, port = (parts.hostname or "").rstrip("."), parts.port or None
    except ValueError:
        host = ""
    if not host or parts.scheme not in {"http", "https"}:
        # Not shown: what stands there may be a credential.
        raise BackendConfigError("base_url (or OPENAI_BASE_URL) is no http:// or https:// URL")
    if ":" in host:
        host = f"[{host}]"
    if port is not None and port != {"http": 80, "https": 443}[parts.scheme]:
        host = f"{host}:{port}"
    return f"{parts.scheme}://{host}{parts.path.rstrip('/')}"


@functools.cache
def _tls() -> ssl.SSLContext:
    """Read the certificates once per process: 40 ms, which every client would spend again."""
    import httpx2

    return httpx2.create_ssl_context()
