"""`OpenAISpeechSynthesizer`, on the openai SDK: ``POST {base_url}/audio/speech``.

Before the first miss the SDK is not imported, and variables with credentials are not read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal

from russo import BackendConfigError
from russo.authoring import (
    ACCEPTED_ENCODINGS,
    Attempts,
    Exchange,
    Range,
    Secret,
    bound_reply,
    check_base_url,
    endpoint,
    host_of,
    read_api_key,
    shared_tls,
)

from ._access import VendorEnds, effective_base_url, is_vendor, more_secrets
from ._formats import FORMATS, OtherFormatError, read_audio
from ._models import REALTIME_VOICES, SPEECH_ENDS, SPEECH_MODEL, SPEECH_VOICES, is_realtime_model

if TYPE_CHECKING:
    from collections.abc import Mapping

    import openai
    from russo import Audio

# By response_format: what the server must return, for the advice.
_WANTED: Final = {
    "wav": "WAV (response_format=wav); if it has no WAV, set response_format=pcm",
    "pcm": "bare 16-bit samples (response_format=pcm); if it sends WAV, set response_format=wav",
}
_SPEED: Final = Range(0.25, 4.0)


class OpenAISpeechSynthesizer:
    """Synthesizes with ``/v1/audio/speech``, at OpenAI or elsewhere: 16-bit WAV at the rate of the reply.

    Every call is billed. Nothing is imported, read or opened before the first miss, and no connection
    stays open between calls.

    Args:
        voice: The voice's name.
        model: The model's name; without one, ``gpt-4o-mini-tts`` at OpenAI, which refuses more than 2000
            tokens of text. Another server needs one.
        instructions: The manner of speaking, in words; for models that support it (``gpt-4o-mini-tts``).
        speed: Pace, 0.25 (slow) to 4.0 (fast).
        response_format: The audio format of the reply: ``wav``, or ``pcm`` for servers without WAV.
        api_key: The key; without one, the variable OPENAI_API_KEY is read at the first miss.
        base_url: Another endpoint, up to and including its ``/v1``; without one, OPENAI_BASE_URL or OpenAI.
        timeout: Seconds for one attempt.
        max_attempts: Attempts per prompt, including the first.
        max_concurrency: Calls in progress at once.

    Raises:
        BackendConfigError: ``base_url`` is not a plain http:// or https:// URL, a model is missing, or the
            model belongs to the backend ``openai``.
        ValueError: A number is outside its range, or ``response_format`` is another word.
    """

    russo_api = 1
    """The version of the plugin contract that this class was written for."""
    credentials: ClassVar[tuple[str, ...]] = ("OPENAI_API_KEY",)
    """The environment variable that may hold the key."""
    hosts: ClassVar[tuple[str, ...]] = ("api.openai.com",)
    """The hosts of the service itself, with their sub-domains; the key may go to them without a question."""
    service_url = "https://developers.openai.com/api/docs/guides/text-to-speech"
    """The vendor's page about this service."""
    model_ends = VendorEnds(SPEECH_ENDS)
    """The models whose end OpenAI has announced, with the date and its source; none for another server."""
    voices: ClassVar[tuple[str, ...]] = tuple(sorted({*REALTIME_VOICES, *SPEECH_VOICES}))
    """OpenAI's voices; another server has its own voices."""

    def __init__(
        self,
        *,
        voice: str = "alloy",
        model: str | None = None,
        instructions: str | None = None,
        speed: Annotated[float, _SPEED] = 1.0,
        response_format: Literal["wav", "pcm"] = "wav",
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: Annotated[float, Range(0, above=True)] = 60.0,
        max_attempts: Annotated[int, Range(1)] = 3,
        max_concurrency: Annotated[int, Range(1)] = 8,
    ) -> None:
        api_key = api_key and Secret(api_key)  # hidden, if an option is refused
        self.voice: Final = str(voice)
        self.model: Final = SPEECH_MODEL if model is None else str(model)
        self._names_model: Final = model is not None
        self.instructions: Final = None if instructions is None else str(instructions)
        self.speed: Final = _SPEED.check("speed", speed)
        self._base_url: Final = (base_url or "").strip()
        self.response_format: Final = str(response_format)
        self._check_options()
        self._api_key: Final = api_key
        self._attempts: Final = Attempts(
            "openai-speech",
            model=self.model,
            timeout=timeout,
            max_attempts=max_attempts,
            max_concurrency=max_concurrency,
        )

    def _check_options(self) -> None:
        if self.response_format not in FORMATS:
            raise ValueError(
                f"response_format is {self.response_format!r}; it must be {' or '.join(FORMATS)}"
            )
        if self._base_url:
            check_base_url(self._base_url)
            self._check_model(self._base_url)
        if is_realtime_model(self.model):
            raise BackendConfigError(
                f"model {self.model!r} is served by the Realtime API only: use the backend openai "
                "(OpenAISynthesizer)"
            )

    def _check_model(self, base_url: str) -> None:
        """Refuse another server than OpenAI if no model is set: only OpenAI has the default model."""
        if not self._names_model and not is_vendor(base_url):
            raise BackendConfigError(
                f"the server {endpoint(base_url)} is not OpenAI, so the option model must be set"
            )

    def __repr__(self) -> str:
        base_url = endpoint(self._base_url) if self._base_url else None
        return (
            f"OpenAISpeechSynthesizer(voice={self.voice!r}, model={self.model!r}, "
            f"instructions={self.instructions!r}, speed={self.speed!r}, "
            f"response_format={self.response_format!r}, base_url={base_url!r})"
        )

    @property
    def endpoint(self) -> str:
        """The URL that calls go to, as the environment is now.

        Raises:
            BackendConfigError: OPENAI_BASE_URL is not a plain http:// or https:// URL, or a model is missing.
        """
        return self._effective_base_url()

    @property
    def cache_key_extra(self) -> Mapping[str, object]:
        """All settings that shape the sound, and the endpoint if it is not OpenAI's.

        Raises:
            BackendConfigError: OPENAI_BASE_URL is not a plain http:// or https:// URL, or a model is missing.
        """
        base_url = self._effective_base_url()
        fields: dict[str, object] = {
            "backend": "openai-speech",
            "model": self.model,
            "voice": self.voice,
            "instructions": self.instructions,
            "speed": self.speed,
        }
        if self.response_format != "wav":  # a server may resample for it
            fields["response_format"] = self.response_format
        return fields if is_vendor(base_url) else fields | {"base_url": endpoint(base_url)}

    async def synthesize(self, text: str) -> Audio:
        """Turn a text into speech; billed by its length.

        Raises:
            BackendConfigError: OPENAI_BASE_URL is not a plain http:// or https:// URL, or a model is missing.
            SynthesisError: The subclass says why; see the table of failures in the README.
        """
        base_url = self._effective_base_url()
        exchange = Exchange(
            self._attempts,
            text,
            read_api_key(self._attempts, text, self._api_key, "OPENAI_API_KEY"),
            more_secrets(),
        )
        import openai  # noqa: F401 - takes 0.7 s, which must not use up the first attempt's timeout

        return await self._attempts.run(
            text, lambda: exchange.guard(self._speak(exchange, base_url)), host=host_of(base_url)
        )

    def _effective_base_url(self) -> str:
        base_url = effective_base_url(self._base_url)
        self._check_model(base_url)
        return base_url

    async def _speak(self, exchange: Exchange, base_url: str) -> Audio:
        import httpx2

        import openai

        # A new client for every attempt, because a connection pool belongs to one event loop.
        client = self._client(exchange, base_url)
        try:
            async with client:
                reply = (await client.audio.speech.create(input=exchange.prompt, **self._sent())).response
        except openai.APIStatusError as error:
            status, body, headers = error.status_code, error.response.content, error.response.headers
            advice = self._advice(error.code, base_url)
            raise exchange.reply_error(error, status, body, headers=headers, advice=advice) from error
        except (openai.OpenAIError, httpx2.HTTPError, ValueError, OSError, ExceptionGroup) as error:
            raise exchange.connection_error(error) from error
        try:
            return read_audio(reply.content, self.response_format, str(reply.headers.get("content-type", "")))
        except ValueError as error:
            raise exchange.no_audio_error(
                error,
                reply.content,
                reply.headers,
                wanted=_WANTED[self.response_format],
                wav=self.response_format == "wav",
                is_other=isinstance(error, OtherFormatError),
            ) from error

    def _advice(self, code: object, base_url: str) -> str | None:
        """Return the advice for a model that OpenAI no longer serves; None for other refusals."""
        if code != "model_not_found" or not is_vendor(base_url):
            return None
        end = SPEECH_ENDS.get(self.model)
        ended = f"OpenAI ended {self.model} on {end.date}; " if end else ""
        return f"{ended}use the backend openai, which uses the Realtime API, or check the model"

    def _sent(self) -> dict[str, Any]:
        """Return the arguments that are sent with the text."""
        # WAV by default: compatible servers use other sample rates, which only a header shows. Some servers
        # always send MP3, which would be stored as noise if it were read as raw samples.
        sent = {
            "model": self.model,
            "voice": self.voice,
            "speed": self.speed,
            "response_format": self.response_format,
        }
        return sent if self.instructions is None else sent | {"instructions": self.instructions}

    def _client(self, exchange: Exchange, base_url: str) -> openai.AsyncOpenAI:
        import httpx2

        import openai

        attempts = self._attempts
        try:
            return openai.AsyncOpenAI(
                api_key=exchange.secret,
                base_url=base_url,
                timeout=httpx2.Timeout(attempts.timeout, connect=attempts.connect_timeout),
                max_retries=0,
                # A redirect would send the prompt, and on the same host the key, to another address.
                http_client=openai.DefaultAsyncHttpxClient(
                    verify=shared_tls(httpx2.create_ssl_context),
                    follow_redirects=False,
                    headers={"accept-encoding": ACCEPTED_ENCODINGS},
                    event_hooks={"response": [bound_reply]},
                ),
            )
        except (ValueError, ImportError, OSError, httpx2.InvalidURL) as error:
            raise exchange.client_error(error) from error
