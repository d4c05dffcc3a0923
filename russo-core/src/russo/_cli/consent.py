"""Asking for consent before entries are removed, and whether the command can ask."""

from __future__ import annotations

import sys

import click

from . import screen
from .workspace import CommandT


def consent_options(command: CommandT) -> CommandT:
    """Add the options of commands that remove entries."""
    command = click.option("--dry-run", is_flag=True, help="Show what would be removed, and remove nothing.")(
        command
    )
    return click.option("-y", "--yes", is_flag=True, help="Do not ask before removing.")(command)


def ask(question: str, *, yes: bool) -> None:
    """Return if the answer is yes.

    Raises:
        FailedError: The answer is no, or the input ended without an answer.
        RefusedError: Standard input is not a terminal, so the question cannot be asked.
    """
    if yes:
        return
    if not is_terminal():
        raise screen.RefusedError(
            "nothing was removed: russo must ask first, and standard input is not a terminal; "
            "add --yes to remove, or --dry-run to list the entries"
        )
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort as error:
        # click suppresses the cause of the Abort, but keeps its context.
        if isinstance(error.__context__, KeyboardInterrupt):
            raise
        screen.note("")
        agreed = False
    if not agreed:
        raise screen.FailedError("nothing was removed")


def is_terminal() -> bool:
    """Return whether standard input is a terminal, so that the user can answer a question."""
    return sys.stdin is not None and sys.stdin.isatty()
