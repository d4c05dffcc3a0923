"""Gemini speech for russo, by the Gemini API and by Vertex AI."""

from ._synthesizer import GoogleSynthesizer

__all__ = ["GoogleSynthesizer"]
