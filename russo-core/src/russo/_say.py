"""`Say`: the type of the fixture ``russo_say``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ._audio import Audio


class Say(Protocol):
    """The function that the fixture ``russo_say`` returns, to annotate tests and fixtures that use it.

        def test_light(russo_say: russo.Say) -> None:
            assert russo_say("Turn on the light.").duration > 1

    The prompt may be a keyword argument: ``russo_say(text="Turn on the light.")``.
    """

    def __call__(self, text: str) -> Audio:
        """Return the audio of a prompt: replay it, or synthesize and store it.

        Args:
            text: The exact prompt.

        Raises:
            TypeError: ``text`` is not a string.
            RussoError: The prompt is not stored and cannot be synthesized; see `CachedSynthesizer`.
        """
        ...
