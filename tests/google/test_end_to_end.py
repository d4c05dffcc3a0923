from support.end_to_end import check_end_to_end
from support.first_party import PLANTED_KEY, SAMPLES
from support.gemini import reply, sound


def test_pytest_records_then_replays_without_key_service_or_sdk(tmp_path):
    server = check_end_to_end(
        tmp_path,
        backend="google",
        good=reply(sound(SAMPLES, "audio/l16; rate=24000; channels=1")),
        sdk=("google.genai", "httpx2"),
        key_variable="GEMINI_API_KEY",
        options=("google.voice=Puck", "google.seed=7", "google.vertexai=false"),
        recording={"GOOGLE_GENAI_USE_VERTEXAI": "true"},
    )
    first = server.requests[0]
    assert first.path == "/v1/models/gemini-3.8-flash-tts:generateContent"
    assert first.headers["x-goog-api-key"] == PLANTED_KEY
    config = first.json["generationConfig"]
    assert (config["seed"], config["speechConfig"]) == (7, {"voice_config": {"voice": "Puck"}})
