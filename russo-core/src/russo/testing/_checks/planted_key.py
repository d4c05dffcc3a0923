"""A planted credential, and the places that could show it: errors, log records, warnings, output.

A text shows the key if it contains the key itself, the key percent-encoded or in base64 (as in Basic
authorization), or the beginning of the key.
"""

from __future__ import annotations

import base64
import contextlib
import io
import logging
import traceback
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from unittest import mock

from ..._errors import chain_of

PLANTED_KEY: Final = "planted-0f7c1e9ab2d84c6d-key"
_IDENTIFYING_PREFIX: Final = (
    12  # characters: enough to identify the account, and to make guessing the key easier
)

# A value may contain itself.
_DEPTH: Final = 5


def _forms(key: str) -> dict[str, str]:
    """Return the texts that show a key, each with its name in messages."""
    found = {key: "the key", "".join(f"%{letter:02x}" for letter in key.encode()): "the key, percent-encoded"}
    # The base64 form depends on the number of bytes before the key, modulo 3. Its first and last characters
    # also depend on the neighbouring bytes.
    for before in ("", ":", "x:"):
        found[base64.b64encode(f"{before}{key}".encode()).decode()[4:-4]] = "the key in base64"
    return found | {key[:_IDENTIFYING_PREFIX]: "the beginning of the key"}


_FORMS: Final = _forms(PLANTED_KEY)


def key_form_in(text: str) -> str:
    """Return the form in which a text shows the planted key, or an empty string."""
    lower = text.lower()
    return next((name for form, name in _FORMS.items() if form in text or form.lower() in lower), "")


def redacted(text: str) -> str:
    """Return a text, for a message, in which every form of the planted key is replaced."""
    for form in _FORMS:
        text = text.replace(form, "<KEY>")
    return text


def literal(value: object, depth: int = _DEPTH) -> str:
    """Return a value as text; a text inside it is shown even if its ``repr`` is hidden, as in JSON."""
    if isinstance(value, str):
        return str.__str__(value)
    if depth and isinstance(value, Mapping):
        items = ((literal(name), literal(each, depth - 1)) for name, each in value.items())
        return ", ".join(f"{name}: {each}" for name, each in items)
    if depth and isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(literal(each, depth - 1) for each in value)
    return repr(value)


def texts_of_error(error: BaseException) -> Iterator[str]:
    """Yield the texts of an error and of the errors it is chained to: tracebacks, notes, attributes."""
    yield from traceback.format_exception(error)
    for each in chain_of(error):
        yield from (repr(each), str(each), literal(each.args), literal(vars(each)))


@dataclass
class Output:
    """What was printed, warned and logged while something ran.

    Attributes:
        out: The standard output.
        err: The standard error.
        warned: The warnings.
        logged: The log records, with their ``extra``.
    """

    out: str = ""
    err: str = ""
    warned: list[warnings.WarningMessage] = field(default_factory=list)
    logged: list[logging.LogRecord] = field(default_factory=list)

    def texts(self) -> Iterator[str]:
        """Yield all of the output as texts."""
        yield from (self.out, self.err, *(str(each.message) for each in self.warned))
        for record in self.logged:
            yield f"{record.getMessage()} {literal(vars(record))}"
            if record.exc_info and record.exc_info[1] is not None:
                yield from texts_of_error(record.exc_info[1])


@contextlib.contextmanager
def captured_output() -> Iterator[Output]:
    """Capture what is printed, warned and logged in any thread; warnings are not shown and do not raise."""
    output, out, err = Output(), io.StringIO(), io.StringIO()
    handler, root = _RecordKeeper(output.logged), logging.getLogger()
    level, others = root.level, [(other, other.level) for other in root.handlers]
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    for other, least in others:  # the other handlers must not get the additional records
        other.setLevel(max(least, level))
    try:
        with (
            mock.patch.object(logging, "raiseExceptions", False),  # not the backend's fault
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            warnings.catch_warnings(record=True, action="always") as output.warned,
        ):
            yield output
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
        for other, least in others:
            other.setLevel(least)
        output.out, output.err = out.getvalue(), err.getvalue()


class _RecordKeeper(logging.Handler):
    """Appends every record to a list."""

    def __init__(self, records: list[logging.LogRecord]) -> None:
        super().__init__(logging.DEBUG)
        self._records = records

    def emit(self, record: logging.LogRecord) -> None:
        self._records.append(record)
