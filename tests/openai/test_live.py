import asyncio

import pytest

from russo_openai import OpenAISynthesizer
from support.live import live_key


@pytest.mark.live
def test_openai_speaks(request: pytest.FixtureRequest) -> None:
    synthesizer = OpenAISynthesizer(api_key=live_key(request, "OPENAI_API_KEY"))
    audio = asyncio.run(synthesizer.synthesize("Hello."))
    assert audio.sample_rate == 24000
    assert 0.2 < (audio.duration or 0) < 5
