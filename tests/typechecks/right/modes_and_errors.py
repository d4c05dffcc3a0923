"""Modes as members and as names, and the attributes of the errors."""

import os
from typing import assert_type

import pytest

import russo
from russo import CachedSynthesizer, Mode, ModeName
from russo.testing import FakeSynthesizer

NAMES: list[ModeName] = ["auto", "replay", "refresh", "off"]
FAKE = FakeSynthesizer()

for name in NAMES:
    assert_type(CachedSynthesizer(FAKE, mode=name).mode, Mode)
CachedSynthesizer(FAKE, mode=Mode.REPLAY, enabled=False, cache=None, cache_key_extra=None)
CachedSynthesizer(FAKE, mode="refresh")
CachedSynthesizer(FAKE, mode=None)
CachedSynthesizer(FAKE, mode=Mode.parse(os.environ.get("SPEECH_MODE", "auto")))


def use_for(mode: Mode) -> str:
    match mode:
        case Mode.AUTO | Mode.REFRESH:
            return "record"
        case Mode.REPLAY | Mode.OFF:
            return "replay"


def test_miss(russo_say: russo.Say) -> None:
    with pytest.raises(russo.CacheMissError) as caught:
        russo_say("Never recorded.")
    miss = caught.value
    assert_type((miss.prompt, miss.key, miss.directory), tuple[str, str, str])


def reason(error: russo.RussoError) -> str:
    if isinstance(error, russo.BackendNotFoundError):
        assert_type((error.name, error.installed), tuple[str, list[str]])
    elif isinstance(error, russo.BackendConfigError):
        assert error.args
    elif isinstance(error, russo.BudgetExceededError):
        assert_type((error.prompt, error.limit, error.reached), tuple[str, int, bool])
    elif isinstance(error, russo.NoAudioError):
        assert_type(error.said, str | None)
    elif isinstance(error, russo.SynthesisError):
        assert_type((error.what, error.advice, error.backend, error.prompt), tuple[str, str, str, str])
        assert_type((error.model, error.retry_after), tuple[str | None, float | None])
        assert_type((error.retryable, error.reached), tuple[bool, bool])
    return str(error)


ERRORS: list[type[russo.SynthesisError]] = [
    russo.AuthenticationError,
    russo.QuotaExceededError,
    russo.RateLimitError,
    russo.RequestRejectedError,
    russo.SynthesisTimeoutError,
    russo.TextRejectedError,
]
for kind in ERRORS:
    assert reason(kind("busy", backend="acme", prompt="hello", model=None, retry_after=1.5, reached=False))
