"""The tests of a backend's author, who uses `russo.testing`."""

from typing import Any, assert_type

import pytest
from synthesizers import AcmeSynthesizer

import russo
from russo.testing import (
    BackendContract,
    FakeSynthesizer,
    HttpService,
    LoopbackServer,
    Reply,
    Request,
    WebSocketService,
    json_reply,
    speech_pcm,
    wav,
)


def error_reply(status: int, message: str, retry_after: float | None) -> Reply:
    headers = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
    return json_reply({"error": message}, status, headers)


def sent_key(request: Request) -> str:
    return request.headers["x-key"]


class TestAcme(BackendContract):
    backend = "acme"
    options = {"voice": "anna"}
    declared = {"voice": "ben", "speed": 1.5, "volume": 0.5}
    undeclared = {"timeout": 7.5}
    sdk = ("acme_sdk",)
    patience = 30
    prompt = "Hello"
    service = HttpService(
        good=lambda samples: Reply(body=wav(samples)),
        error_reply=error_reply,
        sent_key=sent_key,
        base_url=lambda url: f"{url}/v1",
    )

    @pytest.fixture
    def make_synthesizer(self) -> type[AcmeSynthesizer]:
        return AcmeSynthesizer


class TestOther(BackendContract):
    backend = "other"
    declared = {}

    @pytest.fixture
    def make_synthesizer(self) -> Any:
        def make(**options: Any) -> AcmeSynthesizer:
            return AcmeSynthesizer(**options)

        return make


assert issubclass(WebSocketService, object)


@pytest.mark.asyncio
async def test_fake() -> None:
    fake = FakeSynthesizer(russo.Audio(speech_pcm(0.5), "pcm"), delay=0.1)
    audio = await fake.synthesize("Hello")
    assert_type(audio, russo.Audio)
    assert_type((fake.calls, fake.texts, fake.closed), tuple[int, list[str], int])
    assert_type(fake.sound("Hello").duration, float)


def test_server() -> None:
    with LoopbackServer(lambda request: json_reply({"path": request.path})) as server:
        assert_type(server.url, str)
        assert_type(server.requests, list[Request])
