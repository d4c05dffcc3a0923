"""The hooks of russo: for everybody who wants to know what happens to a prompt.

Implement them in a module or object, marked with ``russo.hookimpl``, and register it through the
entry-point group ``russo`` or with ``russo.plugin_manager().register``. In a ``conftest.py`` the same
hooks are plain functions named ``pytest_russo_…``.

Hooks are synchronous and run where the prompt is spoken, so a slow one slows the run. They cannot
alter a key or the audio, and their return values are not used. One that raises is reported with its
plugin's name and silences no other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from ._events import (
        CacheHit,
        CacheMiss,
        EntryDamaged,
        EntryStored,
        StoreFailed,
        SynthesisFinish,
        SynthesisStart,
    )

hookspec = pluggy.HookspecMarker("russo")
hookimpl = pluggy.HookimplMarker("russo")
"""Marks the implementation of a hook, in a plugin's module or object."""


@hookspec
def russo_cache_hit(event: CacheHit) -> None:
    """Audio was replayed instead of synthesized."""


@hookspec
def russo_cache_miss(event: CacheMiss) -> None:
    """Nothing usable is stored for a request; ``event.reason`` says why."""


@hookspec
def russo_synthesis_start(event: SynthesisStart) -> None:
    """A synthesizer is about to be called."""


@hookspec
def russo_synthesis_finish(event: SynthesisFinish) -> None:
    """A synthesizer returned (``event.audio``) or failed (``event.error``)."""


@hookspec
def russo_entry_stored(event: EntryStored) -> None:
    """Audio was written to the cache."""


@hookspec
def russo_entry_damaged(event: EntryDamaged) -> None:
    """What lies under a key is no usable entry; it counts as a miss and the next store heals it."""


@hookspec
def russo_store_failed(event: StoreFailed) -> None:
    """Audio could not be kept; the caller has it all the same."""
