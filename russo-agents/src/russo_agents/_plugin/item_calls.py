"""`ItemCalls`: the calls of one test."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from .._call.record import CallRecord
    from .._protocol import Agent

_CALLS: Final = pytest.StashKey["ItemCalls"]()


@dataclass(slots=True, eq=False)
class ItemCalls:
    """The calls of one attempt of a test.

    Attributes:
        records: The record of each call, in order.
        agents: The name of each call's agent.
    """

    records: list[CallRecord] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)

    def add(self, record: CallRecord, agent: Agent) -> None:
        """Add a call that was opened."""
        self.records.append(record)
        self.agents.append(f"{type(agent).__module__}.{type(agent).__qualname__}")


def calls_of(item: pytest.Item) -> ItemCalls:
    """Return the calls of a test; the first call of this function creates them."""
    return item.stash.setdefault(_CALLS, ItemCalls())
