"""The backend ``openai`` of russo: speech by OpenAI, or by any server with ``/v1/audio/speech``."""

from ._synthesizer import OpenAISynthesizer

__all__ = ["OpenAISynthesizer"]
