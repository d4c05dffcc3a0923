"""Missing credentials: how to provide them, and that the prompt is not recorded either."""

import pytest

from russo import AudioCache, AuthenticationError, CachedSynthesizer, LayeredCache, Mode
from russo._flow.run import RunContext
from russo.authoring import Attempts, Exchange, credentials_error, read_api_key
from support.speakers import PROMPT, sound, synthesize

KEYLESS = "there is no API key"
HOW = "set ACME_KEY (or pass api_key=… to the synthesizer)"
NOT_RECORDED = ", and this prompt is not recorded with these settings"
COMMAND = "pytest --russo-cache-mode=replay"
REPLAY = f", or run {COMMAND} to see whether the prompt is recorded with other settings"


class Keyless:
    """A backend that reads its key as all do."""

    def __init__(self):
        self.attempts = Attempts("acme")

    cache_key_extra = {"backend": "acme"}  # noqa: RUF012 - as an author may write it

    async def synthesize(self, text):
        read_api_key(self.attempts, text, None, "ACME_KEY")
        return sound(text)


def reason(synthesizer):
    with pytest.raises(AuthenticationError) as caught:
        synthesize(synthesizer)
    assert not caught.value.reached
    return caught.value.what, caught.value.advice


def test_a_miss_without_a_key_says_that_the_prompt_is_not_recorded(tmp_path):
    cached = CachedSynthesizer(Keyless(), cache=AudioCache(tmp_path))
    assert reason(cached) == (KEYLESS + NOT_RECORDED, HOW)


@pytest.mark.parametrize(("command", "advice"), [(COMMAND, HOW + REPLAY), (None, HOW)])
def test_only_a_test_run_names_the_mode_that_shows_other_settings(tmp_path, command, advice):
    context = RunContext(AudioCache(tmp_path), Mode.AUTO, report=print, replay_command=command)
    assert reason(CachedSynthesizer(Keyless()).bound_to(context)) == (KEYLESS + NOT_RECORDED, advice)


def test_a_nested_cache_with_the_same_key_says_that_the_prompt_is_not_recorded(tmp_path):
    inner = CachedSynthesizer(Keyless(), cache=AudioCache(tmp_path))
    assert reason(CachedSynthesizer(inner, cache=AudioCache(tmp_path))) == (KEYLESS + NOT_RECORDED, HOW)


@pytest.mark.parametrize("layer", ["cache", "recordings"])
def test_a_damaged_recording_is_not_called_absent(tmp_path, layer, monkeypatch):
    monkeypatch.setenv("ACME_KEY", "key")
    synthesize(CachedSynthesizer(Keyless(), cache=AudioCache(tmp_path / layer)))
    monkeypatch.delenv("ACME_KEY")
    for audio in (tmp_path / layer).glob("*.audio"):
        audio.write_bytes(b"damaged")
    recordings = AudioCache(tmp_path / "recordings", read_only=True)
    layered = LayeredCache(AudioCache(tmp_path / "cache"), [recordings])
    assert reason(CachedSynthesizer(Keyless(), cache=layered)) == (KEYLESS, HOW)


@pytest.mark.parametrize("mode", ["off", "refresh"])
def test_if_the_cache_was_not_searched_only_the_key_is_missing(tmp_path, mode, monkeypatch):
    cache = AudioCache(tmp_path)
    monkeypatch.setenv("ACME_KEY", "key")
    synthesize(CachedSynthesizer(Keyless(), cache=cache))
    monkeypatch.delenv("ACME_KEY")
    assert reason(CachedSynthesizer(Keyless(), cache=cache, mode=mode)) == (KEYLESS, HOW)


def test_without_a_cache_only_the_key_is_missing():
    assert reason(Keyless()) == (KEYLESS, HOW)


def test_the_cause_comes_last_and_may_be_cut():
    made = credentials_error(
        Exchange(Attempts("acme"), PROMPT), "no token", advice="sign in", cause=ValueError("x" * 500)
    )
    assert made.what.startswith("no token: xxx")
    assert (made.what[-1], made.advice, made.reached) == ("…", "sign in", False)
