"""``russo backends``: the installed backends and their states, or one backend with its options."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

import click
from rich.cells import cell_len

from .._backends.discovery import BACKENDS, installed_backends
from .._foreign import visible
from . import screen
from .backend_details import details_of, show_details, wrapped
from .backend_states import Backend, examine, examine_all, examine_path, options_of_folder
from .completion import backend_names
from .screen import Column
from .workspace import find_workspace, json_option, make_importable

_COLUMNS: Final = (
    Column("name"),
    Column("package"),
    Column("version"),
    Column("state"),
    Column("keys", long=True, fold=True),
)
# Between two columns of the table on a terminal.
_GAP: Final = 3


@click.command()
@click.argument("name", required=False, shell_complete=backend_names)
@json_option
def backends(*, name: str | None, as_json: bool) -> None:
    """List the installed backends, or describe the backend NAME.

    NAME may also be a factory, package.module:factory. Shows the names of key variables, and never the keys.
    """
    if name is not None:
        _describe(name, as_json=as_json)
        return
    found = examine_all(options_of_folder())
    if as_json:
        screen.show_json({"backends": [backend.to_json() for backend in found]})
    elif not found:
        screen.note('no backend is installed; pip install "russo-core[local]" brings one that needs no key')
    else:
        _show_list(found)


def _describe(name: str, *, as_json: bool) -> None:
    """Describe one backend; a name that two packages claim is described twice."""
    if ":" in name:
        workspace = find_workspace()
        make_importable(workspace.side)
        found = [examine_path(name, workspace.settings.options)]
    else:
        entries, options = installed_backends().get(name, ()), options_of_folder()
        if not entries:
            BACKENDS.load(name)  # raises the error for an unknown name
        found = [examine(name, options, entries=entries, entry=entry) for entry in entries]
    if as_json:
        screen.show_json({"backends": [details_of(backend) for backend in found]})
        return
    for backend in found:
        show_details(backend)


def _show_list(found: Sequence[Backend]) -> None:
    rows = [(each.name, each.package, each.version, each.state, each.key_words) for each in found]
    if _fits(rows):
        screen.show(screen.table(_COLUMNS, rows))
    else:
        for row in rows:
            for column, cell in zip(_COLUMNS, row, strict=True):
                screen.show(f"{column.title}: {visible(cell)}")
            screen.show("")
    # Below the table, because it does not fit into 80 columns: a URL on two lines cannot be copied.
    lines = [f"{each.name}: documentation: {each.documentation}" for each in found]
    for each in found:
        lines += [f"{each.name}: {text}" for text in (each.cause, *each.model_ends) if text]
    for line in lines:
        screen.show("\n".join(wrapped(line)))


def _fits(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether a table shows every name whole: a terminal would cut or break a longer one."""
    console = screen.console_for(sys.stdout)
    if not console.is_terminal:
        return True
    names = list(zip(*[[visible(cell) for cell in row[:-1]] for row in rows], strict=True))
    width = sum(max(map(cell_len, cells)) + _GAP for cells in names)
    longest = max(cell_len(word) for row in rows for word in visible(row[-1]).split())
    return width + longest <= console.width
