"""The backends ``openai`` (Realtime API) and ``openai-speech`` (any server with ``/v1/audio/speech``)."""

from ._realtime import OpenAISynthesizer
from ._speech import OpenAISpeechSynthesizer

__all__ = ["OpenAISpeechSynthesizer", "OpenAISynthesizer"]
