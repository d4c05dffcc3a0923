"""Speech for russo by espeak-ng, a program that speaks over a hundred languages offline."""

from ._synthesizer import AcmeSynthesizer

__all__ = ["AcmeSynthesizer"]
