"""`Connection`: opens a line and closes it, in one task of its own.

`connect` may contain timeouts, task groups and anyio, which must be left by the task that entered them. So
one task enters and leaves it, also if other tasks open and close the call.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final, TypeVar

from .._errors import AgentConfigError, AgentError, AgentLostError
from .._protocol import OBSERVABLE, Agent, Line, observed_by, real_time_of

if TYPE_CHECKING:
    from .playout import Playout

_log = logging.getLogger(__name__)
T = TypeVar("T")

CLOSE_SECONDS: Final = 10.0
_CANCEL_SECONDS: Final = 1.0


class Connection:
    """A line of an agent, from `open` to `close`.

    Attributes:
        problem: Why the line could not be closed in time, or ``""``.
    """

    def __init__(self, agent: Agent, playout: Playout) -> None:
        self.problem = ""
        self._agent = agent
        self._playout = playout
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._opened: asyncio.Future[Line] | None = None

    async def open(self, seconds: float) -> Line:
        """Connect, and return the line.

        Args:
            seconds: The longest wait, of wall time.

        Raises:
            AgentLostError: The agent did not connect in time, or failed.
            AgentConfigError: The agent returned something that is not a line.
        """
        self._opened = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._hold(), name="russo: the line")
        either: list[asyncio.Future[Any]] = [self._opened, self._task]
        await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if self._opened.done():
            return self._opened.result()
        if not self._task.done():
            raise AgentLostError(f"the agent did not connect within {seconds:g} s")
        try:
            self._task.result()
        except Exception as error:
            if isinstance(error, (AgentConfigError, AgentLostError)):
                raise
            raise AgentLostError(f"the agent could not be connected: {error!r}") from error
        except asyncio.CancelledError as error:
            raise AgentLostError("the agent could not be connected: its task was cancelled") from error
        raise AgentLostError("the agent could not be connected: connect ended before it opened a line")

    @property
    def has_ended(self) -> bool:
        """Whether the task of the line ended while the call went on."""
        return self._task is not None and self._task.done() and not self._closing.is_set()

    @property
    def failure(self) -> BaseException | None:
        """The error with which the task of the line ended while the call went on, or ``None``."""
        if self._task is None or not self.has_ended:
            return None
        return asyncio.CancelledError() if self._task.cancelled() else self._task.exception()

    async def close(self, *, spent: float = 0.0) -> None:
        """Leave the connection. A line that does not close in time is abandoned, and `problem` says so.

        Args:
            spent: Seconds of the time for closing that are over already.

        Raises:
            AgentLostError: Closing failed.
        """
        task = self._task
        if task is None:
            return
        had_failed = self.failure is not None
        self._closing.set()
        if self._opened is not None and not self._opened.done():
            task.cancel()
        _, running = await asyncio.wait([task], timeout=max(_CANCEL_SECONDS, CLOSE_SECONDS - spent))
        if running:
            task.cancel()
            await asyncio.wait([task], timeout=_CANCEL_SECONDS)
            self.problem = f"closing the line took longer than {CLOSE_SECONDS:g} s; it was abandoned"
            _log.warning("%s", self.problem)
            return
        if task.cancelled() or (error := task.exception()) is None or had_failed:
            return
        if self._opened is not None and self._opened.done():
            self.problem = f"the line could not be closed: {error!r}"
            raise AgentLostError(self.problem) from error

    async def _hold(self) -> None:
        try:
            await self._enter_and_leave()
        except SystemExit as error:  # it would end the event loop
            raise AgentError(f"the agent raised {error!r}") from error

    async def _enter_and_leave(self) -> None:
        context = self._agent.connect(self._playout)
        if not hasattr(context, "__aenter__"):
            if asyncio.iscoroutine(context):
                context.close()
            raise AgentConfigError(
                f"connect of {type(self._agent).__name__} returned {type(context).__name__}; it must return "
                "an async context manager: decorate it with contextlib.asynccontextmanager"
            )
        async with context as line:
            _check_line(line)
            assert self._opened is not None
            if not self._opened.done():
                self._opened.set_result(line)
            await self._closing.wait()


def _check_line(line: Line) -> None:
    """Refuse an object that is not a line."""
    name = type(line).__name__
    missing = [each for each in ("sample_rate", "ends_turns", "send", "events") if not hasattr(line, each)]
    if missing:
        raise AgentConfigError(
            f"connect gave {name}, which is not a line: it has no {' and no '.join(missing)}"
        )
    rate = line.sample_rate
    if type(rate) is not int or rate <= 0 or rate % 50:
        raise AgentConfigError(
            f"{name}.sample_rate is {rate!r}; it must be an integer in Hz that divides into frames of 20 ms, "
            "such as 8000, 16000 or 24000"
        )
    if unknown := observed_by(line) - OBSERVABLE:
        raise AgentConfigError(
            f"{name}.observes has {', '.join(sorted(map(repr, unknown)))}; "
            f"known are {', '.join(sorted(OBSERVABLE))}"
        )


def check_pace(line: Line, pace: float) -> None:
    """Refuse a pace that a line cannot be fed at."""
    if pace != 1 and real_time_of(line):
        raise AgentConfigError(
            f"pace {pace:g} is not possible: {type(line).__name__} is fed in real time; use --russo-pace=1, "
            "or @pytest.mark.russo_real_time for this test"
        )


async def end_tasks(tasks: list[asyncio.Task[Any]], seconds: float) -> list[asyncio.Task[Any]]:
    """Cancel tasks, wait for their end, and return those that still run."""
    for task in tasks:
        task.cancel()
    if not tasks:
        return []
    done, running = await asyncio.wait(tasks, timeout=seconds)
    for task in done:
        if not task.cancelled():
            task.exception()  # it was reported when it happened
    return list(running)


async def despite_cancellation(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, also if the caller is cancelled meanwhile; then the caller is cancelled."""
    task = asyncio.create_task(work, name="russo: closing the call")
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            if task.cancelled():
                break
            cancelled = error  # also if the task ended in the same step of the event loop
        except Exception:  # noqa: BLE001 - raised below
            break
    if cancelled is not None:
        if not task.cancelled():
            task.exception()
        raise cancelled
    return task.result()
