"""The backend ``google`` of russo: speech by Gemini, over the Gemini API or Vertex AI."""

from ._synthesizer import GoogleSynthesizer

__all__ = ["GoogleSynthesizer"]
