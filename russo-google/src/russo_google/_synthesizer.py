"""`GoogleSynthesizer`, on the SDK google-genai.

Every attempt has its own SDK client and HTTP client, so event loops share nothing, and no connection stays
open. The SDK gets this HTTP client, so it does not use aiohttp if that is installed: aiohttp has other errors
and its own retries.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import re
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

from russo import NoAudioError
from russo.authoring import (
    ACCEPTED_ENCODINGS,
    MOST_REPLY_BYTES,
    Attempts,
    Exchange,
    ModelEnd,
    OversizedReplyError,
    Range,
    Secret,
    bound_connect,
    bound_reply,
    check_base_url,
    check_path,
    host_of,
    shared_tls,
)

from ._access import Access, VertexLogin, key_access
from ._refusals import kind_of_quota, seconds_to_wait
from ._replies import Part, join_parts, read_reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx2
    from google.genai import types

    from google import genai
    from russo import Audio

# Characters that options in the request's path may also contain.
_INSIDE: Final = "./@:"
# These models take the instructions as a part of the text; later models would read them aloud.
_EARLY: Final = re.compile(r"gemini-(2\.5|3\.1)-")
# In other locations Vertex AI replies 404 for the models since 3.8.
_LOCATIONS: Final = ("global", "us", "eu")
# Another source states 2026-12-18 as the date.
_RETIRED: Final = ModelEnd(
    "2026-11-17", "https://developersdigest.tech/blog/gemini-live-tts-retirement-november-2026"
)
_ENDS: Final = dict.fromkeys(
    ("gemini-2.5-flash-preview-tts", "gemini-2.5-pro-preview-tts", "gemini-3.1-flash-tts-preview"), _RETIRED
)

# The prebuilt voices, which every model has.
_VOICES: Final = (
    *("Zephyr", "Puck", "Charon", "Kore", "Fenrir", "Leda", "Orus", "Aoede", "Callirrhoe", "Autonoe"),
    *("Enceladus", "Iapetus", "Umbriel", "Algieba", "Despina", "Erinome", "Algenib", "Rasalgethi"),
    *("Laomedeia", "Achernar", "Alnilam", "Schedar", "Gacrux", "Pulcherrima", "Achird"),
    *("Zubenelgenubi", "Vindemiatrix", "Sadachbia", "Sadaltager", "Sulafat"),
)


class GoogleSynthesizer:
    """Synthesizes with Gemini: 16-bit WAV at the rate that the service states, today 24 kHz mono.

    Every call is billed by the token, also if russo rejects its audio. Nothing is imported, read or opened
    before the first miss, and no connection stays open between calls.

    Args:
        voice: A prebuilt voice's name, or a custom voice's id if the model supports custom voices.
        model: The model's name; on Vertex AI also a resource path.
        language: BCP 47 code (``en-US``); without one, the service detects the language of the text.
        instructions: The manner of speaking, in words ("cheerful and friendly").
        seed: The same seed usually gives the same sound; 32 bits, signed.
        api_key: The key of the Gemini API; without one, the variable GOOGLE_API_KEY or, if that is
            empty, GEMINI_API_KEY is read at the miss.
        base_url: Another endpoint, without the version, such as a gateway's.
        timeout: Seconds for one attempt.
        max_attempts: Attempts per prompt, including the first.
        max_concurrency: Calls in progress at once.
        vertexai: Use Vertex AI, with application default credentials. An environment variable cannot
            turn this on.
        project: Google Cloud project of Vertex AI; without one, the project of the credentials.
        location: Location of Vertex AI; without one, GOOGLE_CLOUD_LOCATION, else ``global``. Gemini 3.8
            speech is served in ``global``, ``us`` and ``eu`` only.
        api_version: Version in the URL's path; without one, the SDK's (``v1``, on Vertex AI ``v1beta1``).

    Raises:
        BackendConfigError: ``base_url`` is not a plain http:// or https:// URL.
        ValueError: An option belongs to the other service, or its value cannot be sent.
    """

    russo_api = 1
    """The version of the plugin contract that this class was written for."""
    credentials: ClassVar[tuple[str, ...]] = ("GOOGLE_API_KEY", "GEMINI_API_KEY")
    """Environment variables that may hold the key; the first that is set is used."""
    logins: ClassVar[Mapping[str, str]] = {"vertexai": "application default credentials of Google Cloud"}
    """The options that replace the key by another login, and this login in words."""
    hosts: ClassVar[tuple[str, ...]] = ("googleapis.com",)
    """The hosts of the service itself, with their sub-domains; the key may go to them without a question."""
    service_url = "https://ai.google.dev/gemini-api/docs/speech-generation"
    """The vendor's page about this service."""
    model_ends: ClassVar[Mapping[str, ModelEnd]] = _ENDS
    """The models whose end is announced, with the date and its source."""
    voices: ClassVar[tuple[str, ...]] = _VOICES
    """The prebuilt voices; an account may also have custom voices."""

    def __init__(
        self,
        *,
        voice: str = "Kore",
        model: str = "gemini-3.8-flash-tts",
        language: str | None = None,
        instructions: str | None = None,
        seed: int | None = None,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: Annotated[float, Range(0, above=True)] = 60.0,
        max_attempts: Annotated[int, Range(1)] = 3,
        max_concurrency: Annotated[int, Range(1)] = 8,
        vertexai: bool = False,
        project: str | None = None,
        location: str | None = None,
        api_version: str | None = None,
    ) -> None:
        api_key = api_key and Secret(api_key)  # hidden, if an option is refused
        if vertexai and api_key:
            raise ValueError("api_key is for the Gemini API; Vertex AI takes application default credentials")
        if not vertexai and (project or location):
            raise ValueError("project and location are for Vertex AI; pass vertexai=True as well")
        self.voice: Final = str(voice)
        self.model: Final = check_path("model", model, inside=_INSIDE)
        # An empty text is not sent, so the cache key has None for it, as without the option.
        self.language: Final = str(language) if language else None
        self.instructions: Final = str(instructions) if instructions else None
        self.seed: Final = None if seed is None else int(seed)
        self.base_url: Final = check_base_url(base_url) if base_url else None
        self.vertexai: Final = bool(vertexai)
        self.project: Final = _check("project", project)
        self.location: Final = check_path("location", location) if location else None
        self.api_version: Final = _check("api_version", api_version)
        self._api_key: Final = api_key
        self._login: Final = VertexLogin(self.project, self.location) if self.vertexai else None
        self._attempts: Final = Attempts(
            "google",
            model=self.model,
            timeout=timeout,
            max_attempts=max_attempts,
            max_concurrency=max_concurrency,
        )

    def __repr__(self) -> str:
        names = "voice model language instructions seed base_url vertexai project location api_version"
        return f"GoogleSynthesizer({', '.join(f'{name}={getattr(self, name)!r}' for name in names.split())})"

    @property
    def endpoint(self) -> str:
        """The URL that calls go to, as the environment is now.

        Raises:
            BackendConfigError: The SDK's variable for the endpoint is not a plain http:// or https:// URL.
        """
        if (base_url := self._endpoint()) is not None:
            return base_url
        if not self.vertexai:
            return "https://generativelanguage.googleapis.com"
        location = check_path("location", self._effective_location())
        if location == "global":
            return "https://aiplatform.googleapis.com"
        # The SDK's spelling for locations of more than one region.
        several = f"https://aiplatform.{location}.rep.googleapis.com"
        return several if location in _LOCATIONS else f"https://{location}-aiplatform.googleapis.com"

    @property
    def cache_key_extra(self) -> Mapping[str, object]:
        """All settings that shape the sound, as they are sent; ``None`` is not sent.

        The Gemini API and Vertex AI have the same models, in every location and API version. So the service,
        the location and the API version are not in the key, and users of one service replay recordings that
        were made with the other.
        """
        return {
            "backend": "google",
            "model": self.model,
            "voice": self.voice,
            "language": self.language,
            "instructions": self.instructions,
            "seed": self.seed,
        }

    async def synthesize(self, text: str) -> Audio:
        """Turn a text into speech; billed by the token.

        Raises:
            BackendConfigError: The SDK's variable for the endpoint is not a plain http:// or https:// URL.
            SynthesisError: The subclass says why; see the table of failures in the README.
        """
        self._endpoint()
        # The import of the SDK takes a second: it must not block the event loop, or use up the timeout of the
        # first attempt.
        await asyncio.to_thread(importlib.import_module, "google.genai.client")
        exchange = Exchange(self._attempts, text)
        return await self._attempts.run(text, lambda: exchange.guard(self._attempt(text)), host=self._host())

    def _endpoint(self) -> str | None:
        """Return the endpoint: the option, else the SDK's variable; None for Google's own."""
        variable = "GOOGLE_VERTEX_BASE_URL" if self.vertexai else "GOOGLE_GEMINI_BASE_URL"
        found = Secret(os.environ.get(variable, ""))
        return self.base_url or (check_base_url(found, variable) if found else None)

    def _host(self) -> str:
        """Return the host that the calls go to."""
        if (base_url := self._endpoint()) is not None:
            return host_of(base_url)
        if not self.vertexai:
            return "generativelanguage.googleapis.com"
        # Each location has its own host. The SDK spells some of them differently.
        return f"{self._effective_location()}-aiplatform.googleapis.com"

    def _effective_location(self) -> str:
        return self.location or os.environ.get("GOOGLE_CLOUD_LOCATION") or "global"

    async def _attempt(self, text: str) -> Audio:
        if self._login is None:
            access = key_access(self._attempts, text, self._api_key)
        else:
            access = await asyncio.to_thread(self._login.access, self._attempts, text)
        return await access.exchange.guard(self._speech(access))

    async def _speech(self, access: Access) -> Audio:
        parts = await self._speak(access)
        try:
            return join_parts(parts)
        except ValueError as error:
            raise access.exchange.error(NoAudioError, f"the reply holds no audio: {error}") from error

    async def _speak(self, access: Access) -> list[Part]:
        import httpx2
        from google.genai.errors import APIError

        exchange = access.exchange
        client, http = self._connect(access)
        try:
            async with http:
                with client:
                    return await self._ask(client, exchange)
        except APIError as error:
            raise exchange.reply_error(
                error,
                error.code,
                error.details or error.message,
                kind=kind_of_quota(error.code, error.details, exchange),
                code=error.status,
                advice=self._advice(error.code),
                headers=getattr(error.response, "headers", {}),
                retry_after=seconds_to_wait(error.details),
            ) from error
        # Also errors that are not the HTTP client's: a body that is not UTF-8, a broken TLS connection, a
        # proxy with an invalid port.
        except (httpx2.HTTPError, ValueError, RecursionError, OSError, ExceptionGroup) as error:
            raise exchange.connection_error(error) from error

    def _advice(self, status: int) -> str | None:
        """Return what to do about a model that Vertex AI does not serve in this location."""
        if not self.vertexai or status != 404 or _EARLY.search(self.model):
            return None
        location = self._effective_location()
        if location in _LOCATIONS:
            return None
        shown = f"the location is {location[:40]}" if location.isprintable() else "see location"
        return f"Gemini 3.8 speech is served in {', '.join(_LOCATIONS)} only, and {shown}: check location"

    def _connect(self, access: Access) -> tuple[genai.Client, httpx2.AsyncClient]:
        import httpx2
        from google.genai import types
        from google.genai.client import DebugConfig

        from google import genai

        try:
            # A redirect would send the key to another host.
            tls = shared_tls(httpx2.create_ssl_context)
            http = httpx2.AsyncClient(
                verify=tls,
                follow_redirects=False,
                headers={"accept-encoding": ACCEPTED_ENCODINGS},
                event_hooks={
                    "request": [bound_connect(self._attempts.connect_timeout)],
                    "response": [bound_reply],
                },
            )
            options = types.HttpOptions(
                base_url=self._endpoint(),
                api_version=self.api_version,
                httpx_async_client=http,
                # For the synchronous client and for WebSockets, which are not used. Without these
                # arguments the SDK would load the certificates again for each of them, 60 ms.
                client_args={"verify": tls},
                async_client_args={"ssl": tls},
            )
            # Passed, so that environment variables cannot make the SDK record or replay requests.
            debug = DebugConfig(client_mode=None, replays_directory=None, replay_id=None)
            return genai.Client(**access.options, http_options=options, debug_config=debug), http
        except (ValueError, ImportError, OSError, httpx2.InvalidURL) as error:
            raise access.exchange.client_error(error) from error

    async def _ask(self, client: genai.Client, exchange: Exchange) -> list[Part]:
        """Request the whole speech, which the service may send in several replies."""
        parts: list[Part] = []
        received = 0
        config = self._config()
        while True:
            raw = await client.aio.models.generate_content(
                model=self.model, contents=[self._contents(exchange.prompt)], config=config
            )
            # The SDK's own parser warns about unknown values, which fails a test run in which warnings are
            # errors, and it accepts an error page as a reply.
            response = raw.sdk_http_response
            body = response.body if response else None
            received += len(body or "")
            if received > MOST_REPLY_BYTES:
                raise OversizedReplyError(f"its parts are larger than {MOST_REPLY_BYTES >> 20} MiB")
            reply = read_reply(body, exchange)
            parts += reply.parts
            if reply.continuation is None:
                return parts
            if reply.continuation == config.continuation_token:
                raise exchange.error(
                    NoAudioError, "the service sent the same continuation token twice (CONTINUATION)"
                )
            config = config.model_copy(update={"continuation_token": reply.continuation})

    def _contents(self, text: str) -> types.Part:
        from google.genai import types

        if self.instructions is None:
            return types.Part(text=text)
        if _EARLY.search(self.model):
            return types.Part(text=f"{self.instructions.rstrip(' .:')}: {text}")
        return types.Part(text=text, speech_metadata=types.SpeechMetadata(style=self.instructions))

    def _config(self) -> types.GenerateContentConfig:
        from google.genai import types

        if _EARLY.search(self.model):
            prebuilt = types.PrebuiltVoiceConfig(voice_name=self.voice)
            voice = types.VoiceConfig(prebuilt_voice_config=prebuilt)
        else:
            voice = types.VoiceConfig(voice=self.voice)
        return types.GenerateContentConfig(
            response_modalities=["AUDIO"],
            seed=self.seed,
            speech_config=types.SpeechConfig(voice_config=voice, language_code=self.language),
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
            should_return_http_response=True,
        )


def _check(name: str, value: str | None) -> str | None:
    return check_path(name, value, inside=_INSIDE) if value else None
