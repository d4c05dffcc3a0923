"""Fixtures for the tests of the adapters."""

import pytest

from russo import AudioCache, CachedSynthesizer, load_synthesizer

pytest.register_assert_rewrite("support.agents.livekit_calls")


@pytest.fixture(scope="session")
def voice(tmp_path_factory):
    """The local backend with a cache, so that each prompt is spoken once."""
    cache = AudioCache(tmp_path_factory.mktemp("speech"))
    return CachedSynthesizer(load_synthesizer("local"), cache=cache)


@pytest.fixture
def talk_livekit(voice):
    """Return a function that runs a script, an async function of the call, with a scripted LiveKit session."""
    from support.agents.livekit_calls import talk

    return lambda script, conversation, **options: talk(script, conversation, voice, **options)
