"""The session and the agent that a user's factory makes."""

from __future__ import annotations

from typing import Any

from livekit.agents import Agent, AgentSession
from livekit.agents.llm import RealtimeModel

from ..._errors import AgentConfigError
from ..._protocol import OBSERVABLE


def checked_pair(made: Any) -> tuple[AgentSession[Any], Agent]:
    """Return the session and the agent that a factory made.

    Raises:
        AgentConfigError: They are something else, or the session was started before.
    """
    wanted = "the factory of LiveKitAgent must return (AgentSession, Agent)"
    if not isinstance(made, tuple) or len(made) != 2:
        raise AgentConfigError(f"{wanted}, not {_kind(made)}")
    session, agent = made
    if isinstance(session, Agent) and isinstance(agent, AgentSession):
        raise AgentConfigError(f"{wanted}, not (Agent, AgentSession): swap the two")
    if not isinstance(session, AgentSession) or not isinstance(agent, Agent):
        raise AgentConfigError(f"{wanted}, not ({_kind(session)}, {_kind(agent)})")
    if _was_started(session):
        raise AgentConfigError(
            "the AgentSession was started before; the factory of LiveKitAgent must make a new session "
            "for each call, and must not start the session"
        )
    return session, agent


def _was_started(session: AgentSession[Any]) -> bool:
    try:
        _ = session.current_agent
    except RuntimeError:
        return False
    return True


def observed_by_session(session: AgentSession[Any], agent: Agent) -> frozenset[str]:
    """Return what a line of a session can observe."""
    models = (agent.llm, session.llm)
    model = next((model for model in models if isinstance(model, RealtimeModel)), None)
    is_heard = bool(agent.stt or session.stt) or (model is not None and model.capabilities.user_transcription)
    return OBSERVABLE if is_heard else OBSERVABLE - {"heard"}


def _kind(value: object) -> str:
    return type(value).__name__
