"""Values that a shell completes. No backend is imported for them; invalid settings give no values."""

from __future__ import annotations

import contextlib
import re
from typing import Final

import click
from click.shell_completion import CompletionItem

from .._backends.discovery import installed_backends
from .._errors import RussoError
from .._foreign import shown
from .._settings import SettingsError
from .._store.cache import AudioCache
from .workspace import find_workspace

# Names with other characters could act on the shell.
_PLAIN: Final = re.compile(r"[\w.-]+", re.ASCII)
# If more keys match, their prompts are not read, because the shell waits for the answer.
_MOST_PROMPTS: Final = 100


def backend_names(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of the installed backends that begin with a text."""
    return [name for name in installed_backends() if name.startswith(incomplete) and _PLAIN.fullmatch(name)]


def entry_keys(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the keys that begin with a text, each with its prompt for shells that show it."""
    found: dict[str, AudioCache] = {}
    with contextlib.suppress(click.ClickException, RussoError, SettingsError, OSError):
        workspace = find_workspace(
            cache_dir=context.params.get("cache_dir"), recordings_dir=context.params.get("recordings_dir")
        )
        for _, cache in workspace.layers:
            found.update((key, cache) for key in cache.stored_keys() if key.startswith(incomplete))
    with_prompts = len(found) <= _MOST_PROMPTS
    return [
        CompletionItem(key, help=_prompt(found[key], key) if with_prompts else None) for key in sorted(found)
    ]


def _prompt(cache: AudioCache, key: str) -> str | None:
    meta = cache.describe(key)
    return None if meta is None else shown(meta.get("prompt"), 60)
