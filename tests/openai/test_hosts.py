"""The hosts that the command may send a key to without asking the user."""

import pytest

from russo._cli.trust import is_near
from russo_elevenlabs import ElevenLabsSynthesizer
from russo_google import GoogleSynthesizer
from russo_openai import OpenAISpeechSynthesizer, OpenAISynthesizer


@pytest.mark.parametrize(
    ("backend", "url"),
    [
        (OpenAISynthesizer, "https://api.openai.com/v1"),
        (OpenAISynthesizer, "wss://eu.api.openai.com/v1"),
        (OpenAISpeechSynthesizer, "https://us.api.openai.com/v1"),
        (GoogleSynthesizer, "https://generativelanguage.googleapis.com"),
        (GoogleSynthesizer, "https://us-central1-aiplatform.googleapis.com"),
        (ElevenLabsSynthesizer, "https://api.elevenlabs.io"),
        (ElevenLabsSynthesizer, "https://api.eu.residency.elevenlabs.io"),
    ],
)
def test_only_the_vendors_own_https_host_is_trusted(backend, url):
    assert is_near(url, backend)
    assert not is_near(f"{url.partition('/v1')[0]}.evil.example/v1", backend)
    assert not is_near(url.replace("s://", "://", 1), backend)
