"""`load_agent`: agents by name."""

import pytest

from russo import BackendConfigError
from russo_agents import Agent, AgentConfigError, load_agent

MODULE = """
class Shop:
    def __init__(self, *, opens: int = 8, api_key: str = ""):
        self.opens = opens

    def connect(self, playout):
        raise NotImplementedError

class Newer(Shop):
    russo_api = 2

def fails():
    raise RuntimeError("no \\x1b today")

def refuses(*, opens):
    raise ValueError("closed")

def returns_text():
    return "a text"

def returns_class():
    return Shop

async def is_async():
    return Shop()

number = 3
"""


@pytest.fixture(autouse=True)
def module(tmp_path, monkeypatch):
    (tmp_path / "own_agents.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return a function that installs distributions: a name, and its entry points."""
    from russo._backends import entry_points

    def install(**distributions):
        for name, entries in distributions.items():
            info = tmp_path / f"{name}-1.0.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            lines = [f"{entry} = own_agents:{target}\n" for entry, target in entries.items()]
            (info / "entry_points.txt").write_text("[russo.agents]\n" + "".join(lines))
        entry_points.installed_in.cache_clear()

    entry_points.installed_in.cache_clear()
    yield install
    entry_points.installed_in.cache_clear()


def test_installed_agent_is_found_by_its_name(install):
    install(acme={"shop": "Shop"})
    agent = load_agent("shop", opens=9)
    assert isinstance(agent, Agent)
    assert agent.opens == 9


def test_factory_is_found_by_its_path():
    assert load_agent("own_agents:Shop").opens == 8


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("shpo", {}, r"no agent is named 'shpo'; installed: newer, shop; did you mean 'shop'\?"),
        ("newer", {}, "is written for plugin contract 2, this russo-agents has contract 1; pip install --upgrade russo-agents"),
        ("shop", {"open": 9}, r"agent 'shop' has no option 'open' \(did you mean 'opens'\?\); its options are: api_key, opens"),
        ("own_agents:fails", {}, r"agent 'own_agents:fails' cannot be made: RuntimeError: no \\x1b today"),
        ("own_agents:refuses", {"opens": 1}, "agent 'own_agents:refuses' refuses its options: closed"),
        ("own_agents:returns_text", {}, r"agent '.*' cannot be used: it made 'a text', which has no method connect\(playout\)"),
        ("own_agents:returns_class", {}, "cannot be used: it made <class 'own_agents.Shop'>"),
        ("own_agents:is_async", {}, "cannot be used: it is async; make the agent in a plain function"),
        ("own_agents:number", {}, "is 3; it must be a class or a function that makes an agent"),
        ("own_agents:nothing", {}, "cannot be loaded: module 'own_agents' has no attribute 'nothing'"),
        ("no_module:Shop", {}, "cannot be loaded: No module named 'no_module'"),
        ("own agents:Shop", {}, "is not of the form package.module:factory"),
    ],
)  # fmt: skip
def test_agent_that_cannot_be_made_is_an_error_about_agents(install, name, options, message):
    install(acme={"shop": "Shop", "newer": "Newer"})
    with pytest.raises(AgentConfigError, match=message) as caught:
        load_agent(name, **options)
    assert caught.value.__cause__ is not None
    assert "backend" not in str(caught.value)


def test_two_packages_with_one_name_are_an_error(install):
    install(acme={"shop": "Shop"}, other={"shop": "Newer"})
    with pytest.raises(AgentConfigError, match=r"the name 'shop' is claimed by acme \(.*\) and other \(.*\)"):
        load_agent("shop")


def test_cause_of_an_error_is_the_error_of_the_factory():
    with pytest.raises(AgentConfigError) as caught:
        load_agent("own_agents:refuses", opens=1)
    assert isinstance(caught.value.__cause__, ValueError)
    with pytest.raises(AgentConfigError) as caught:
        load_agent("own_agents:returns_text")
    assert not isinstance(caught.value.__cause__, BackendConfigError)
