"""What the fixtures ``russo_call`` and ``russo_async_call`` do."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from russo import plugins

from .._call.call import open_call
from .._errors import AgentSilentError
from .._protocol import Agent, is_agent
from .async_agents import async_agent_message, async_fixture_of, is_coroutine_function
from .interrupts import watch_interrupts
from .item_calls import calls_of
from .opened_call import OpenedCall
from .prompts import RunSynthesizer
from .settings import runs_in_real_time, settings_of
from .sync_call import SyncCall

if TYPE_CHECKING:
    from .._call.call import Call
    from .sync_call import OpenCall


def sync_call(request: pytest.FixtureRequest, agent: Agent, counters: plugins.Counters) -> Iterator[SyncCall]:
    """Open a call in russo's own event loop, yield it, and close it."""
    __tracebackhide__ = True
    _refuse_async_test(request)
    _check_agent(request, agent)
    if (place := async_fixture_of(request.config, agent)) is not None:
        _fail(async_agent_message(place))
    timeout = settings_of(request.config).timeout
    wait_for = functools.partial(_wait_for, request.config, timeout)
    synthesizer = RunSynthesizer(request)
    opened = OpenedCall(open_call(agent, synthesizer, pace=_pace(request), timeout=timeout))
    call = wait_for(opened.open())
    calls = calls_of(request.node, counters)
    calls.add(call.record, agent)
    try:
        yield SyncCall(call, wait_for, synthesizer.load_for)
    finally:
        try:
            wait_for(opened.close())
        finally:
            watch_interrupts(request.config).after_close(calls)


def _wait_for(config: pytest.Config, timeout: float, call: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine in russo's event loop, and return its result.

    Raises:
        AgentSilentError: The agent blocks the event loop, so that no timeout of the call can expire.
    """
    __tracebackhide__ = True
    try:
        return plugins.wait_for(config, call, blocked_seconds=timeout)
    except plugins.LoopBlockedError as error:
        message = (
            f"the event loop of the call is blocked for {error.seconds:.0f} s by {error.place}; "
            "async code of an agent must not block: await, or use asyncio.to_thread"
        )
        raise AgentSilentError(message) from None


def async_call(
    request: pytest.FixtureRequest, agent: Agent, counters: plugins.Counters
) -> Iterator[OpenCall]:
    """Yield the function that opens a call in the event loop of the test."""
    __tracebackhide__ = True
    _check_agent(request, agent)
    synthesizer = RunSynthesizer(request)
    # An async fixture russo_synthesizer can be set up only outside of the test's event loop.
    synthesizer.load()
    calls, pace, timeout = (
        calls_of(request.node, counters),
        _pace(request),
        settings_of(request.config).timeout,
    )

    @contextlib.asynccontextmanager
    async def russo_async_call() -> AsyncIterator[Call]:
        __tracebackhide__ = True
        _refuse_other_loops()
        async with open_call(agent, synthesizer, pace=pace, timeout=timeout) as call:
            calls.add(call.record, agent)
            yield call

    yield russo_async_call
    watch_interrupts(request.config).after_close(calls)


def _pace(request: pytest.FixtureRequest) -> float:
    return 1.0 if runs_in_real_time(request.node) else settings_of(request.config).pace


def _refuse_async_test(request: pytest.FixtureRequest) -> None:
    if is_coroutine_function(getattr(request.node, "obj", None)):
        _fail(
            "russo_call blocks, and this test is async: use `async with russo_async_call() as call:` "
            "and `await call.say(…)`"
        )


def _refuse_other_loops() -> None:
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        _fail(
            "russo_async_call needs an asyncio event loop, and this test runs in another one, such as trio; "
            "with anyio, let the fixture anyio_backend return 'asyncio'"
        )


def _check_agent(request: pytest.FixtureRequest, agent: Any) -> None:
    if is_agent(agent):
        return
    if inspect.iscoroutine(agent) or inspect.isasyncgen(agent):
        if inspect.iscoroutine(agent):
            agent.close()
        _fail(
            "the fixture russo_agent is async, and no plugin has run it: write it without async, or, for "
            "async tests with pytest-asyncio in strict mode, with @pytest_asyncio.fixture"
        )
    _fail(
        f"the fixture russo_agent returned {plugins.shown(agent, 80)}, which is not an agent: it has no "
        "method connect(playout); use an adapter such as FunctionAgent"
    )


def _fail(message: str) -> NoReturn:
    __tracebackhide__ = True
    pytest.fail(message, pytrace=False)
