"""A companion distribution, which uses `russo.plugins`."""

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, TypeGuard, assert_type, cast

import pytest

import russo
from russo import plugins


class Agent(Protocol):
    async def hear(self, audio: russo.Audio) -> str: ...


AGENTS = plugins.EntryPointGroup("acme.agents", noun="agent", product="agent")
TURNS = pytest.StashKey[plugins.Counters]()
SHARED = pytest.StashKey[Path | None]()


def check_agent(candidate: object) -> None:
    if not hasattr(candidate, "hear"):
        raise TypeError("it has no method hear")


def pytest_addoption(parser: pytest.Parser) -> None:
    plugins.add_setting(parser, "agent", metavar="NAME", help="the agent under test", in_ini=True)
    plugins.add_options_setting(parser, "agent", help="option of an agent, such as shop.opens=9")


def pytest_configure(config: pytest.Config) -> None:
    turns = config.stash[TURNS] = plugins.Counters(config, "acme")
    config.stash[SHARED] = plugins.shared_directory(config)
    assert_type(turns.total(), Counter[str])
    plugins.add_summary_lines(config, lambda: [f"acme: {turns.total()['turns']} turns"])


def is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str)


@pytest.fixture
def ask(request: pytest.FixtureRequest, russo_say: russo.Say) -> Callable[[str], str]:
    config = request.config
    setting = plugins.setting_of(config, "agent")
    assert is_text(setting.value)
    texts = plugins.options_of(config, "agent", setting.value)
    assert_type(texts, Mapping[str, str])
    options = AGENTS.convert_options(setting.value, AGENTS.load(setting.value), texts)
    agent = cast("Agent", AGENTS.make(setting.value, options, check_agent))

    def ask(prompt: str) -> str:
        audio = russo_say(prompt)
        reply = plugins.wait_for(config, agent.hear(audio))
        assert_type(reply, str)
        config.stash[TURNS].add("turns")
        section = plugins.ReportSection(
            title="Conversations",
            columns=("who", "said"),
            rows=[("caller", prompt), ("agent", reply)],
            audio=audio,
        )
        plugins.add_report_section(config, section)
        return reply

    return ask
