"""A constructor's options: their names from the signature, and conversion of values from text."""

from __future__ import annotations

import difflib
import inspect
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Union

from .._secret import value_of

_BOOLEANS: Final = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}


def option_types(factory: Callable[..., Any]) -> tuple[dict[str, Any], bool]:
    """Return a factory's keyword options with their annotations, and whether it accepts any name."""
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return {}, True
    try:
        hints = typing.get_type_hints(factory.__init__ if inspect.isclass(factory) else factory)
    except Exception:  # noqa: BLE001 - annotations that do not resolve leave the values as text
        hints = {}
    keywords = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    options = {each.name: hints.get(each.name, str) for each in parameters if each.kind in keywords}
    return options, any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters)


def find_unknown_option(factory: Callable[..., Any], options: Iterable[str]) -> str | None:
    """Return the first unknown option, with a hint and the known options, or ``None``."""
    known, is_open = option_types(factory)
    for option in options:
        if option not in known and not is_open:
            near = difflib.get_close_matches(option, known, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            listed = ", ".join(sorted(known)) or "none"
            return f"{option!r}{hint}; its options are: {listed}"
    return None


def convert_options(factory: Callable[..., Any], texts: Mapping[str, str]) -> dict[str, Any]:
    """Convert options from text, by the annotations of a factory.

    Raises:
        ValueError: A text is not a value of its option's type; the message names both.
    """
    known, _ = option_types(factory)
    values = {}
    for option, text in texts.items():
        try:
            values[option] = _convert(text, known.get(option, str))
        except ValueError as error:
            if shown := value_of(option, text):
                raise ValueError(f"{option}={shown}: {error}") from error
            raise ValueError(f"{option}: {_without(str(error), text)}") from None
    return values


def _without(message: str, text: str) -> str:
    """Return a message without the text of an option, which may be a credential."""
    instead = f"a text of {len(text)} characters"
    return message.replace(repr(text), instead).replace(text, instead) if text else message


def _convert(text: str, kind: Any) -> Any:
    if typing.get_origin(kind) in (Union, types.UnionType):
        return _convert_to_one_of(text, typing.get_args(kind))
    if kind is bool:
        if text.lower() not in _BOOLEANS:
            raise ValueError(f"must be true or false, not {text!r}")
        return _BOOLEANS[text.lower()]
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            raise ValueError(f"must be {'an integer' if kind is int else 'a number'}, not {text!r}") from None
    if kind is str or not isinstance(kind, type) or isinstance(text, kind):
        return text
    try:
        return kind(text)
    except TypeError as error:
        raise ValueError(f"is of type {kind.__name__}, which cannot be made from text: {error}") from error


def _convert_to_one_of(text: str, kinds: tuple[Any, ...]) -> Any:
    if types.NoneType in kinds and text.lower() == "none":
        return None
    # str takes every text, so the other types are tried first.
    for kind in sorted((each for each in kinds if each is not types.NoneType), key=lambda each: each is str):
        try:
            return _convert(text, kind)
        except ValueError as error:
            problem = error
    raise problem
