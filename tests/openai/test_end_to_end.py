from pathlib import Path

from russo.testing import Reply, wav
from support.end_to_end import check_end_to_end
from support.first_party import PLANTED_KEY, SAMPLES


def test_speech_is_recorded_and_replayed_without_key_service_and_sdk(tmp_path: Path) -> None:
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
