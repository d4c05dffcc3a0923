"""Many turns with agents that behave at random: no event may reach the wrong turn, and no turn may be flaky."""

import asyncio
import gc
import random
import resource
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from russo_agents import Heard, Interrupted, Said, Sound, ToolCall, ToolCalled, TurnEnded, open_call
from russo_agents._call.turns import Conversation, OpenTurn
from russo_agents._call.voice import Stretch
from support.agents.scripted import RATE, ScriptedAgent, prompt, says, tone

PROMPT = prompt(-0.3, 0.6, -0.47)
TURNS = 1000


class Moody:
    """An agent that answers each utterance by its number, each time in another way."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.count = 0
        self.speaking = None

    def agent(self, turns):
        return ScriptedAgent(*[self.answer] * turns, on_voice=self.on_voice)

    async def answer(self, line):
        number, self.count = self.count, self.count + 1
        chance = self.random.random
        if chance() < 0.5:
            line.emit(Heard(f"heard {number}"))
        await self.think(line)
        if chance() < 0.3:
            line.emit(ToolCalled(ToolCall("tool", {"number": number})))
            await self.think(line)
        if chance() < 0.2:
            line.emit(Said(f"said {number}"), TurnEnded())
            return
        seconds = self.random.randrange(1, 21) / 10
        self.speaking = asyncio.current_task()
        pcm, burst = tone(seconds), self.random.choice([320, 640, 4800, 96000])
        is_streamed = chance() < 0.5
        for start in range(0, len(pcm), burst):
            line.emit(Sound(pcm[start : start + burst], RATE))
            if is_streamed:
                await line.playout.played(burst / 2 / RATE * 0.5)
        line.emit(Said(f"said {number}"))
        rest = line.playout.played_until() - line.playout.now()
        if chance() < 0.7:
            await line.playout.played(max(0.0, rest))
        self.speaking = None
        line.emit(TurnEnded())

    async def think(self, line):
        how = self.random.random()
        if how < 0.3:
            await line.playout.played(self.random.uniform(0.0, 0.5))
        elif how < 0.6:
            for _ in range(self.random.randrange(10)):
                await asyncio.sleep(0)

    def on_voice(self, line):
        async def step():
            if self.speaking is not None and line.playout.now() < line.playout.played_until():
                self.speaking.cancel()
                self.speaking = None
                line.emit(Interrupted())
                if self.random.random() < 0.7:
                    line.emit(TurnEnded())

        return step()


@pytest.mark.parametrize("seed", range(10))
def test_every_turn_has_its_own_answer(seed):
    moody = Moody(seed)

    async def run():
        async with open_call(moody.agent(TURNS // 10), pace=0, timeout=10) as call:
            for number in range(TURNS // 10):
                turn = await call.say(PROMPT)
                assert turn.reply == f"said {number}"
                assert turn.heard in {"", f"heard {number}"}
                assert [each.arguments["number"] for each in turn.tool_calls] in ([], [number])
                assert not turn.interrupted

    asyncio.run(run())


@pytest.mark.parametrize("seed", range(5))
def test_every_interruption_belongs_to_its_prompt(seed):
    moody = Moody(seed)

    async def long(line):
        number, moody.count = moody.count, moody.count + 1
        await moody.think(line)
        line.emit(Heard(f"heard {number}"))
        if number % 2:
            await says(f"said {number}", seconds=0.3)(line)
            return
        moody.speaking = asyncio.current_task()
        line.emit(Sound(tone(6.0), RATE))
        await line.playout.played(6.0)
        line.emit(Said("never interrupted"), TurnEnded())

    async def run():
        agent = ScriptedAgent(*[long] * 60, on_voice=moody.on_voice)
        async with open_call(agent, pace=0, timeout=10) as call:
            for number in range(0, 60, 2):
                pending = await call.say(PROMPT, wait=False)
                over = moody.random.uniform(0.0, 5.0)
                turn = await call.say(PROMPT, over=over)
                assert (turn.interrupted, turn.reply) == (True, f"said {number + 1}")
                assert turn.heard == f"heard {number + 1}"
                cut = await pending.turn()
                assert (cut.interrupted, cut.reply, cut.heard) == (False, "", f"heard {number}")
                assert cut.audio.duration == pytest.approx(over, abs=0.06)

    asyncio.run(run())


def resident_bytes():
    """Return how much memory the process has."""
    gc.collect()
    try:
        pages = Path("/proc/self/statm").read_text().split()[1]
    except OSError:
        pytest.skip("this system does not show how much memory a process has")
    return int(pages) * resource.getpagesize()


def test_memory_of_many_turns_is_bounded():
    async def run():
        agent = ScriptedAgent(*[says("x", seconds=4.0)] * 220)
        sizes = []
        async with open_call(agent, pace=0, timeout=10) as call:
            for number in range(220):
                await call.say(PROMPT)
                if number in {19, 219}:
                    sizes.append(resident_bytes())
        return sizes

    before, after = asyncio.run(run())
    # 200 turns have 1,074 s of sound of both voices, which are 34 MB.
    assert after - before < 8_000_000


EVENTS = st.sampled_from(
    [
        Heard("h"),
        Said("s"),
        Sound(b"\0\x20" * 320, RATE),
        Sound(bytes(640), RATE),
        ToolCalled(ToolCall("f")),
        Interrupted(),
        TurnEnded(),
        "unknown",
        "prompt",
    ]
)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.tuples(EVENTS, st.floats(0.01, 0.8)), max_size=60))
def test_no_order_of_events_breaks_a_conversation(steps):
    conversation, now, turns, noted = Conversation(), 0.0, [], 0
    turns.append(conversation.current)
    for event, seconds in steps:
        now += seconds
        if event == "prompt":
            turns.append(OpenTurn("p", voiced=[Stretch(now, now + 0.5)]))
            conversation.begin(turns[-1])
            now += 0.001
            continue
        is_voiced = isinstance(event, Sound) and any(event.pcm)
        owner = conversation.note(now, event, is_voiced=is_voiced, unplayed=0.5)
        assert owner in turns
        is_kept = bool(owner.events) and owner.events[-1] is event
        assert is_kept or (isinstance(event, Sound) and not is_voiced)
        noted = sum(len(turn.events) for turn in turns)
    assert sum(len(turn.events) for turn in turns) == noted
    for turn in turns:
        assert turn.stopped_after is None or turn.stopped_after >= 0
        assert len(turn.sounds) <= len([event for event in turn.events if isinstance(event, Sound)])
