"""Find the marked prompts that a run will certainly need, so that they can be spoken ahead.

A prompt is certain only if nothing can end its test before ``russo_audio`` is set up. Unknown code may skip
the test or fail: hooks of ``conftest.py`` files and of other plugins, and fixtures that are set up earlier.
If in doubt, a prompt is left out. Then its test synthesizes it, and no backend call is made for unused audio.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable
from typing import Final

import pytest

from .item import marked_prompt

_OWN_FIXTURES: Final = ("russo_audio", "russo_say", "russo_synthesizer", "russo_cache")
_OWN_MODULE: Final = f"{__package__}.pytest_plugin"
# The hooks that run before the fixtures of a test, or set them up.
_EARLIER_HOOKS: Final = (
    "pytest_runtestloop",
    "pytest_runtest_protocol",
    "pytest_runtest_setup",
    "pytest_fixture_setup",
)
# Packages whose hooks and fixtures never skip a test; their code was read to find this out. The last name is
# that of a module of xdist at run time.
_KNOWN: Final = frozenset(
    {
        *(
            "_pytest",
            "russo",
            "anyio",
            "pytest_asyncio",
            "_hypothesis_pytestplugin",
            "pytest_cov",
            "pytest_randomly",
            "pytest_rerunfailures",
            "pytest_timeout",
            "pyfakefs",
        ),
        *("xdist", "__channelexec__"),
    }
)
# The fixtures of russo-agents connect to an agent, which may fail. Its hooks end no test before it is called.
_KNOWN_HOOKS: Final = _KNOWN | {"russo_agents"}
# pytest's fixtures of these names call setup functions of the tests' authors.
_SETUP_FUNCTIONS: Final = ("_xunit_", "_unittest_")


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """The prompts that can be spoken ahead, and the tests whose prompts cannot.

    Attributes:
        prompts: The prompts, each once, in the order of their tests.
        possible: Also the prompts of tests that may end early: a shared store may be asked for them.
        left_out: The tests that use russo but whose prompts are not certain, each with the reason.
    """

    prompts: list[str]
    possible: list[str]
    left_out: list[tuple[str, str]]


def plan(items: Iterable[pytest.Item], *, only_certain: bool) -> Plan:
    """Return the prompts of the selected tests that can be spoken ahead.

    Args:
        items: The tests.
        only_certain: Whether to leave out the tests that unknown code may end early.
    """
    prompts: dict[str, None] = {}
    possible: dict[str, None] = {}
    left_out = []
    for item in items:
        if not set(_OWN_FIXTURES) & set(getattr(item, "fixturenames", ())):
            continue
        reason = _reason_against(item)
        if reason is None:
            possible[marked_prompt(item) or ""] = None
            reason = _reason_for_doubt(item) if only_certain else None
        if reason is None:
            prompts[marked_prompt(item) or ""] = None
        else:
            left_out.append((item.nodeid, reason))
    return Plan(list(prompts), list(possible), left_out)


def may_stop_early(config: pytest.Config) -> bool:
    """Return whether the run may end before its last test, or never sets up fixtures."""
    return any(config.getoption(name, None) for name in ("maxfail", "stepwise", "setupplan"))


def _reason_against(item: pytest.Item) -> str | None:
    names = item.fixturenames  # type: ignore[attr-defined]
    if "russo_audio" not in names:
        return "its prompts are known only when it runs"
    for name in _OWN_FIXTURES:
        if (name in names or name == "russo_cache") and not _is_own(item, name):
            return f"it has a fixture {name} of its own"
    if item.get_closest_marker("skip") or any(_may_skip(mark) for mark in item.iter_markers("skipif")):
        return "it is or may be skipped"
    if any(not mark.kwargs.get("run", True) for mark in item.iter_markers("xfail")):
        return "it is or may be marked as xfail(run=False)"
    if marked_prompt(item) is None:
        return "it has no marker with one prompt"
    return None


def _is_own(item: pytest.Item, name: str) -> bool:
    """Return whether a test gets this fixture from russo.

    pytest does not list ``russo_cache`` for a test, because no fixture has it as an argument.
    """
    definitions = item._fixtureinfo.name2fixturedefs.get(name)  # type: ignore[attr-defined]
    if definitions is None:
        definitions = item.session._fixturemanager.getfixturedefs(name, item)
    return bool(definitions) and definitions[-1].func.__module__ == _OWN_MODULE


def _may_skip(mark: pytest.Mark) -> bool:
    """Return whether a ``skipif`` may be true. A condition that is a string may always be true."""
    conditions = mark.args or (mark.kwargs.get("condition", True),)
    try:
        return any(isinstance(condition, str) or bool(condition) for condition in conditions)
    except Exception:  # noqa: BLE001 - the test itself will report it
        return True


def _reason_for_doubt(item: pytest.Item) -> str | None:
    unittest = sys.modules.get("unittest")
    if unittest is not None and issubclass(getattr(item, "cls", None) or object, unittest.TestCase):
        return "unittest may skip it"
    for name in _EARLIER_HOOKS:
        for implementation in getattr(item.ihook, name).get_hookimpls():
            if _package_of(implementation.function) not in _KNOWN_HOOKS:
                return f"the hook {name} of {implementation.plugin_name} may skip it"
    names = item.fixturenames  # type: ignore[attr-defined]
    for name in names[: names.index("russo_audio")]:
        if name not in _OWN_FIXTURES and not _is_harmless(item, name):
            return f"the fixture {name}, which is set up earlier, may skip it"
    return None


def _is_harmless(item: pytest.Item, name: str) -> bool:
    if name == "request":
        return True
    definitions = item._fixtureinfo.name2fixturedefs.get(name, ())  # type: ignore[attr-defined]
    is_setup_function = any(part in name for part in _SETUP_FUNCTIONS)
    return bool(definitions) and _package_of(definitions[-1].func) in _KNOWN and not is_setup_function


def _package_of(function: object) -> str:
    return str(getattr(function, "__module__", "")).partition(".")[0]
