"""Forward russo's hooks to the ``pytest_russo_…`` functions of plugins and ``conftest.py`` files."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .. import hookspecs
from .._hooks import call_each
from ..hookspecs import hookimpl
from .item import CURRENT_ITEM

if TYPE_CHECKING:
    import pytest

    from .._events import Event


class HooksBridge:
    """A plugin of russo's own manager that forwards every event to pytest's.

    The functions of a ``conftest.py`` are called for the tests in its folder, as with every hook of pytest.

    Args:
        config: The configuration of the run.
        report: Called with a sentence for each function that raises.
    """

    def __init__(self, config: pytest.Config, report: Callable[[str], None]) -> None:
        @hookimpl
        def forward(event: Event) -> None:
            item = config.stash.get(CURRENT_ITEM, None)
            hooks = config.hook if item is None else item.ihook
            call_each(getattr(hooks, f"pytest_{event.hook}"), event, report)

        for name in vars(hookspecs):
            if name.startswith("russo_"):
                setattr(self, name, forward)
