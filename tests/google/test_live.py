import pytest

from russo_google import GoogleSynthesizer
from support.first_party import speak
from support.live import live_key


@pytest.mark.live
def test_gemini_speaks(request):
    key = live_key(request, "GOOGLE_API_KEY", "GEMINI_API_KEY")
    audio = speak(GoogleSynthesizer(api_key=key, instructions="friendly"), "Hello.")
    assert audio.sample_rate == 24000
    assert 0.2 < audio.duration < 5  # a second of speech is about 25 tokens; a cent buys a thousand
