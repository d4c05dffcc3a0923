"""`Synthesizer`: the protocol that every backend implements."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from .._audio import Audio


@runtime_checkable
class Synthesizer(Protocol):
    """An object that turns text into speech; it does not need a base class.

    ``isinstance`` looks for the method ``synthesize`` only.

    It may also have ``cache_key_extra`` (a mapping from the name of every setting that shapes its sound to
    a JSON value, never a credential) and ``async def aclose(self)``. A subclass that changes the sound must
    add to the mapping it inherits, or it replays the audio of its base class::

        @property
        def cache_key_extra(self):
            return {**super().cache_key_extra, "loudness": self.loudness}
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
            f"{candidate!r:.80} is not a synthesizer: it needs a method "
            "`async def synthesize(self, text: str) -> Audio`"
        )
