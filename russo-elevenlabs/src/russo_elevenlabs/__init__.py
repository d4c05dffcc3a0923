"""The backend ``elevenlabs`` of russo: speech by ElevenLabs."""

from ._synthesizer import ElevenLabsSynthesizer

__all__ = ["ElevenLabsSynthesizer"]
