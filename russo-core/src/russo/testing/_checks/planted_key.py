"""A planted credential, and everything that could show it: errors, log records, warnings, output.

A key is shown as it is, percent-encoded, in base64 (as Basic authorization has it), or by its beginning.
"""

from __future__ import annotations

import base64
import contextlib
import io
import logging
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from unittest import mock

from ..._errors import chain_of

PLANTED_KEY: Final = "planted-0f7c1e9ab2d84c6d-key"
_LONG_PREFIX: Final = 12  # characters that are enough to find the account, and to guess on


def _forms(key: str) -> dict[str, str]:
    """Return what shows a key, with what it is called."""
    found = {key: "the key", "".join(f"%{letter:02x}" for letter in key.encode()): "the key, percent-encoded"}
    # In base64 a key looks otherwise behind none, one and two letters; its edges depend on its neighbours.
    for before in ("", ":", "x:"):
        found[base64.b64encode(f"{before}{key}".encode()).decode()[4:-4]] = "the key in base64"
    return found | {key[:_LONG_PREFIX]: "the beginning of the key"}


_FORMS: Final = _forms(PLANTED_KEY)


def shown_in(text: str) -> str:
    """Tell in which form a text shows the planted key; empty where it does not."""
    lower = text.lower()
    return next((name for form, name in _FORMS.items() if form in text or form.lower() in lower), "")


def without_key(text: str) -> str:
    """Return a text in which no form of the planted key is left, for a message."""
    for form in _FORMS:
        text = text.replace(form, "<KEY>")
    return text


def shown_by(error: BaseException) -> Iterator[str]:
    """Yield all that an error, and those that it is chained to, may show: texts, notes, attributes."""
    yield from traceback.format_exception(error)
    for each in chain_of(error):
        yield from (repr(each), str(each), repr(each.args), repr(vars(each)))


@dataclass
class Said:
    """What was said while something ran.

    Attributes:
        out: On the standard output.
        err: On the standard error.
        warned: The warnings.
        logged: The log records, with their ``extra``.
    """

    out: str = ""
    err: str = ""
    warned: list[warnings.WarningMessage] = field(default_factory=list)
    logged: list[logging.LogRecord] = field(default_factory=list)

    def texts(self) -> Iterator[str]:
        """Yield all of it as texts."""
        yield from (self.out, self.err, *(str(each.message) for each in self.warned))
        for record in self.logged:
            yield f"{record.getMessage()} {vars(record)!r}"
            if record.exc_info and record.exc_info[1] is not None:
                yield from shown_by(record.exc_info[1])


@contextlib.contextmanager
def listening() -> Iterator[Said]:
    """Note what is said meanwhile, in any thread, on `Said`; warnings are not shown, and are no errors."""
    said, out, err = Said(), io.StringIO(), io.StringIO()
    handler, root = _Keeping(said.logged), logging.getLogger()
    level, others = root.level, [(other, other.level) for other in root.handlers]
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    for other, least in others:  # they hear what they heard before
        other.setLevel(max(least, level))
    try:
        with (
            mock.patch.object(logging, "raiseExceptions", False),  # a handler's trouble is not the backend's
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            warnings.catch_warnings(record=True, action="always") as said.warned,
        ):
            yield said
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
        for other, least in others:
            other.setLevel(least)
        said.out, said.err = out.getvalue(), err.getvalue()


class _Keeping(logging.Handler):
    """Keeps every record."""

    def __init__(self, records: list[logging.LogRecord]) -> None:
        super().__init__(logging.DEBUG)
        self._records = records

    def emit(self, record: logging.LogRecord) -> None:
        self._records.append(record)
