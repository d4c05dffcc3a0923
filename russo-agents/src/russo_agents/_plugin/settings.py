"""`RunSettings`: the settings of russo-agents for one pytest run, by russo's precedence."""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, cast

import pytest

from russo import plugins

from .._errors import AgentConfigError
from .._loading import agents, convert_options, load_agent_from_texts

if TYPE_CHECKING:
    from .._protocol import Agent

Keep = Literal["failed", "all", "none"]

_KEEPS: Final = ("failed", "all", "none")
_DEFAULT_TIMEOUT: Final = 30.0


@dataclass(frozen=True, slots=True)
class RunSettings:
    """The settings of a run.

    Attributes:
        agent: The chosen agent, or ``None`` if no setting chooses one.
        source: Where the name of the agent comes from, in words.
        pace: 1 is real time; 0 is as fast as the agent listens.
        timeout: Seconds without a sign of the agent.
        keep: Which calls are written to ``.russo_calls``.
    """

    agent: str | None
    source: str
    pace: float
    timeout: float
    keep: Keep


_SETTINGS: Final = pytest.StashKey[RunSettings]()


def settings_of(config: pytest.Config) -> RunSettings:
    """Return the settings of a run; the first call reads them.

    Raises:
        pytest.UsageError: A setting is invalid.
    """
    settings = config.stash.get(_SETTINGS, None)
    if settings is None:
        agent = plugins.setting_of(config, "agent")
        settings = config.stash[_SETTINGS] = RunSettings(
            agent=agent.value,
            source=agent.source,
            pace=_number(config, "pace", 1.0, least="0 or more"),
            timeout=_number(config, "agent_timeout", _DEFAULT_TIMEOUT, least="more than 0"),
            keep=_keep(config),
        )
    return settings


def check(config: pytest.Config) -> None:
    """Refuse settings that are invalid, before any test runs.

    Raises:
        pytest.UsageError: An agent does not exist, does not accept its options, or a value is invalid.
    """
    settings = settings_of(config)
    texts = plugins.options_of(config, "agent", settings.agent or "")  # refuses a wrong form
    for option in config.getoption("russo_agent_option"):
        _refuse_unknown(option.partition(".")[0], settings)
    if settings.agent is not None:
        if ":" in settings.agent:
            plugins.add_import_folders(config)
        try:
            convert_options(settings.agent, texts)
        except AgentConfigError as error:
            raise pytest.UsageError(f"{plugins.shown(str(error), 1000)} ({settings.source})") from None


def chosen_agent(config: pytest.Config) -> Agent:
    """Make the agent that the settings choose, else the only one that is installed.

    Raises:
        AgentConfigError: The agent cannot be made.
    """
    __tracebackhide__ = True
    settings = settings_of(config)
    name = settings.agent
    if name is None:
        installed = list(agents().installed())
        if len(installed) != 1:
            raise AgentConfigError(_nothing_chosen(installed))
        (name,) = installed
    return load_agent_from_texts(name, plugins.options_of(config, "agent", name))


def header(config: pytest.Config) -> str:
    """Return the line of pytest's header: the settings that are not the default."""
    settings = settings_of(config)
    words = {
        "agent": f"agent {plugins.shown(settings.agent)}",
        "pace": f"pace {settings.pace:g}",
        "agent_timeout": f"agent timeout {settings.timeout:g} s",
        "keep_calls": f"keep calls {settings.keep}",
    }
    given = [words[name] for name in words if plugins.setting_of(config, name).value is not None]
    return f"russo: {', '.join(given)}" if given else ""


def runs_in_real_time(item: pytest.Item) -> bool:
    """Return whether a test has the marker ``russo_real_time``; fail it if the marker has arguments."""
    mark = item.get_closest_marker("russo_real_time")
    if mark is not None and (mark.args or mark.kwargs):
        given = ", ".join(
            [*map(repr, mark.args), *(f"{name}={value!r}" for name, value in mark.kwargs.items())]
        )
        pytest.fail(
            f"@pytest.mark.russo_real_time takes no argument; it was given ({plugins.shown(given)})",
            pytrace=False,
        )
    return mark is not None


def _nothing_chosen(installed: list[str]) -> str:
    override = "override the fixture russo_agent in conftest.py"
    if not installed:
        return f"no agent: {override}, or set --russo-agent=package.module:factory; no agent is installed"
    names = ",".join(plugins.shown(name) for name in installed)
    return f"several agents are installed; choose one: --russo-agent={{{names}}}, or {override}"


def _number(config: pytest.Config, name: str, default: float, *, least: str) -> float:
    setting = plugins.setting_of(config, name)
    if setting.value is None:
        return default
    try:
        value = float(setting.value)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0 or (value == 0 and least != "0 or more"):
        raise pytest.UsageError(
            f"{_option(name)}={plugins.shown(setting.value)}: it must be a number, {least} ({setting.source})"
        )
    return value


def _keep(config: pytest.Config) -> Keep:
    setting = plugins.setting_of(config, "keep_calls")
    value = (setting.value or "failed").lower()
    if value not in _KEEPS:
        near = difflib.get_close_matches(value, _KEEPS, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise pytest.UsageError(
            f"{_option('keep_calls')}={plugins.shown(setting.value)}: it must be failed, all or none"
            f"{hint} ({setting.source})"
        )
    return cast("Keep", value)


def _option(name: str) -> str:
    return f"--russo-{name.replace('_', '-')}"


def _refuse_unknown(name: str, settings: RunSettings) -> None:
    """Refuse an option of an agent that does not exist, which would have no effect."""
    is_factory = ":" in (settings.agent or "")
    known = [*agents().installed(), *(["custom"] if is_factory else [])]
    if name == settings.agent or name in known:
        return
    near = difflib.get_close_matches(name, known, n=1)
    if name == "custom":
        reason = "the options of custom belong to --russo-agent=package.module:factory, which is not set"
    else:
        reason = f"no agent is named {plugins.shown(name)!r}"
        reason += f"; did you mean {near[0]!r}?" if near else ""
    raise pytest.UsageError(f"--russo-agent-option={plugins.shown(name, 40)}.…: {reason}")
