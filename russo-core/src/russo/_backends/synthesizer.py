"""`Synthesizer`: the protocol that every backend implements."""

from __future__ import annotations

from typing import Protocol

from .._audio import Audio


class Synthesizer(Protocol):
    """An object that turns text into speech; it does not need a base class.

    It may also have ``cache_key_extra`` (a mapping from the name of every setting that shapes its sound to
    a JSON value, never a credential) and ``async def aclose(self)``.
    """

    async def synthesize(self, text: str) -> Audio:
        """Turn a text into speech."""
        ...


def check_synthesizer(candidate: object) -> None:
    """Check that an object is a synthesizer.

    Raises:
        TypeError: It has no ``synthesize`` method, or is a class.
    """
    if isinstance(candidate, type):
        raise TypeError(f"{candidate.__name__} is a class, not a synthesizer: call it to make one")
    if not callable(getattr(candidate, "synthesize", None)):
        raise TypeError(
            f"{candidate!r:.80} is no synthesizer: it needs a method "
            "`async def synthesize(self, text: str) -> Audio`"
        )
