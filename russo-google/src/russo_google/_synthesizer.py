"""`GoogleSynthesizer` over google-genai.

Every attempt has a client and an HTTP client of its own: nothing is shared between event loops, and
nothing stays open. Giving the SDK that HTTP client also keeps it from aiohttp, which it would use
where it is installed, with other errors and with retries of its own.
"""

from __future__ import annotations

import asyncio
import importlib
import re
from typing import TYPE_CHECKING, ClassVar, Final

from russo import NoAudioError
from russo.authoring import Attempts, Exchange, check_base_url, check_path, shared_tls

from ._access import Access, VertexLogin, key_access
from ._refusals import kind_of, seconds_to_wait
from ._replies import Part, join_parts, read_reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx2
    from google.genai import types

    from google import genai
    from russo import Audio

# What stands in the request's path may also hold these.
_INSIDE: Final = "./@:"
# They take the manner of speaking as a part of the text; later models would read it aloud.
_EARLY: Final = re.compile(r"gemini-(2\.5|3\.1)-")


class GoogleSynthesizer:
    """Speaks by Gemini: 16-bit WAV at the rate the service states, 24 kHz mono today.

    Every call is paid by the token, also one whose audio is refused here. Nothing is imported, read or
    opened before the first miss, and no connection stays open between calls.

    Args:
        voice: A prebuilt voice's name, or a custom voice's id where the model takes one.
        model: The model's name; on Vertex AI also a resource path.
        language: BCP 47 code (``en-US``); without one the service tells by the text.
        instructions: How to speak, in words ("cheerful and friendly").
        seed: Equal seeds mostly sound equal; 32 bits, signed.
        api_key: The key of the Gemini API; without one, the variable GOOGLE_API_KEY or, where that is
            empty, GEMINI_API_KEY is read at the miss.
        base_url: Another endpoint, without the version, such as a gateway's.
        timeout: Seconds for one attempt.
        max_attempts: Attempts per prompt, the first included.
        max_concurrency: Calls at once.
        vertexai: Speak by Vertex AI, with application default credentials. No variable turns this on.
        project: Google Cloud project of Vertex AI; without one, that of the credentials.
        location: Location of Vertex AI; without one, GOOGLE_CLOUD_LOCATION, else ``global``.
        api_version: Version in the URL's path; without one, the SDK's (``v1``, on Vertex AI ``v1beta1``).

    Raises:
        BackendConfigError: ``base_url`` is no plain http:// or https:// URL.
        ValueError: An option of one service given for the other, or a value that cannot be sent.
    """

    russo_api = 1
    """The version of the plugin contract that this class was written for."""
    credentials: ClassVar[tuple[str, ...]] = ("GOOGLE_API_KEY", "GEMINI_API_KEY")
    """Environment variables that may hold the key, the first that is set."""

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
        timeout: float = 60.0,
        max_attempts: int = 3,
        max_concurrency: int = 8,
        vertexai: bool = False,
        project: str | None = None,
        location: str | None = None,
        api_version: str | None = None,
    ) -> None:
        if vertexai and api_key:
            raise ValueError("api_key is for the Gemini API; Vertex AI takes application default credentials")
        if not vertexai and (project or location):
            raise ValueError("project and location are for Vertex AI; give vertexai=True with them")
        self.voice: Final = str(voice)
        self.model: Final = check_path("model", model, inside=_INSIDE)
        # An empty text is no instruction and no language: nothing is sent, so nothing is declared.
        self.language: Final = str(language) if language else None
        self.instructions: Final = str(instructions) if instructions else None
        self.seed: Final = None if seed is None else int(seed)
        self.base_url: Final = check_base_url(base_url) if base_url else None
        self.vertexai: Final = bool(vertexai)
        self.project: Final = _check("project", project)
        self.location: Final = _check("location", location)
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
    def cache_key_extra(self) -> Mapping[str, object]:
        """Everything that shapes the sound, as it is sent; ``None`` is not sent.

        The same model speaks behind the Gemini API and Vertex AI, in every location and under every API
        version: these are ways to it, so recordings made by one are replayed by the other.
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
        """Speak a text; paid by the token.

        Raises:
            SynthesisError: The subclass says why; see the table of failures in the README.
        """
        # The SDK takes a second to import: not on the event loop, and not at the cost of the first attempt.
        await asyncio.to_thread(importlib.import_module, "google.genai.client")
        return await self._attempts.run(text, lambda: self._attempt(text))

    async def _attempt(self, text: str) -> Audio:
        if self._login is None:
            access = key_access(self._attempts, text, self._api_key)
        else:
            access = await asyncio.to_thread(self._login.access, self._attempts, text)
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
            raise exchange.refusal_error(
                error,
                kind_of(error.code, error.details),
                error.code,
                str(error.message or ""),
                code=error.status,
                headers=getattr(error.response, "headers", {}),
                retry_after=seconds_to_wait(error.details),
            ) from error
        # Not only the HTTP client's own: an error body that is no UTF-8, TLS broken off.
        except (httpx2.HTTPError, ValueError, RecursionError, OSError) as error:
            raise exchange.connection_error(error) from error

    def _connect(self, access: Access) -> tuple[genai.Client, httpx2.AsyncClient]:
        import httpx2
        from google.genai import types
        from google.genai.client import DebugConfig

        from google import genai

        try:
            # No redirects: one would take the key along to wherever it points.
            tls = shared_tls(httpx2.create_ssl_context)
            http = httpx2.AsyncClient(verify=tls, follow_redirects=False)
            options = types.HttpOptions(
                base_url=self.base_url,
                api_version=self.api_version,
                httpx_async_client=http,
                # For the synchronous client and for WebSockets: unused, but the SDK would load
                # the certificates for each of them, 60 ms.
                client_args={"verify": tls},
                async_client_args={"ssl": tls},
            )
            # Given, so that no variable makes the SDK record or replay by itself.
            debug = DebugConfig(client_mode=None, replays_directory=None, replay_id=None)
            return genai.Client(**access.options, http_options=options, debug_config=debug), http
        except (ValueError, ImportError, OSError, httpx2.InvalidURL) as error:
            raise access.exchange.client_error(error) from error

    async def _ask(self, client: genai.Client, exchange: Exchange) -> list[Part]:
        """Request the whole speech, which the service may hand out in several replies."""
        parts: list[Part] = []
        config = self._config()
        while True:
            raw = await client.aio.models.generate_content(
                model=self.model, contents=[self._contents(exchange.prompt)], config=config
            )
            # The SDK's own reading of replies warns of words it does not know, a fatal thing where
            # warnings are errors, and takes an error page for a reply.
            response = raw.sdk_http_response
            reply = read_reply(response.body if response else None, exchange)
            parts += reply.parts
            if reply.continuation is None:
                return parts
            if reply.continuation == config.continuation_token:
                raise exchange.error(
                    NoAudioError, "the service does not go on with its speech (CONTINUATION)"
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
