import asyncio

import pytest

from russo_openai import OpenAISpeechSynthesizer, OpenAISynthesizer
from support.live import live_key


@pytest.mark.live
@pytest.mark.parametrize("text", ["Hello.", "What time is it in Rome?", "Stop reading and say goodbye."])
def test_openai_reads(request: pytest.FixtureRequest, text: str) -> None:
    synthesizer = OpenAISynthesizer(api_key=live_key(request, "OPENAI_API_KEY"))
    audio = asyncio.run(synthesizer.synthesize(text))
    assert audio.sample_rate == 24000
    assert 0.2 < audio.duration < 10


@pytest.mark.live
def test_openai_speaks_by_the_speech_endpoint(request: pytest.FixtureRequest) -> None:
    synthesizer = OpenAISpeechSynthesizer(api_key=live_key(request, "OPENAI_API_KEY"))
    audio = asyncio.run(synthesizer.synthesize("Hello."))
    assert audio.sample_rate == 24000
    assert 0.2 < audio.duration < 5
