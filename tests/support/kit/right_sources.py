"""Sources of two small backends that pass the contract; the tests of the kit patch faults into them."""

ENGINE = '''
import asyncio
import struct
from zlib import crc32

from russo import Audio, TextRejectedError
from russo.authoring import Attempts, pcm_audio


class EngineSynthesizer:
    """Synthesizes locally: 0.02 s of sound per character; the voice sets the loudness, the speed sets the pace."""

    russo_api = 1
    credentials = ("ENGINE_KEY",)

    def __init__(
        self, *, voice: str = "anna", speed: float = 1.0, api_key: str | None = None, timeout: float = 60.0
    ) -> None:
        self.voice = str(voice)
        self.speed = float(speed)
        self.api_key = api_key
        self.attempts = Attempts("engine", timeout=timeout, max_attempts=1, max_concurrency=50)

    def __repr__(self):
        return f"EngineSynthesizer(voice={self.voice!r}, speed={self.speed!r})"

    @property
    def cache_key_extra(self):
        return {"backend": "engine", "voice": self.voice, "speed": self.speed}

    async def synthesize(self, text):
        return await self.attempts.run(text, lambda: self.attempt(text))

    async def attempt(self, text):
        await asyncio.sleep(len(text) / 100000)
        if not text.strip():
            raise self.attempts.error(TextRejectedError, "there is nothing to say", prompt=text, reached=False)
        loud = 4096 + crc32(self.voice.encode()) % 4096
        return pcm_audio(struct.pack("<hh", loud, -loud) * round(80 * len(text) / self.speed), 8000)

    async def aclose(self):
        pass
'''
ENGINE_TEST = """
import pytest
from engine import EngineSynthesizer
from russo.testing import BackendContract


class TestEngine(BackendContract):
    backend = "engine"
    declared = {"voice": "bert", "speed": 1.5}
    undeclared = {"api_key": "another-key", "timeout": 7.5}
    sdk = ("engine_sdk",)
    patience = 2.0

    @pytest.fixture
    def make_synthesizer(self):
        return lambda **options: EngineSynthesizer(**options)
"""
SERVICE = '''
import asyncio
import contextlib
import json
import os
from urllib.parse import urlsplit

from russo import Audio, AuthenticationError, ServiceError, TextRejectedError
from russo.authoring import Attempts, Exchange, kind_of_status, pcm_audio, read_api_key, seconds_to_wait, wav_audio


class StatusError(Exception):
    """A status other than success."""


class ServiceSynthesizer:
    """Synthesizes through a service, over a plain connection."""

    russo_api = 1
    credentials = ("SERVICE_KEY", "SERVICE_OTHER_KEY")

    def __init__(
        self,
        *,
        voice: str = "anna",
        api_key: str | None = None,
        base_url: str = "http://127.0.0.1:9",
        timeout: float = 60.0,
        max_attempts: int = 3,
        max_concurrency: int = 20,
    ) -> None:
        self.voice = str(voice)
        self.api_key = api_key
        self.place = urlsplit(base_url)
        self.timeout = timeout
        self.attempts = Attempts("service", timeout=timeout, max_attempts=max_attempts, max_concurrency=max_concurrency)

    def __repr__(self):
        return f"ServiceSynthesizer(voice={self.voice!r})"

    @property
    def cache_key_extra(self):
        return {"backend": "service", "voice": self.voice}

    async def synthesize(self, text):
        key = read_api_key(self.attempts, text, self.api_key, "SERVICE_KEY", "SERVICE_OTHER_KEY")
        return await self.attempts.run(text, lambda: self.attempt(Exchange(self.attempts, text, key), key))

    async def attempt(self, exchange, key):
        status, headers, body = await self.ask(exchange, key)
        if status != 200:
            error = StatusError(f"{status} {body!r}")
            wait = seconds_to_wait(headers)
            said = body.decode("utf-8", "replace")
            raise exchange.refusal_error(error, kind_of_status(status), status, said, retry_after=wait) from error
        try:
            return wav_audio(body)
        except ValueError as error:
            raise exchange.no_audio_error(error, body, headers) from error

    async def ask(self, exchange, key):
        try:
            reader, writer = await asyncio.open_connection(self.place.hostname, self.place.port)
        except OSError as error:
            raise exchange.error(ServiceError, f"no connection: {error}", reached=False) from error
        try:
            body = json.dumps({"text": exchange.prompt, "voice": self.voice}).encode()
            head = f"POST /speak HTTP/1.1\\r\\nX-Key: {key}\\r\\nContent-Length: {len(body)}\\r\\n\\r\\n"
            writer.write(head.encode() + body)
            return await read_reply(reader)
        except (OSError, EOFError, ValueError, IndexError) as error:
            raise exchange.connection_error(error) from error
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def read_reply(reader):
    status = int((await reader.readuntil(b"\\r\\n")).split()[1])
    headers = {}
    while (line := await reader.readuntil(b"\\r\\n")) != b"\\r\\n":
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    if headers.get("transfer-encoding") != "chunked":
        return status, headers, await reader.readexactly(int(headers["content-length"]))
    body = b""
    while size := int(await reader.readuntil(b"\\r\\n"), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readuntil(b"\\r\\n")
    return status, headers, body
'''
SERVICE_TEST = """
import pytest
from russo import TextRejectedError
from russo.testing import BackendContract, Failure, HttpService, Reply, json_reply, wav
from service import ServiceSynthesizer


def error_reply(status, message, retry_after):
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return json_reply({"error": message}, status, headers)


class TestService(BackendContract):
    backend = "service"
    declared = {"voice": "bert"}
    undeclared = {
        "api_key": "another-key",
        "base_url": "http://127.0.0.1:10",
        "timeout": 7.5,
        "max_attempts": 2,
        "max_concurrency": 3,
    }
    service = HttpService(
        good=lambda samples: Reply(body=wav(samples)),
        sent_key=lambda request: request.headers["x-key"],
        error_reply=error_reply,
        failures={
            "too long": Failure(reply=error_reply(413, "too long", None), error=TextRejectedError, retried=False)
        },
    )

    @pytest.fixture
    def make_synthesizer(self):
        return lambda **options: ServiceSynthesizer(**options)
"""
