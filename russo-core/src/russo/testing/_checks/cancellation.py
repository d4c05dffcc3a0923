"""Checks of cancelling: how a call ends, what stays behind, what follows."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Final

from .._server.loopback import LoopbackServer, Reply
from .base import SAMPLES, Declared, Make, asked
from .deadlines import ENDING, child_processes, comes_true, others, within
from .expect import expect
from .texts import repeated

# Seconds after which a call is cancelled: before it has begun, at its first steps, amid its work.
_MOMENTS: Final = (0.0, 0.001, 0.02, 0.1)
_AMID: Final = 0.001
_CROWD: Final = 24  # calls that are more than any cap lets in
_LEFT: Final = "tests have loops of their own: what stays behind warns, leaks or pays in somebody else's test"


@dataclass(frozen=True, slots=True)
class _Cancelled:
    """How a call ended that was cancelled: ``outcome`` is ``None`` where it had ended before.

    It took so many ``seconds``, and the tasks in ``left`` went on.
    """

    outcome: object
    seconds: float
    left: list[str]


class CancelChecks(Declared):
    """What holds of calls that are cancelled."""

    def test_cancelled_call_ends_by_cancelled_error(
        self, speaking: Make, server: LoopbackServer | None
    ) -> None:
        """Wherever a call is when it is cancelled, it ends at once by ``CancelledError``."""
        for moment in _MOMENTS:
            cancelled = self._cancel(speaking(), server, moment)
            expect(
                cancelled.outcome is None or isinstance(cancelled.outcome, asyncio.CancelledError),
                "a cancelled call raises asyncio.CancelledError",
                cancelled.outcome,
                "asyncio.timeout, task groups and pytest's own timeouts rely on it",
            )
            expect(
                cancelled.seconds < ENDING,
                "a cancelled call ends at once",
                f"after {cancelled.seconds:.1f} s",
                "a test run that is stopped would hang",
            )

    def test_cancelled_call_leaves_nothing_running(
        self, speaking: Make, server: LoopbackServer | None
    ) -> None:
        """No task, no process and no connection of a cancelled call stays behind."""
        before = child_processes()
        for moment in _MOMENTS:
            left = self._cancel(speaking(), server, moment, patience=ENDING).left
            expect(
                not left, f"a call that is cancelled after {moment} s leaves no task behind", f"{left}", _LEFT
            )
        if before is not None:
            ended = comes_true(lambda: not (child_processes() or set()) - before)
            expect(
                ended,
                "a cancelled call leaves no process behind: kill it, and wait for it",
                "one runs on",
                _LEFT,
            )
        if server is not None:
            expect(server.wait_closed(), "a cancelled call leaves no connection open", "one is open", _LEFT)

    def test_synthesizer_speaks_after_a_cancelled_call(
        self, speaking: Make, server: LoopbackServer | None
    ) -> None:
        """Cancelled calls, waiting or amid their work, take nothing away from those that follow."""
        synthesizer, crowd = speaking(**self.one_at_a_time), 2 if self.one_at_a_time else _CROWD
        for moment in _MOMENTS:
            self._cancel(synthesizer, server, moment, calls=crowd if moment == _AMID else 1)
        if self.service is not None and server is not None:
            server.replies = self.service.good(SAMPLES)
        self.speak(synthesizer, when=f"after cancelled calls, {crowd} of them at once")

    def _cancel(
        self,
        synthesizer: Any,
        server: LoopbackServer | None,
        moment: float,
        *,
        patience: float = 0.0,
        calls: int = 1,
    ) -> _Cancelled:
        """Cancel calls after so many seconds, and tell of the first; have patience with what they leave."""
        text = repeated(self.prompt, 40)
        if server is not None:
            server.replies = Reply(fail_at="start", fail_how="hang")

        async def cancel() -> _Cancelled:
            begun = [asyncio.ensure_future(asked(synthesizer, text)) for _ in range(calls)]
            await asyncio.wait(begun, timeout=moment, return_when=asyncio.FIRST_COMPLETED)
            start = time.monotonic()
            stopped = [call.cancel() for call in begun]
            if not any(stopped):
                return _Cancelled(None, 0.0, [])
            outcomes: list[object] = await asyncio.gather(*begun, return_exceptions=True)
            return _Cancelled(outcomes[0], time.monotonic() - start, await others(patience))

        return within(cancel, self.patience + patience, "a cancelled call ends")
