"""The declarations of an adapter's author, and how the checks open calls."""

from __future__ import annotations

import contextlib
import inspect
import math
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, ClassVar, Final, TypeVar

import pytest

from russo import Audio

from ..._call.call import Call, open_call
from ..._call.clock import AudioClock
from ..._call.playout import Playout
from ..._call.record import CallRecord
from ..._errors import AgentError, AgentSilentError
from ..._events import Said, Sound, ToolCall, ToolCalled
from ..._protocol import Agent, Line
from ..._turn import Turn
from .expect import expect, refuse
from .running import ADAPTER_EXCEPTIONS, run_within

T = TypeVar("T")

RATE: Final = 16_000
_RUN_SECONDS: Final = 60.0
Prompt = str | Audio
Spoken = dict[str, Audio]

_PROMPTS: Final = ("prompt", "second_prompt", "tool_prompt", "long_prompt", "hang_up_prompt")


def sound_of(seconds: float) -> Audio:
    """Return a prompt without words: a tone between silences of 0.3 s."""
    tone = b"".join(
        round(8000 * math.sin(2 * math.pi * 220 * at / RATE)).to_bytes(2, "little", signed=True)
        for at in range(round(seconds * RATE))
    )
    silence = bytes(2 * round(0.3 * RATE))
    return Audio(silence + tone + silence, "pcm", RATE)


class ContractBase:
    """Holds the declarations of `AgentContract` and the tools of its checks."""

    prompt: ClassVar[Prompt] = sound_of(0.6)
    reply: ClassVar[str] = ""
    heard: ClassVar[str] = ""
    second_prompt: ClassVar[Prompt] = sound_of(1.2)
    second_reply: ClassVar[str] = ""
    tool_prompt: ClassVar[Prompt | None] = None
    tool_calls: ClassVar[list[ToolCall]] = []
    long_prompt: ClassVar[Prompt | None] = None
    hang_up_prompt: ClassVar[Prompt | None] = None
    greets: ClassVar[bool] = False
    real_time: ClassVar[bool] = False
    simultaneous: ClassVar[bool] = True
    sdk: ClassVar[tuple[str, ...]] = ()
    patience: ClassVar[float] = 30.0

    @pytest.fixture
    def agent(self) -> Agent:
        """Return a new agent; the author must override this fixture."""
        pytest.fail(
            f"{type(self).__name__} has no fixture `agent`, which returns a new agent, such as "
            "`AcmeAgent(url)`",
            pytrace=False,
        )

    @pytest.fixture
    def spoken(self, request: pytest.FixtureRequest) -> Spoken:
        """Return the audio of each prompt by its name; ``russo_say`` speaks texts."""
        prompts = {name: getattr(self, name) for name in _PROMPTS if getattr(self, name) is not None}
        return {
            name: prompt if isinstance(prompt, Audio) else request.getfixturevalue("russo_say")(prompt)
            for name, prompt in prompts.items()
        }

    @property
    def pace(self) -> float:
        """The pace of the calls: as fast as possible, if the agent allows it."""
        return 1.0 if self.real_time else 0.0

    def run(self, script: Callable[[], Coroutine[Any, Any, T]], what: str = "a call ends") -> T:
        """Return what a script returns, in a new event loop; see `run_within`."""
        return run_within(_RUN_SECONDS + 4 * self.patience, script, what)

    @contextlib.asynccontextmanager
    async def line(self, agent: Agent) -> AsyncIterator[Line]:
        """Open a line without the driver, and close it."""
        context: Any = agent.connect(Playout(AudioClock(self.pace)))
        if inspect.iscoroutine(context):
            context.close()
        is_right = hasattr(context, "__aenter__") and hasattr(context, "__aexit__")
        expect(
            is_right, "`connect(playout)` returns an async context manager", type(context).__name__, _CONNECT
        )
        try:
            async with context as line:
                yield line
        except ADAPTER_EXCEPTIONS as error:
            refuse("a line opens, and closes before a prompt", error, _STAGES["opens"])

    @contextlib.asynccontextmanager
    async def call(self, agent: Agent, pace: float | None = None) -> AsyncIterator[Call]:
        """Open a call, and hear the greeting. A line that does not open or close fails the test."""
        record: CallRecord | None = None
        stage = "opens"
        try:
            async with open_call(
                agent, pace=self.pace if pace is None else pace, timeout=self.patience
            ) as call:
                record = call.record
                try:
                    if self.greets:
                        await self.answered(call, call.hear(), "a silent caller (`greets` is True)")
                    yield call
                except AgentError as error:
                    refuse("a call goes on until a side hangs up", error, _GOES_ON, record)
                finally:
                    stage = "closes"
        except AgentError as error:
            refuse(f"a line {stage} without an error", error, _STAGES[stage], record)
        check_closed(record)

    async def say(self, call: Call, spoken: Spoken, name: str) -> Turn:
        """Say the prompt that a class attribute holds, and return the turn; see `answered`."""
        return await self.answered(call, call.say(spoken[name]), f"`{name}`")

    async def answered(self, call: Call, turn: Coroutine[Any, Any, Turn], what: str) -> Turn:
        """Return a turn that has an answer; fail the test if there is none."""
        try:
            found = await turn
        except AgentSilentError as error:
            refuse(f"the agent answers {what} and ends its turn", error, _NO_END, call.record)
        except AgentError as error:
            refuse(f"the agent answers {what}", error, "see the error", call.record)
        expect(
            any(isinstance(event, Said | Sound | ToolCalled) for event in found.events),
            f"the agent answers {what} with words, sound or a tool call",
            f"a turn with the events {list(found.events)!r:.200}",
            "yield the answer before TurnEnded(), or choose a prompt that the agent answers",
            call.record,
        )
        return found


_STAGES: Final = {
    "opens": "`connect` must open the line within `patience` seconds, and raise only if that is impossible",
    "closes": "stop what is going on in a `finally` of `connect`, and do not raise there",
}
_GOES_ON: Final = "`events()` may end or raise only if the other side hangs up or fails"
_CONNECT: Final = (
    "write `connect(self, playout)` as an async generator with one `yield line`, "
    "and decorate it with contextlib.asynccontextmanager"
)
_NO_END: Final = (
    "yield TurnEnded() when the agent's turn is over, also after a turn without sound; or set `ends_turns` "
    "to False"
)


def check_closed(record: CallRecord | None) -> None:
    """Fail the test if the driver had to abandon a line."""
    problems = [] if record is None else record.problems
    expect(
        not problems,
        "a line closes at once",
        "; ".join(problems),
        "do not wait for the other side without a limit when the context manager of `connect` is left",
        record,
    )
