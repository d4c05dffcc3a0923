"""The backend ``local`` of russo: offline English speech by hibari-tts, with the voice in its wheel."""

from ._synthesizer import LocalSynthesizer

__all__ = ["LocalSynthesizer"]
