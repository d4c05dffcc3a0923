"""Say a recorded sentence to the user's own voice agent, and assert on what the agent did.

    turn = russo_call.say("Turn on the kitchen light.")
    assert turn.tool_calls == [tool_call("set_light", room="kitchen", on=True)]

Names are imported on first use, so that a test run which does not use an agent does not load this package.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._adapters.function.agent import FunctionAgent as FunctionAgent
    from ._adapters.livekit.agent import LiveKitAgent as LiveKitAgent
    from ._call.call import Call as Call
    from ._call.call import PendingTurn as PendingTurn
    from ._call.call import open_call as open_call
    from ._call.playout import Playout as Playout
    from ._errors import AgentConfigError as AgentConfigError
    from ._errors import AgentError as AgentError
    from ._errors import AgentLostError as AgentLostError
    from ._errors import AgentSilentError as AgentSilentError
    from ._errors import LatencyError as LatencyError
    from ._errors import NotObservedError as NotObservedError
    from ._events import Event as Event
    from ._events import Heard as Heard
    from ._events import Interrupted as Interrupted
    from ._events import Said as Said
    from ._events import Sound as Sound
    from ._events import ToolCall as ToolCall
    from ._events import ToolCalled as ToolCalled
    from ._events import TurnEnded as TurnEnded
    from ._events import tool_call as tool_call
    from ._loading import load_agent as load_agent
    from ._plugin.sync_call import OpenCall as OpenCall
    from ._plugin.sync_call import SyncCall as SyncCall
    from ._plugin.sync_call import SyncPendingTurn as SyncPendingTurn
    from ._protocol import Agent as Agent
    from ._protocol import Line as Line
    from ._turn import Turn as Turn

    __version__: str

else:
    _MODULES = {
        "_adapters.function.agent": "FunctionAgent",
        "_adapters.livekit.agent": "LiveKitAgent",
        "_call.call": "Call PendingTurn open_call",
        "_call.playout": "Playout",
        "_errors": "AgentConfigError AgentError AgentLostError AgentSilentError LatencyError "
        "NotObservedError",
        "_events": "Event Heard Interrupted Said Sound ToolCall ToolCalled TurnEnded tool_call",
        "_loading": "load_agent",
        "_plugin.sync_call": "OpenCall SyncCall SyncPendingTurn",
        "_protocol": "Agent Line",
        "_turn": "Turn",
    }
    _HOMES = {name: module for module, names in _MODULES.items() for name in names.split()}
    __all__ = list(_HOMES)

    def __getattr__(name: str) -> Any:
        if name == "__version__":
            from importlib.metadata import version

            return version("russo-agents")
        if name not in _HOMES:
            raise AttributeError(f"module 'russo_agents' has no attribute {name!r}")
        import importlib

        value = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted([*_HOMES, "__version__"])
