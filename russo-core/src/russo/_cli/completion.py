"""Values that a shell completes. No backend is imported for them."""

from __future__ import annotations

import re
from typing import Final

import click

from .._backends.discovery import installed_backends

# Names with other characters could act on the shell.
_PLAIN: Final = re.compile(r"[\w.-]+", re.ASCII)


def backend_names(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of the installed backends that begin with a text."""
    return [name for name in installed_backends() if name.startswith(incomplete) and _PLAIN.fullmatch(name)]
