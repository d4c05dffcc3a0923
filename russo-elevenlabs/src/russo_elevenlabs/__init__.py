"""ElevenLabs speech for russo, by the elevenlabs SDK."""

from ._synthesizer import ElevenLabsSynthesizer

__all__ = ["ElevenLabsSynthesizer"]
