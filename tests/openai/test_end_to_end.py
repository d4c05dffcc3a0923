from pathlib import Path

from russo.testing import Reply, speech_pcm, wav
from support import openai_realtime as service
from support.end_to_end import check_end_to_end
from support.first_party import PLANTED_KEY, SAMPLES


def test_speech_is_recorded_then_replayed_without_key_service_or_sdk(tmp_path: Path) -> None:
    server = check_end_to_end(
        tmp_path,
        backend="openai-speech",
        good=Reply(body=wav(SAMPLES, sizes="streamed"), chunked=True),
        sdk=("openai", "httpx2"),
        key_variable="OPENAI_API_KEY",
        path="/v1",
        options=("openai-speech.model=tts-1", "openai-speech.voice=coral", "openai-speech.speed=1.5"),
    )
    first = server.requests[0]
    assert first.headers["authorization"] == f"Bearer {PLANTED_KEY}"
    assert (first.json["voice"], first.json["speed"]) == ("coral", 1.5)


def test_reading_is_recorded_then_replayed_without_key_service_or_websockets(tmp_path: Path) -> None:
    samples = speech_pcm(1.0)
    server = check_end_to_end(
        tmp_path,
        backend="openai",
        good=lambda request: service.spoken(samples, service.prompt_of(request)),
        sdk=("websockets",),
        key_variable="OPENAI_API_KEY",
        path="/v1",
        options=("openai.voice=cedar", "openai.speed=1.5"),
        serve=service.serve,
        samples=samples,
    )
    first = server.requests[0]
    assert first.headers["authorization"] == f"Bearer {PLANTED_KEY}"
    output = service.session_of(first)["audio"]["output"]
    assert (output["voice"], output["speed"]) == ("cedar", 1.5)
