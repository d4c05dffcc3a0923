"""Read the options and voices of a backend's class, in words for users.

The class belongs to another package, so each part of it may be missing, malformed, or raise an error when it
is read. What cannot be read is left out.
"""

from __future__ import annotations

import contextlib
import enum
import inspect
import math
import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Literal, Union

from .._foreign import shown
from .._secret import is_credential
from .options import Range
from .redaction import redact

_KEYWORDS: Final = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_WORDS: Final[Mapping[object, str]] = {bool: "yes or no", int: "whole number", float: "number", str: "text"}
_MOST_VOICES: Final = 1000
_LONGEST_URL: Final = 500
# The value of the HTTP header Authorization.
_SCHEME: Final = re.compile(r"\b(Bearer|Basic) \S", re.IGNORECASE)
# Python refuses to write numbers of thousands of digits.
_BIG: Final = 1 << 64
# An option and its meaning in the section Args of a docstring: `name: Meaning.`, or `name (type): Meaning.`
_ARGUMENT: Final = re.compile(r"\*{0,2}(\w+)(?: \([^)]*\))?:(?: |$)(.*)")


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a backend.

    Attributes:
        name: The name.
        type: The type in words.
        default: The default as a JSON value; the default of a credential is not shown.
        required: Whether it has no default.
        range: The range in words; empty if it is not declared.
        choices: All possible values, if there are only some.
        meaning: The meaning by the docstring; empty if it is not documented.
    """

    name: str
    type: str
    default: object
    required: bool
    range: str
    choices: tuple[str, ...]
    meaning: str


def describe_options(factory: Callable[..., Any]) -> list[Option]:
    """Return the options of a backend, in the order of its constructor."""
    try:
        parameters = inspect.signature(factory).parameters.values()
    except Exception:  # noqa: BLE001 - __signature__ of a foreign class may be anything
        return []
    annotations, meanings = _annotations(factory), _meanings(factory)
    return [
        _describe(each, annotations.get(each.name, str), meanings.get(each.name, ""))
        for each in parameters
        if each.kind in _KEYWORDS
    ]


def range_of(annotation: object) -> Range | None:
    """Return the `Range` in an annotation, also if it is inside a union."""
    for each in getattr(annotation, "__metadata__", ()):
        if isinstance(each, Range):
            return each
    inside = [range_of(each) for each in typing.get_args(annotation) if not isinstance(each, str)]
    return next((each for each in inside if each is not None), None)


def ranges_of(factory: Callable[..., Any]) -> dict[str, Range]:
    """Return the ranges that a constructor's annotations declare, by option."""
    found = {name: range_of(annotation) for name, annotation in _annotations(factory).items()}
    return {name: each for name, each in found.items() if each is not None}


def plain_defaults(factory: Callable[..., Any]) -> dict[str, str | int | float | bool]:
    """Return the defaults that users could write as text on a command line, by option."""
    try:
        parameters = inspect.signature(factory).parameters.values()
    except Exception:  # noqa: BLE001 - __signature__ of a foreign class may be anything
        return {}
    defaults = {each.name: each.default for each in parameters}
    return {name: default for name, default in defaults.items() if _is_plain(name, default)}


def _is_plain(name: str, default: object) -> bool:
    """Return whether a default is text or a number, and shown as it is."""
    return type(default) in (str, int, float, bool) and default != "" and _as_json(name, default) == default


def service_url_of(factory: object) -> str:
    """Return the web address in the class attribute ``service_url``; empty if there is none."""
    with contextlib.suppress(Exception):  # a property of a foreign class may raise anything
        url = getattr(factory, "service_url", None)
        is_url = isinstance(url, str) and re.fullmatch(r"https?://[!-~]+", url) is not None
        if isinstance(url, str) and is_url and len(url) <= _LONGEST_URL and redact(url) == url:
            return url
    return ""


def voices_of(factory: object, most: int = _MOST_VOICES) -> tuple[str, ...] | None:
    """Return the voices in the class attribute ``voices``; ``None`` if it is missing or has another form.

    Args:
        factory: Makes the backend.
        most: How many are returned at most.
    """
    try:
        voices = getattr(factory, "voices", None)
        if isinstance(voices, (str, bytes)) or voices is None:
            return None
        names = tuple(islice(voices, most))
    except Exception:  # noqa: BLE001 - a property of a foreign class may raise anything
        return None
    return names if names and all(isinstance(name, str) for name in names) else None


def logins_of(factory: object) -> dict[str, str]:
    """Return the options that replace a backend's key by another login, and this login in words.

    They are in the class attribute ``logins``; malformed ones are left out.
    """
    with contextlib.suppress(Exception):
        declared = getattr(factory, "logins", None)
        if isinstance(declared, Mapping):
            return {str(name): text for name, text in declared.items() if isinstance(text, str)}
    return {}


def summary_of(factory: object) -> str:
    """Return the first line of a docstring; empty if there is none."""
    return next((line.strip() for line in _docstring(factory).splitlines() if line.strip()), "")


def _describe(parameter: inspect.Parameter, annotation: object, meaning: str) -> Option:
    bounds = range_of(annotation)
    required = parameter.default is inspect.Parameter.empty
    return Option(
        name=parameter.name,
        type=_type_words(annotation),
        default=None if required else _as_json(parameter.name, parameter.default),
        required=required,
        range="" if bounds is None else str(bounds),
        choices=_choices(annotation),
        meaning=meaning,
    )


def _annotations(factory: Callable[..., Any]) -> dict[str, Any]:
    """Return the annotations of a constructor; none if they do not resolve."""
    with contextlib.suppress(Exception):
        source = factory.__init__ if inspect.isclass(factory) else factory
        return typing.get_type_hints(source, include_extras=True)
    return {}


def _kinds(annotation: object) -> list[Any]:
    """Return the types that a value may have, without ``None`` and without metadata."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _kinds(typing.get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [kind for each in typing.get_args(annotation) for kind in _kinds(each)]
    return [] if annotation is types.NoneType else [annotation]


def _choices(annotation: object) -> tuple[str, ...]:
    """Return all possible values as the command line takes them; none if other values are possible, too."""
    choices: list[str] = []
    for kind in _kinds(annotation):
        if typing.get_origin(kind) is Literal:
            choices += [shown(each) for each in typing.get_args(kind) if each is not None]
        elif inspect.isclass(kind) and issubclass(kind, enum.Enum):
            choices += [shown(each.value) for each in kind]
        else:
            return ()
    return tuple(choices)


def _type_words(annotation: object) -> str:
    if choices := _choices(annotation):
        return f"one of {', '.join(choices)}"
    words = [_WORDS.get(kind) or shown(getattr(kind, "__name__", "text"), 40) for kind in _kinds(annotation)]
    return " or ".join(dict.fromkeys(words)) or "text"


def _as_json(name: str, default: object) -> object:
    if default is not None and is_credential(name):
        return "(hidden)"
    if default is None or (isinstance(default, (bool, int)) and abs(default) < _BIG):
        return default
    if isinstance(default, float):
        return default if math.isfinite(default) else str(default)
    if isinstance(default, enum.Enum):
        default = default.value
    try:
        text = shown(default)
    except Exception:  # noqa: BLE001 - the repr of a foreign object may raise anything
        return f"a {type(default).__name__}"
    # A mapping of headers, for example, or the value of one.
    may_be_credential = not isinstance(default, str) and is_credential(text)
    return "(hidden)" if may_be_credential or _SCHEME.search(text) else redact(text)


def _docstring(factory: object) -> str:
    try:
        text = inspect.getdoc(factory)
    except Exception:  # noqa: BLE001 - __doc__ of a foreign class may be a property that raises
        return ""
    return text if isinstance(text, str) else ""


def _meanings(factory: Callable[..., Any]) -> dict[str, str]:
    """Return the meanings in the section Args of the class, else of its constructor, by option."""
    constructor = getattr(factory, "__init__", None) if inspect.isclass(factory) else None
    found = dict(_arguments(_docstring(factory)))
    return found or dict(_arguments(_docstring(constructor)))


def _arguments(docstring: str) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each argument in the section Args of a docstring."""
    lines = iter(docstring.splitlines())
    if not any(line.strip() in ("Args:", "Arguments:") and not line[:1].isspace() for line in lines):
        return
    name, words, indent = "", list[str](), 0
    for line in lines:
        if line.strip() and not line[0].isspace():
            break
        depth = len(line) - len(line.lstrip())
        match = _ARGUMENT.fullmatch(line.strip())
        if match and (not name or depth <= indent):
            if name:
                yield name, _plain(words)
            name, words, indent = match[1], [match[2]], depth
        else:
            words.append(line.strip())
    if name:
        yield name, _plain(words)


def _plain(words: list[str]) -> str:
    """Return lines as one line without the marks of code."""
    return re.sub(r"`+", "", " ".join(filter(None, words))).strip()
