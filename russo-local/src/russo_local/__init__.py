"""Offline English speech for russo, by hibari-tts: the voice is inside the wheel."""

from ._synthesizer import LocalSynthesizer

__all__ = ["LocalSynthesizer"]
