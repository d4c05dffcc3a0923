"""`make_session`: the pipeline of one call. `prewarm`: what a process loads before its first call."""

from livekit.agents import AgentSession

from .brain import Brain
from .ears import Ears, load_recognizer
from .voice import Voice


def make_session() -> AgentSession:
    """Return a session with ears, brain and voice. LiveKit adds its own voice detection."""
    return AgentSession(
        stt=Ears(),
        llm=Brain(),
        tts=Voice(),
        turn_handling={"turn_detection": "vad"},
        aec_warmup_duration=None,  # the microphone cannot hear the agent, so it hears no echo
    )


def prewarm() -> None:
    """Load the models, which takes half a second. LiveKit's worker does this once per process."""
    load_recognizer()
    Voice().synthesizer.synthesize_sync("Welcome home.")
