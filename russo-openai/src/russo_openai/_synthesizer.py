"""`OpenAISynthesizer`, on the openai SDK: ``POST {base_url}/audio/speech``.

Before the first miss the SDK is not imported, and variables with credentials are not read.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, ClassVar, Final

from russo.authoring import Attempts, Exchange, check_range, endpoint, read_api_key, shared_tls, wav_audio

from ._refusals import kind_of, said_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    import openai
    from russo import Audio

_VENDOR: Final = "https://api.openai.com/v1"
# OpenAI's regions have their own hosts (eu.api.openai.com) and the same voices.
_VENDOR_ENDPOINT: Final = re.compile(r"https://([a-z]+\.)?api\.openai\.com/v1")
# Connect timeout in seconds: a server that has not accepted by then is down, and nothing was billed.
_CONNECT: Final = 5.0
_SHORTEST_SECRET: Final = 8


class OpenAISynthesizer:
    """Synthesizes with OpenAI, or a server with the same protocol: 16-bit WAV at the rate of the reply.

    Every call is billed. Nothing is imported, read or opened before the first miss, and no connection
    stays open between calls.

    Args:
        voice: The voice's name.
        model: The model's name.
        instructions: The manner of speaking, in words; for models that support it (``gpt-4o-mini-tts``).
        speed: Pace, 0.25 (slow) to 4.0 (fast).
        api_key: The key; without one, the variable OPENAI_API_KEY is read at the first miss.
        base_url: Another endpoint, up to and including its ``/v1``; without one, OPENAI_BASE_URL or OpenAI.
        timeout: Seconds for one attempt.
        max_attempts: Attempts per prompt, including the first.
        max_concurrency: Calls in progress at once.

    Raises:
        BackendConfigError: ``base_url`` is not an http:// or https:// URL.
        ValueError: A number is outside its range.
    """

    russo_api = 1
    """The version of the plugin contract that this class was written for."""
    credentials: ClassVar[tuple[str, ...]] = ("OPENAI_API_KEY",)
    """The environment variable that may hold the key."""

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
        self.speed: Final = check_range("speed", speed, 0.25, 4.0)
        self._base_url: Final = (base_url or "").strip()
        if self._base_url:
            endpoint(self._base_url)
        self._api_key: Final = api_key
        self._attempts: Final = Attempts(
            "openai",
            model=self.model,
            timeout=timeout,
            max_attempts=max_attempts,
            max_concurrency=max_concurrency,
        )

    def __repr__(self) -> str:
        base_url = endpoint(self._base_url) if self._base_url else None
        return (
            f"OpenAISynthesizer(voice={self.voice!r}, model={self.model!r}, "
            f"instructions={self.instructions!r}, speed={self.speed!r}, base_url={base_url!r})"
        )

    @property
    def cache_key_extra(self) -> Mapping[str, object]:
        """All settings that shape the sound, and the endpoint if it is not OpenAI's.

        Raises:
            BackendConfigError: OPENAI_BASE_URL is not an http:// or https:// URL.
        """
        fields: dict[str, object] = {
            "backend": "openai",
            "model": self.model,
            "voice": self.voice,
            "instructions": self.instructions,
            "speed": self.speed,
        }
        base_url = endpoint(self._effective_base_url())
        return fields if _VENDOR_ENDPOINT.fullmatch(base_url) else fields | {"base_url": base_url}

    async def synthesize(self, text: str) -> Audio:
        """Turn a text into speech; billed by its length.

        Raises:
            BackendConfigError: OPENAI_BASE_URL is not an http:// or https:// URL.
            SynthesisError: The subclass says why; see the table of failures in the README.
        """
        base_url = self._effective_base_url()
        key = read_api_key(self._attempts, text, self._api_key, "OPENAI_API_KEY")
        exchange = Exchange(self._attempts, text, key, _more_secrets())
        import openai  # noqa: F401 - takes 0.7 s, which must not use up the first attempt's timeout

        return await self._attempts.run(text, lambda: self._speak(exchange, base_url))

    def _effective_base_url(self) -> str:
        url = self._base_url or os.environ.get("OPENAI_BASE_URL", "").strip() or _VENDOR
        endpoint(url, "OPENAI_BASE_URL")
        return url

    async def _speak(self, exchange: Exchange, base_url: str) -> Audio:
        import httpx2

        import openai

        # A new client for every attempt, because a connection pool belongs to one event loop.
        client = self._client(exchange, base_url)
        try:
            async with client:
                reply = (await client.audio.speech.create(input=exchange.prompt, **self._sent())).response
        except openai.APIStatusError as error:
            status, body, headers = error.status_code, error.response.text, error.response.headers
            kind = kind_of(status, {str(error.code), str(error.type)}, error.param, body)
            said = said_in(error.body, body)
            raise exchange.refusal_error(
                error, kind, status, said, code=error.code, headers=headers
            ) from error
        except (openai.OpenAIError, httpx2.HTTPError, ValueError, OSError) as error:
            raise exchange.connection_error(error) from error
        try:
            return wav_audio(reply.content)
        except ValueError as error:
            raise exchange.no_audio_error(error, reply.content, reply.headers) from error

    def _sent(self) -> dict[str, Any]:
        """Return the arguments that are sent with the text."""
        # WAV, not PCM: compatible servers use other sample rates, which only a header shows. Some servers
        # always send MP3, which would be stored as noise if it were read as raw samples.
        sent = {"model": self.model, "voice": self.voice, "speed": self.speed, "response_format": "wav"}
        return sent if self.instructions is None else sent | {"instructions": self.instructions}

    def _client(self, exchange: Exchange, base_url: str) -> openai.AsyncOpenAI:
        import httpx2

        import openai

        timeout = self._attempts.timeout
        try:
            return openai.AsyncOpenAI(
                api_key=exchange.secret,
                base_url=base_url,
                timeout=httpx2.Timeout(timeout, connect=min(timeout, _CONNECT)),
                max_retries=0,
                # A redirect would send the prompt, and on the same host the key, to another address.
                http_client=openai.DefaultAsyncHttpxClient(
                    verify=shared_tls(httpx2.create_ssl_context), follow_redirects=False
                ),
            )
        except (ValueError, ImportError, OSError, httpx2.InvalidURL) as error:
            raise exchange.client_error(error) from error


def _more_secrets() -> tuple[str, ...]:
    """Return the words in the header values of OPENAI_CUSTOM_HEADERS, which may be keys of a gateway.

    Words of a few letters are left out: they are not credentials, and their redaction would remove the same
    letters from all words of a message.
    """
    lines = os.environ.get("OPENAI_CUSTOM_HEADERS", "").splitlines()
    words = (word for line in lines for word in line.partition(":")[2].split())
    return tuple(word for word in words if len(word) >= _SHORTEST_SECRET)
