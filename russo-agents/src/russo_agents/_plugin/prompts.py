"""`RunSynthesizer`: the fixture ``russo_synthesizer``, which is set up when a test says its first text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from russo import Audio, CachedSynthesizer


class RunSynthesizer:
    """Speaks the prompts of a call with ``russo_synthesizer``. A test that says audio only needs no backend.

    Args:
        request: The request of the fixture that opens the call.
    """

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._request = request
        self._synthesizer: CachedSynthesizer | None = None
        self._problem: BaseException | None = None

    def load_for(self, prompt: object) -> None:
        """Set the fixture up if a prompt is text. Must be called in the thread of the test."""
        __tracebackhide__ = True
        if isinstance(prompt, str) and self._synthesizer is None:
            self._synthesizer = self._request.getfixturevalue("russo_synthesizer")

    def load(self) -> None:
        """Set the fixture up now; if that fails, `synthesize` raises the error."""
        try:
            self.load_for("")
        except (Exception, pytest.fail.Exception, pytest.skip.Exception) as error:  # noqa: BLE001 - raised later
            self._problem = error

    async def synthesize(self, text: str) -> Audio:
        """Return the audio of a prompt."""
        __tracebackhide__ = True
        if self._problem is not None:
            raise self._problem
        assert self._synthesizer is not None
        return await self._synthesizer.synthesize(text)
