"""What a synthesizer is: one method, which every backend has."""

from __future__ import annotations

from typing import Protocol

from .._audio import Audio


class Synthesizer(Protocol):
    """Anything that speaks; nothing to inherit.

    It may also offer ``cache_key_extra`` (a mapping of every setting that shapes its sound to JSON
    values, never a credential) and ``async def aclose(self)``.
    """

    async def synthesize(self, text: str) -> Audio:
        """Speak a text."""
        ...


def check_synthesizer(candidate: object) -> None:
    """Refuse what is no synthesizer.

    Raises:
        TypeError: It has no ``synthesize`` method that takes one text, or is a class.
    """
    if isinstance(candidate, type):
        raise TypeError(f"{candidate.__name__} is a class, not a synthesizer: call it to make one")
    if not callable(getattr(candidate, "synthesize", None)):
        raise TypeError(
            f"{candidate!r:.80} is no synthesizer: it needs a method "
            "`async def synthesize(self, text: str) -> Audio`"
        )
