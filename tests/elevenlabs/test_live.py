import asyncio

import pytest

from russo_elevenlabs import ElevenLabsSynthesizer
from support.live import live_key


@pytest.mark.live
def test_elevenlabs_speaks(request: pytest.FixtureRequest) -> None:
    key = live_key(request, "ELEVENLABS_API_KEY")
    # This model costs half the default one; six characters cost a fraction of a cent.
    synthesizer = ElevenLabsSynthesizer(api_key=key, model="eleven_flash_v2_5", language="en")
    audio = asyncio.run(synthesizer.synthesize("Hello."))
    assert audio.sample_rate == 24000
    assert 0.2 < audio.duration < 5
