"""Calling the hooks. Each implementation is called separately: if one raises, the others are still called.

The process has one plugin manager, for installed plugins and for plugins registered by hand. A pytest run
has one more, so that nested runs do not mix.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Callable
from importlib.metadata import EntryPoint, distributions, entry_points
from typing import TYPE_CHECKING, Final

import pluggy

from . import hookspecs
from ._foreign import shown

if TYPE_CHECKING:
    from ._events import Event

_log = logging.getLogger(__name__)

GROUP: Final = "russo"


def make_manager() -> pluggy.PluginManager:
    """Make a plugin manager with russo's hooks and without plugins."""
    manager = pluggy.PluginManager("russo")
    manager.add_hookspecs(hookspecs)
    return manager


@functools.cache
def plugin_manager() -> pluggy.PluginManager:
    """Return the process's plugin manager, with the installed plugins of group ``russo`` loaded.

    A plugin that fails to load is logged with its distribution and cause, and left out.
    """
    manager = make_manager()
    for entry in registered(GROUP):
        try:
            manager.register(entry.load(), name=entry.name)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a broken plugin must not stop russo
            what = shown(_repr(error), 500)
            _log.warning(
                "plugin %r (%s) of %s failed to load: %s", entry.name, entry.value, package_of(entry), what
            )
    return manager


def registered(group: str) -> list[EntryPoint]:
    """Return the entry points of a group; a damaged distribution does not hide those of the others."""
    try:
        return list(entry_points(group=group))
    except Exception as error:  # noqa: BLE001 - one distribution without a name fails for all
        _log.debug("an installed distribution is damaged: %r", error)
    found: dict[tuple[str, str], EntryPoint] = {}
    for distribution in distributions():
        with contextlib.suppress(Exception):
            for entry in distribution.entry_points.select(group=group):
                found.setdefault((entry.name, entry.value), entry)
    return list(found.values())


def package_of(entry: EntryPoint) -> str:
    """Return the name of the distribution that registers an entry point, for messages."""
    name: str | None = None
    with contextlib.suppress(Exception):
        name = entry.dist.name if entry.dist is not None else None
    return name or "an unknown package"


def is_implemented(manager: pluggy.PluginManager, kind: type[Event]) -> bool:
    """Return whether any plugin implements the hook of this kind of event."""
    return bool(getattr(manager.hook, kind.hook).get_hookimpls())


def notify(manager: pluggy.PluginManager, event: Event, report: Callable[[str], None]) -> None:
    """Call every implementation of the event's hook, one by one.

    Args:
        manager: The plugin manager whose plugins are called.
        event: The event; its class names the hook.
        report: Called with a message for each implementation that raises.
    """
    call_each(getattr(manager.hook, event.hook), event, report)


def call_each(caller: pluggy.HookCaller, event: Event, report: Callable[[str], None]) -> None:
    """Call the implementations of one hook, the last registered first, as pluggy does."""
    for implementation in reversed(caller.get_hookimpls()):
        try:
            if implementation.wrapper or implementation.hookwrapper:
                raise TypeError("russo's hooks cannot be wrapped")
            implementation.function(*(event for _ in implementation.argnames))
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - pytest.fail is not an Exception
            what = shown(_repr(error), 500)
            report(f"plugin {shown(implementation.plugin_name)} raised in {caller.name}: {what}")


def _repr(error: BaseException) -> str:
    try:
        return repr(error)
    except Exception:  # noqa: BLE001 - a plugin's __repr__ may raise, too
        return type(error).__name__
