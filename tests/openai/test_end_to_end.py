from pathlib import Path

from russo.testing import Reply, wav
from support.end_to_end import check_end_to_end
from support.first_party import PLANTED_KEY, SAMPLES


def test_pytest_records_and_replays_without_key_service_and_sdk(tmp_path: Path) -> None:
    server = check_end_to_end(
        tmp_path,
        backend="openai",
        good=Reply(body=wav(SAMPLES, sizes="streamed"), chunked=True),
        sdk=("openai", "httpx2"),
        key_variable="OPENAI_API_KEY",
        path="/v1",
        options=("openai.voice=coral", "openai.speed=1.5"),
    )
    first = server.requests[0]
    assert first.headers["authorization"] == f"Bearer {PLANTED_KEY}"
    assert (first.json["voice"], first.json["speed"]) == ("coral", 1.5)
