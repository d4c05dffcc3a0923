"""The hooks of russo, which report what happens to a prompt.

Implement hooks in a module or object, mark them with ``russo.hookimpl``, and register the module or object
through the entry-point group ``russo`` or with ``russo.plugin_manager().register``. In a ``conftest.py`` the
same hooks are plain functions named ``pytest_russo_…``.

Hooks are synchronous and run in the thread that synthesizes or replays the prompt, so a slow hook slows the
run. They cannot change a key or the audio, and their return values are ignored. If a hook raises, the error
is reported with its plugin's name, and the other hooks are still called.
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
        RemoteLookup,
        RemoteUpload,
        StoreFailed,
        SynthesisFinish,
        SynthesisStart,
    )

hookspec = pluggy.HookspecMarker("russo")
hookimpl = pluggy.HookimplMarker("russo")
"""Mark the implementation of a hook in a plugin's module or object."""


@hookspec
def russo_cache_hit(event: CacheHit) -> None:
    """Audio was replayed instead of synthesized."""


@hookspec
def russo_cache_miss(event: CacheMiss) -> None:
    """No usable audio is stored for a request; ``event.reason`` says why."""


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
    """A stored entry is damaged; it counts as a miss and is overwritten by the next store."""


@hookspec
def russo_store_failed(event: StoreFailed) -> None:
    """Audio could not be stored; the caller still gets it."""


@hookspec
def russo_remote_lookup(event: RemoteLookup) -> None:
    """A shared store was asked for an entry; ``event.outcome`` is the result."""


@hookspec
def russo_remote_upload(event: RemoteUpload) -> None:
    """New audio was given to a shared store. This hook runs in a thread of the uploads."""
