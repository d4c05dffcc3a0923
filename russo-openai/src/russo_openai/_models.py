"""The names of OpenAI's models and voices that decide which of the two backends can use them."""

from __future__ import annotations

import re
from typing import Final

from russo.authoring import ModelEnd

SPEECH_MODEL: Final = "gpt-4o-mini-tts"
REALTIME_MODEL: Final = "gpt-realtime-2.1-mini"
# OpenAI's own voices, as of November 2026. The Realtime API also takes the ids of custom voices.
REALTIME_VOICES: Final = (
    *("alloy", "ash", "ballad", "cedar", "coral"),
    *("echo", "marin", "sage", "shimmer", "verse"),
)
# Voices of /v1/audio/speech that the Realtime API does not have.
SPEECH_VOICES: Final = frozenset({"fable", "nova", "onyx"})

_GUIDE: Final = "https://developers.openai.com/api/docs/guides/text-to-speech"
_DEPRECATIONS: Final = "https://developers.openai.com/api/docs/deprecations"
SPEECH_ENDS: Final = {
    "gpt-4o-mini-tts": ModelEnd("2027-01-06", _GUIDE),
    "gpt-4o-mini-tts-2025-03-20": ModelEnd("2026-07-23", _DEPRECATIONS),
    "gpt-4o-mini-tts-2025-12-15": ModelEnd("2027-01-06", _GUIDE),
    "tts-1": ModelEnd("2027-01-06", _GUIDE),
    "tts-1-hd": ModelEnd("2027-01-06", _GUIDE),
}
# The docstrings of the openai SDK 3.57 give this date, in this file of its repository.
_SDK: Final = (
    "https://github.com/openai/openai-python/blob/main/src/openai/types/realtime/"
    "realtime_session_create_request.py"
)
REALTIME_ENDS: Final = {
    name: ModelEnd("2027-01-20", _SDK)
    for name in (
        "gpt-realtime",
        "gpt-realtime-2025-08-28",
        "gpt-realtime-mini",
        "gpt-realtime-mini-2025-12-15",
    )
}


def is_speech_model(model: str) -> bool:
    """Return whether OpenAI serves a model on ``/v1/audio/speech`` only."""
    return re.fullmatch(r"tts-1(-.*)?|gpt-[\w.]+(-mini)?-tts(-.*)?", model) is not None


def is_realtime_model(model: str) -> bool:
    """Return whether OpenAI serves a model over the Realtime API only."""
    return re.fullmatch(r"gpt-realtime(-.*)?", model) is not None
