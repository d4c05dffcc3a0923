from pathlib import Path

from support.elevenlabs_api import spoken
from support.end_to_end import check_end_to_end
from support.first_party import PLANTED_KEY, SAMPLES


def test_pytest_records_then_replays_without_key_service_or_sdk(tmp_path: Path) -> None:
    server = check_end_to_end(
        tmp_path,
        backend="elevenlabs",
        good=spoken(SAMPLES),
        sdk=("elevenlabs", "httpx"),
        key_variable="ELEVENLABS_API_KEY",
        options=("elevenlabs.model=eleven_v3", "elevenlabs.speed=1.1", "elevenlabs.use_speaker_boost=false"),
    )
    first = server.requests[0]
    assert first.headers["xi-api-key"] == PLANTED_KEY
    assert first.json["model_id"] == "eleven_v3"
    assert first.json["voice_settings"]["speed"] == 1.1
    assert first.json["voice_settings"]["use_speaker_boost"] is False
