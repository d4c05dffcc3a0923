"""Lines that russo prints in a pytest run. Paths and prompts in them are foreign text."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from .._foreign import visible

if TYPE_CHECKING:
    import pytest


def write_line(config: pytest.Config, text: str) -> None:
    """Print one line through pytest, or to standard output if pytest's terminal plugin is switched off."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write_line(visible(text))
        return
    line = visible(text)
    with contextlib.suppress(OSError, ValueError):  # standard output is closed
        try:
            print(line)  # noqa: T201
        except UnicodeEncodeError:
            print(ascii(line)[1:-1])  # noqa: T201
