"""The errors of agents: their classes, and what a failing test shows of them."""

import pickle

import pytest

import russo_agents
from russo import RussoError
from russo_agents import AgentError, LatencyError, NotObservedError, Turn

KINDS = [AgentError, *AgentError.__subclasses__()]


def turn(**values):
    return Turn(prompt="Stop.", events=(), audio=None, **{"observes": frozenset({"reply"}), **values})


@pytest.mark.parametrize("kind", KINDS)
def test_module_of_every_class_is_russo_agents(kind):
    assert kind.__module__ == "russo_agents"
    assert getattr(russo_agents, kind.__name__) is kind


def test_every_error_inherits_from_the_error_of_russo():
    assert len(KINDS) == 6
    assert AgentError.__bases__ == (RussoError,)
    assert issubclass(LatencyError, ValueError)


@pytest.mark.parametrize("kind", KINDS)
def test_error_survives_pickling_with_its_turn(kind):
    error = kind("the agent hung up", turn=turn())
    copied = pickle.loads(pickle.dumps(error))
    assert (type(copied), str(copied)) == (kind, "the agent hung up")
    assert copied.turn.prompt == "Stop."


READS = {
    "heard": lambda turn: turn.heard,
    "tool_calls": lambda turn: turn.tool_calls,
    "interrupted": lambda turn: turn.interrupted,
    "stopped_after": lambda turn: turn.stopped_after,
    "latency": lambda turn: turn.latency,
    "called": lambda turn: turn.called("set_light"),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_traceback_of_an_unreadable_field_ends_in_the_test(read):
    with pytest.raises((NotObservedError, LatencyError)) as caught:
        read(turn())
    shown = [entry for entry in caught.traceback if not entry.ishidden(caught)]
    assert {str(entry.path) for entry in shown} == {__file__}
