"""``russo backends NAME``: one backend with its options, voices, key, documentation and example lines."""

from __future__ import annotations

import re
import shlex
import sys
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

from rich.cells import cell_len

from .._backends.descriptions import Option, describe_options, ranges_of, summary_of, voices_of
from .._backends.options import Range
from .._foreign import visible
from .._secret import is_credential
from .._settings import options_name
from . import screen
from .backend_states import READY, Backend

_TITLES: Final = ("option", "type", "default", "range or choices")
_INDENT: Final = "    "
_FILE_WIDTH: Final = 10_000
_SENTENCE_END: Final = re.compile(r"(?<=[\w)`'\"])\.\s+(?=[A-Z])")


def details_of(backend: Backend) -> dict[str, Any]:
    """Return all that is known about a backend as JSON values."""
    options = _options(backend)
    return {
        **backend.to_json(),
        "summary": summary_of(backend.factory),
        "options": [{name: getattr(each, name) for name in Option.__slots__} for each in options],
        "voices": voices_of(backend.factory),
        "examples": list(_examples(backend, options)),
    }


def show_details(backend: Backend) -> None:
    """Print all that is known about a backend."""
    options = _options(backend)
    for line in (*_facts(backend), "", *_option_lines(options), *_voice_lines(backend, options)):
        screen.show(visible(line))
    for line in ("examples:", *_examples(backend, options)):
        screen.show(visible(line))


def _options(backend: Backend) -> list[Option]:
    return [] if backend.factory is None else describe_options(cast("Any", backend.factory))


def _facts(backend: Backend) -> Iterator[str]:
    summary = _without_marks(summary_of(backend.factory))
    yield from wrapped(f"{backend.name}: {summary}" if summary else backend.name, indent="")
    if backend.package:
        yield f"package: {backend.package} {backend.version}".rstrip()
    yield from wrapped(f"state: {backend.state}{f'; {backend.cause}' if backend.cause else ''}")
    yield from wrapped(f"key: {backend.key_words}")
    for option, login in backend.logins.items() if backend.state == READY else ():
        yield from wrapped(f"instead of a key: {login}, with the option {option}")
    yield "documentation:"
    yield backend.documentation
    yield from (line for end in backend.model_ends for line in wrapped(end))


def _option_lines(options: Sequence[Option]) -> Iterator[str]:
    """Yield a table with one line per option, and its meaning below: five columns are wider than 80."""
    if not options:
        return
    rows = [_TITLES, *(tuple(map(visible, _cells(option))) for option in options)]
    widths = [max(map(cell_len, cells)) for cells in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        padded = (cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(padded).rstrip()
        if number and (meaning := options[number - 1].meaning):
            first = _SENTENCE_END.split(_without_marks(meaning), maxsplit=1)[0]
            yield from wrapped(_INDENT + first.removesuffix("."), indent=_INDENT)
    yield ""


def _cells(option: Option) -> tuple[str, str, str, str]:
    default = "(required)" if option.required else _text_of(option.default)
    return option.name, "one of" if option.choices else option.type, default, _range_words(option)


def _range_words(option: Option) -> str:
    return option.range or ", ".join(option.choices)


def _text_of(value: object) -> str:
    """Return a default as users write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def _voice_lines(backend: Backend, options: Sequence[Option]) -> Iterator[str]:
    voices = voices_of(backend.factory)
    if voices is not None:
        yield from wrapped(f"voices: {', '.join(voices)}")
    elif any(option.name == "voice" for option in options):
        yield "voices: the backend has no list of them; see the option voice"
    else:
        return
    yield ""


def _examples(backend: Backend, options: Sequence[Option]) -> Iterator[str]:
    """Yield one line for pytest and one for the command, with an option if one can be chosen."""
    name, option = shlex.quote(backend.name), _example_option(backend, options)
    given = shlex.quote(f"{options_name(backend.name)}.{option}")
    yield f"pytest --russo-synth={name}{f' --russo-synth-option={given}' if option else ''}"
    yield f'russo say "Hello." --synth {name}{f" --synth-option {given}" if option else ""}'


def _example_option(backend: Backend, options: Sequence[Option]) -> str:
    """Return an option that is valid for sure, as ``NAME=VALUE``; empty if there is none."""
    if backend.factory is None:
        return ""
    ranges = ranges_of(cast("Any", backend.factory))
    for option in options:
        if option.name in ranges and not option.required and isinstance(option.default, (int, float)):
            return f"{option.name}={_other_number(option.default, ranges[option.name])}"
    voices = voices_of(backend.factory) or ()
    for option in options:
        others = voices if option.name == "voice" else option.choices
        if other := next((each for each in others if each != option.default), None):
            return f"{option.name}={other}"
    for option in options:
        if option.default is not None and not is_credential(option.name):
            return f"{option.name}={_text_of(option.default)}"
    return ""


def _other_number(default: float, bounds: Range) -> float:
    """Return a number of the range that is not the default: half of the way to an end."""
    end = bounds.most if bounds.most not in (default, float("inf")) else bounds.least
    if end == default:
        return default + 1 if bounds.most > default else default
    middle = (default + end) / 2
    return int(middle) if isinstance(default, int) else float(f"{middle:.6g}")


def _without_marks(text: str) -> str:
    return text.replace("`", "")


def wrapped(text: str, indent: str = "  ") -> list[str]:
    """Return the lines of a text, as wide as the terminal; no name and no URL is broken."""
    console = screen.console_for(sys.stdout)
    width = console.width if console.is_terminal else _FILE_WIDTH
    return textwrap.wrap(
        visible(text),
        max(width, 20),
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]
