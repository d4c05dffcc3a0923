"""Tests for authors of adapters: `AgentContract` checks an adapter, its author inherits it.

The kit needs pytest only, no asyncio plugin. No other module of russo-agents imports it.
"""

from ._contract import AgentContract as AgentContract

__all__ = ["AgentContract"]
