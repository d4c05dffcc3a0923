"""Prompt files: text, CSV and JSON Lines.

A key depends on the exact prompt, so this module does not trim or fold anything: the file must contain the
prompt of a test letter for letter. Doubtful input is rejected with its line, before any backend call.
"""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .._foreign import visible
from .screen import RefusedError

_COLUMN: Final = "prompt"
_CSV: Final = frozenset({".csv"})
_JSON_LINES: Final = frozenset({".jsonl", ".ndjson"})
_TEXT: Final = frozenset({".txt", ".text", ""})


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt, and the line of the file in which it begins."""

    text: str
    line: int


def read_prompts(path: Path) -> list[Prompt]:
    r"""Read the prompts of a file, in its order, each once.

    Args:
        path: Text (one prompt per line; ``#`` begins a comment, ``\#`` a prompt that begins with ``#``), CSV
            (column ``prompt``) or JSON Lines (strings, or objects with ``prompt``), as its suffix says. Its
            encoding is UTF-8, and blank lines are skipped.

    Raises:
        RefusedError: The file has another type, is invalid or contains no prompt; the message gives the line.
    """
    suffix = path.suffix.lower()
    if suffix not in _CSV | _JSON_LINES | _TEXT:
        name = visible(str(path))
        raise RefusedError(
            f"{name}: prompts are read from .txt, .csv and .jsonl files, not from {visible(suffix)}"
        )
    text = _decode(path, path.read_bytes())
    read = _read_csv if suffix in _CSV else _read_json_lines if suffix in _JSON_LINES else _read_text
    prompts: dict[str, Prompt] = {}
    for prompt in read(path, text):
        prompts.setdefault(prompt.text, prompt)
    if not prompts:
        raise _refusal(path, text.count("\n") + 1, "the file ends without a prompt")
    return list(prompts.values())


def _refusal(path: Path, line: int, what: str) -> RefusedError:
    return RefusedError(f"{visible(str(path))}, line {line}: {what}")


def _decode(path: Path, data: bytes) -> str:
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        what = f"byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise _refusal(path, line, what) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise _refusal(path, line, "a NUL byte; this is not UTF-8 text")
    return text


def _lines(text: str) -> Iterator[Prompt]:
    # Not str.splitlines, which also splits at characters that a prompt may contain.
    for number, line in enumerate(text.split("\n"), 1):
        yield Prompt(line.removesuffix("\r"), number)


def _read_text(path: Path, text: str) -> Iterator[Prompt]:
    for line in _lines(text):
        if line.text.strip() and not line.text.startswith("#"):
            yield Prompt(line.text[1:], line.line) if line.text.startswith(r"\#") else line


def _read_json_lines(path: Path, text: str) -> Iterator[Prompt]:
    for line in _lines(text):
        if not line.text.strip():
            continue
        try:
            value = json.loads(line.text)
        except (ValueError, RecursionError) as error:
            raise _refusal(path, line.line, f"not JSON: {error}") from None
        if isinstance(value, dict):
            _check_columns(path, line.line, list(value))
            value = value[_COLUMN]
        yield _prompt(path, line.line, value)


def _read_csv(path: Path, text: str) -> Iterator[Prompt]:
    rows = _rows(path, text)
    line, names = next(rows, (1, []))
    if not names:
        return
    _check_columns(path, line, names)
    for line, row in rows:
        if len(row) != len(names):
            raise _refusal(
                path, line, f"{len(row)} fields for 1 column; put a prompt with a comma in double quotes"
            )
        yield _prompt(path, line, row[0])


def _rows(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not blank, each with the line in which it begins."""
    reader = csv.reader(_csv_lines(text), strict=True)
    begin = 1
    try:
        for row in reader:
            if any(field.strip() for field in row):
                yield begin, row
            begin = reader.line_num + 1
    except csv.Error as error:
        raise _refusal(path, begin, f"not CSV: {error}") from None


def _csv_lines(text: str) -> Iterator[str]:
    return (f"{line}\n" for line in text.removesuffix("\n").split("\n"))


def _check_columns(path: Path, line: int, names: list[str]) -> None:
    for name in names:
        if name != _COLUMN:
            raise _refusal(
                path,
                line,
                f"unknown column {name!r:.60}; the only column is {_COLUMN!r} (set voice and other options "
                "with --synth-option)",
            )
    if len(names) != 1:
        raise _refusal(path, line, f"{len(names)} columns {_COLUMN!r}; exactly one is needed")


def _prompt(path: Path, line: int, value: object) -> Prompt:
    if not isinstance(value, str):
        raise _refusal(path, line, f"the prompt is {json.dumps(value):.60}, not text")
    if not value.strip():
        raise _refusal(path, line, "the prompt is empty")
    return Prompt(value, line)
