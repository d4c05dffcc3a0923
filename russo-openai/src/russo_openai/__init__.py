"""Speech for russo by OpenAI, and by every server that speaks ``/v1/audio/speech``."""

from ._synthesizer import OpenAISynthesizer

__all__ = ["OpenAISynthesizer"]
