"""Checks of cancelled calls: how they end, what they leave behind, and whether later calls work."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Final

from .._server.loopback import LoopbackServer, Reply
from .base import CROWD, SAMPLES, ContractBase, Make, expect_connections_closed, synthesize
from .deadlines import END_SECONDS, child_processes, other_tasks, run_within, wait_until
from .expect import expect
from .reasons import LEFT_BEHIND
from .texts import repeated

# Seconds after which a call is cancelled: before it starts, at its first steps, during its work.
_MOMENTS: Final = (0.0, 0.001, 0.02, 0.1)
_FIRST_STEPS: Final = 0.001


@dataclass(frozen=True, slots=True)
class _Cancelled:
    """How a cancelled call ended.

    Attributes:
        outcome: What the call returned or raised; ``None`` if it had ended before the cancellation.
        seconds: The time from the cancellation to its end.
        tasks: The tasks that still ran afterwards.
    """

    outcome: object
    seconds: float
    tasks: list[str]


class CancellationChecks(ContractBase):
    """Checks calls that are cancelled."""

    def test_cancelled_call_ends_by_cancelled_error(
        self, speaking: Make, server: LoopbackServer | None
    ) -> None:
        """A call that is cancelled at any moment ends at once with ``CancelledError``."""
        for moment in _MOMENTS:
            cancelled = self._cancel(speaking(), server, moment)
            expect(
                cancelled.outcome is None or isinstance(cancelled.outcome, asyncio.CancelledError),
                "a cancelled call raises asyncio.CancelledError",
                cancelled.outcome,
                "asyncio.timeout, task groups and pytest's timeouts rely on this exception",
            )
            expect(
                cancelled.seconds < END_SECONDS,
                "a cancelled call ends at once",
                f"after {cancelled.seconds:.1f} s",
                "a test run that is stopped would hang",
            )

    def test_cancelled_call_leaves_nothing_running(
        self, speaking: Make, server: LoopbackServer | None
    ) -> None:
        """A cancelled call leaves no task, no process and no connection behind."""
        before = child_processes()
        for moment in _MOMENTS:
            left = self._cancel(speaking(), server, moment, patience=END_SECONDS).tasks
            expect(
                not left,
                f"a call that is cancelled after {moment} s leaves no task behind",
                f"{left}",
                LEFT_BEHIND,
            )
        if before is not None:
            ended = wait_until(lambda: not (child_processes() or set()) - before)
            expect(
                ended,
                "a cancelled call leaves no process behind: kill it, and wait for it",
                "one is still running",
                LEFT_BEHIND,
            )
        expect_connections_closed(server, "a cancelled call leaves no connection open", LEFT_BEHIND)

    def test_synthesizer_speaks_after_a_cancelled_call(
        self, speaking: Make, server: LoopbackServer | None
    ) -> None:
        """After calls that are cancelled while they wait or work, the next call works."""
        synthesizer, crowd = speaking(**self.one_at_a_time), 2 if self.one_at_a_time else CROWD
        for moment in _MOMENTS:
            self._cancel(synthesizer, server, moment, calls=crowd if moment == _FIRST_STEPS else 1)
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
        """Cancel calls after ``moment`` seconds and return how the first ended.

        The tasks that the calls leave have ``patience`` seconds to end.
        """
        text = repeated(self.prompt, 40)
        if server is not None:
            server.replies = Reply(fail_at="start", fail_how="hang")

        async def cancel() -> _Cancelled:
            started = [asyncio.ensure_future(synthesize(synthesizer, text)) for _ in range(calls)]
            await asyncio.wait(started, timeout=moment, return_when=asyncio.FIRST_COMPLETED)
            start = time.monotonic()
            cancelled = [call.cancel() for call in started]
            if not any(cancelled):
                return _Cancelled(None, 0.0, [])
            outcomes: list[object] = await asyncio.gather(*started, return_exceptions=True)
            return _Cancelled(outcomes[0], time.monotonic() - start, await other_tasks(patience))

        return run_within(cancel, self.patience + patience, "a cancelled call ends")
