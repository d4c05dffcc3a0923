"""``russo backends NAME``: one backend with its options, voices, key, documentation and example lines."""

from __future__ import annotations

import math
import re
import shlex
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from rich.cells import cell_len

from .._backends.descriptions import (
    Option,
    describe_options,
    plain_defaults,
    ranges_of,
    summary_of,
    voices_of,
)
from .._backends.options import Range
from .._foreign import visible
from .._secret import is_credential
from .._settings import options_name
from . import screen
from .backend_states import READY, Backend

_TITLES: Final = ("option", "type", "default", "range or choices")
_INDENT: Final = "    "
_FILE_WIDTH: Final = 10_000
_MOST_VOICES: Final = 1000
_LONGEST_EXAMPLE: Final = 40
_PLACEHOLDER: Final = "VALUE"
_SENTENCE_END: Final = re.compile(r"(?<=[\w)`'\"])\.\s+(?=[A-Z])")


def details_of(backend: Backend) -> dict[str, Any]:
    """Return all that is known about a backend as JSON values."""
    options = _options(backend)
    voices, more = _voices(backend)
    return {
        **backend.to_json(),
        "summary": summary_of(backend.factory),
        "options": [{name: getattr(each, name) for name in Option.__slots__} for each in options],
        "voices": voices,
        "more_voices": more,
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
    if backend.service_url:
        yield from wrapped(f"service: {backend.service_url}", indent="")
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


def _voices(backend: Backend) -> tuple[tuple[str, ...] | None, bool]:
    """Return the voices, at most a thousand, and whether there are more."""
    voices = voices_of(backend.factory, _MOST_VOICES + 1)
    if voices is None or len(voices) <= _MOST_VOICES:
        return voices, False
    return voices[:_MOST_VOICES], True


def _voice_lines(backend: Backend, options: Sequence[Option]) -> Iterator[str]:
    voices, more = _voices(backend)
    if voices is not None:
        end = f", and more; the first {_MOST_VOICES:,} are shown" if more else ""
        yield from wrapped(f"voices: {', '.join(map(_voice_text, voices))}{end}")
    elif any(option.name == "voice" for option in options):
        yield "voices: the backend has no list of them; see the option voice"
    else:
        return
    yield ""


def _voice_text(name: str) -> str:
    """Return the name of a voice for the list, in quotes if it contains a space or a comma."""
    text = visible(name)
    return text if re.fullmatch(r"[^\s,]+", text) else f"'{text}'"


def _examples(backend: Backend, options: Sequence[Option]) -> Iterator[str]:
    """Yield one example for pytest and one for the command, with an option if its value is valid."""
    name = shlex.quote(backend.name)
    given = [
        shlex.quote(f"{options_name(backend.name)}.{option}") for option in _example_options(backend, options)
    ]
    yield f"pytest --russo-synth={name}{''.join(f' --russo-synth-option={each}' for each in given)}"
    yield f'russo say "Hello." --synth {name}{"".join(f" --synth-option {each}" for each in given)}'


def _example_options(backend: Backend, options: Sequence[Option]) -> Iterator[str]:
    """Yield all required options as ``NAME=VALUE``; if there are none, one option with a valid value."""
    if backend.factory is None:
        return
    factory: Any = backend.factory
    ranges, voices = ranges_of(factory), voices_of(factory) or ()
    required = [option for option in options if option.required]
    for option in required:
        values = voices if option.name == "voice" else option.choices
        if option.name in ranges and not ranges[option.name].above:
            values = (str(ranges[option.name].least),)
        yield f"{option.name}={next(filter(_is_plain, values), _PLACEHOLDER)}"
    if not required and (found := _example_option(options, ranges, voices, plain_defaults(factory))):
        yield found


def _example_option(
    options: Sequence[Option],
    ranges: Mapping[str, Range],
    voices: Sequence[str],
    defaults: Mapping[str, str | int | float | bool],
) -> str:
    """Return an option with a valid value as ``NAME=VALUE``; empty if no valid value is known."""
    for option in options:
        default, bounds = defaults.get(option.name), ranges.get(option.name)
        # An option whose range has no upper end is a limit, such as the timeout: a poor example.
        if bounds is not None and math.isfinite(bounds.most) and isinstance(default, (int, float)):
            return f"{option.name}={_other_number(default, bounds)}"
    for option in options:
        others = voices if option.name == "voice" else option.choices
        if other := next((each for each in others if each != option.default and _is_plain(each)), None):
            return f"{option.name}={other}"
    for option in options:
        text = _text_of(defaults.get(option.name, ""))
        if _is_plain(text) and not is_credential(option.name):
            return f"{option.name}={text}"
    return ""


def _is_plain(text: str) -> bool:
    """Return whether a text can be copied from a terminal as it is."""
    return 0 < len(text) <= _LONGEST_EXAMPLE and visible(text) == text


def _other_number(default: float, bounds: Range) -> float:
    """Return a number of the range other than the default: the middle between the default and an end."""
    end = bounds.least if bounds.most == default else bounds.most
    middle = (default + end) / 2
    return int(middle) if isinstance(default, int) else float(f"{middle:.6g}")


def _without_marks(text: str) -> str:
    return text.replace("`", "")


def wrapped(text: str, indent: str = "  ") -> list[str]:
    """Return a text as lines that fit the terminal; names and URLs are not broken."""
    console = screen.console_for(sys.stdout)
    width = console.width if console.is_terminal else _FILE_WIDTH
    return textwrap.wrap(
        visible(text),
        max(width, 20),
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]
