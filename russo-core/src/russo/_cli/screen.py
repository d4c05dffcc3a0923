"""Output of the command: safe text, tables, JSON, messages.

Prompts and the messages of services are foreign text. All printed text goes through `visible`, so that
escape sequences, line ends and text directions in it do not act on the terminal.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TextIO, TypeVar

import click
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from .._foreign import visible

T = TypeVar("T")

# In a file, the width is not limited, but long texts are cut to this many characters.
_FILE_TEXT: Final = 120
_NARROWEST: Final = 10
# Spaces between two columns.
GAP: Final = 2


class RefusedError(click.ClickException):
    """The arguments, the configuration or a file are invalid; nothing was done."""

    exit_code = 2


class FailedError(click.ClickException):
    """The command failed."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        title: Its title.
        number: Whether it contains numbers, which are aligned to the right.
        long: Whether it becomes narrower on a narrow terminal.
        fold: Whether a long text is wrapped to the next line; else it is cut.
        width: Its width on a terminal, if it must not depend on the other columns.
    """

    title: str
    number: bool = False
    long: bool = False
    fold: bool = False
    width: int | None = None


def prepare() -> None:
    """Prepare the standard streams: characters that their encoding does not have are printed as escapes.

    A closed stream is replaced: output is discarded, and input is empty.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # Python starts so if the stream is closed
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - until the command ends
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def console_for(stream: TextIO) -> Console:
    """Make a console as wide as the terminal, which prints text without interpreting markup."""
    # Without a terminal, FORCE_COLOR and TTY_COMPATIBLE would make rich break the rows of a table.
    force = None if stream.isatty() else False
    console = Console(file=stream, force_terminal=force, markup=False, highlight=False, emoji=False)
    if console.is_dumb_terminal:  # rich assumes 80 columns for it
        console.size = shutil.get_terminal_size()
    return console


def error_console() -> Console:
    """Make a console on standard error, for progress bars."""
    return console_for(sys.stderr)


def show(part: str | Table) -> None:
    """Print lines or a table to standard output."""
    if isinstance(part, str):
        text = "\n".join(map(visible, part.split("\n")))
    else:
        console = console_for(sys.stdout)
        with console.capture() as captured:
            console.print(part)
        text = "\n".join(line.rstrip() for line in captured.get().splitlines())
    _write(sys.stdout, f"{text}\n")


def show_json(value: Any) -> None:
    """Print a value as JSON in ASCII."""
    _write(sys.stdout, json.dumps(value, indent=2) + "\n")


def note(message: str) -> None:
    """Print a message that is not the result to standard error; its line ends are kept."""
    _write(sys.stderr, "".join(f"{visible(line)}\n" for line in message.split("\n")))


def complain(message: str) -> None:
    """Print an error message to standard error."""
    note(f"russo: {message}")


def show_click_error(error: click.ClickException) -> None:
    """Print an error of click or of a command, with the usage if it is a usage error."""
    if isinstance(error, click.UsageError) and error.ctx is not None:
        if type(error).__name__ == "NoArgsIsHelpError":  # since click 8.2; its message is the help
            _write(sys.stderr, f"{error.ctx.get_help()}\n")
            return
        _write(sys.stderr, f"{error.ctx.get_usage()}\n")
    complain(f"{error.format_message()}{_advice(error)}")


def _advice(error: click.ClickException) -> str:
    """Return how to write an argument that looks like an option, if click took one for an option."""
    if not isinstance(error, click.NoSuchOption) or error.option_name.startswith("--") or error.ctx is None:
        return ""
    if not any(isinstance(each, click.Argument) for each in error.ctx.command.params):
        return ""
    return ' If it is not an option, write "--" before it.'


def os_error_text(error: OSError) -> str:
    """Return the message of a system error, with the file that it names."""
    reason = error.strerror or str(error)
    return (
        f"{visible(os.fsdecode(error.filename))}: {reason}"
        if isinstance(error.filename, (str, bytes))
        else reason
    )


def table(columns: Sequence[Column], rows: Iterable[Sequence[object]]) -> str | Table:
    """Return a table of rows: as wide as the terminal, or with one line per row for a file."""
    cells = [[visible("" if value is None else str(value)) for value in row] for row in rows]
    console = console_for(sys.stdout)
    # If columns that must not be cut are wider than the terminal, the terminal breaks the lines.
    if console.is_terminal and sum((column.width or 0) + GAP for column in columns) - GAP <= console.width:
        return _table_for_terminal(columns, cells)
    return _lines_for_file(columns, cells)


def _table_for_terminal(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> Table:
    """Return a table with one line below the titles; only columns that fold are wrapped."""
    result = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
        show_edge=False,
        show_header=any(column.title for column in columns),
        header_style="bold",
    )
    for column in columns:
        # rich narrows only columns that may wrap. So a long column may wrap even if its texts are cut, and
        # its cells forbid it.
        result.add_column(
            Text(column.title, no_wrap=True, overflow="ellipsis"),
            justify="right" if column.number else "left",
            no_wrap=not column.long,
            width=column.width,
            min_width=_NARROWEST if column.long else None,
            overflow="fold",
        )
    for row in rows:
        cells = zip(columns, row, strict=True)
        result.add_row(
            *(
                Text(text, overflow="fold") if column.fold else Text(text, no_wrap=True, overflow="ellipsis")
                for column, text in cells
            )
        )
    return result


def _lines_for_file(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> str:
    """Return aligned lines. Does not use rich, which takes half a millisecond per row."""
    titles = [column.title for column in columns]
    lines = [titles] if any(titles) else []
    lines += [[_cut(column, text) for column, text in zip(columns, row, strict=True)] for row in rows]
    widths = [max(map(cell_len, texts)) for texts in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(_pad, columns, texts, widths)).rstrip() for texts in lines)


def _cut(column: Column, text: str) -> str:
    most = _FILE_TEXT if column.width is None else column.width
    return text if column.fold or len(text) <= most else text[: most - 1] + "…"


def _pad(column: Column, text: str, width: int) -> str:
    space = " " * (width - cell_len(text))
    return space + text if column.number else text + space


def _write(stream: TextIO, text: str) -> None:
    """Write and flush; after the reader closed the pipe, as ``head`` does, discard all output."""
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        with contextlib.suppress(OSError, ValueError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, stream.fileno())
            os.close(null)


def status(what: str) -> contextlib.AbstractContextManager[object]:
    """Return a context manager that shows on a terminal what the command waits for."""
    console = error_console()
    return console.status(visible(what)) if console.is_terminal else contextlib.nullcontext()


def watched(things: Iterable[T], what: str, total: int | None = None) -> Iterable[T]:
    """Return the things as an iterable that shows a progress bar on a terminal.

    Args:
        things: The things.
        what: What is done with them, in one word.
        total: Their number, if they are not a sequence.
    """
    console = error_console()
    return track(things, what, total, console=console, transient=True, disable=not console.is_terminal)
