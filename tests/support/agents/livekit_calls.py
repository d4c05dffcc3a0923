"""Conversations with `LiveKitAgent`, after which nothing may run."""

import asyncio
import threading

import pytest

from russo_agents import Interrupted, LiveKitAgent, Sound, open_call
from support.agents.livekit_agents import CHARACTERS_PER_SECOND, Home, new_session

LIGHT = "Turn on the kitchen light."
STORY = "Tell me a story."
STOP = "Stop the music."
TALE = "Once upon a time there was a very long tale about a man who went to the sea and did not come back."
SET_LIGHT = ("set_light", {"room": "kitchen", "on": True})
LIMIT = 60


def talk(script, conversation, voice, *, agent=Home, pace=0, timeout=20, vad=True, tts_error=None, **options):
    """Return what an async function of a call returns; the session has scripted models."""

    def make():
        return new_session(script, vad=vad, tts_error=tts_error, **options), agent()

    return converse(LiveKitAgent(make), conversation, voice, pace=pace, timeout=timeout)


def converse(agent, conversation, voice=None, **options):
    """Return what an async function of a call returns, at pace 0 by default."""

    async def main():
        async with asyncio.timeout(LIMIT):
            async with open_call(agent, voice, **{"pace": 0, "timeout": 20, **options}) as call:
                result = await conversation(call)
            assert call.record.problems == []
        await nothing_runs()
        return result

    return asyncio.run(main())


async def nothing_runs():
    """Wait until no task and no thread of a voice detection is left."""
    async with asyncio.timeout(10):
        while asyncio.all_tasks() != {asyncio.current_task()} or voice_detections():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def voice_detections():
    return [thread for thread in threading.enumerate() if thread.name.startswith("inference.vad")]


def kinds(turn):
    """Return the kinds of events of a turn, without sound."""
    return [type(event) for event in turn.events if not isinstance(event, Sound)]


async def barge_in(call):
    pending = await call.say(STORY, wait=False)
    second = await call.say(STOP, over=1.0)
    return await pending.turn(), second


def check_barge_in(first, second):
    assert second.interrupted
    assert 0 < second.stopped_after < 2.5
    assert (second.heard, second.reply) == (STOP, "Stopped.")
    assert kinds(second).count(Interrupted) == 1
    words = first.reply.split()
    assert words == TALE.split()[: len(words)]
    assert first.heard == STORY
    # The words are those of the sound that was played.
    played = first.audio.duration
    assert 1.0 < played < len(TALE) / CHARACTERS_PER_SECOND
    assert len(first.reply) / CHARACTERS_PER_SECOND == pytest.approx(played, abs=0.5)
