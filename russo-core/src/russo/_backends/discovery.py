"""Backends by name: one entry point is found, and only that package is imported.

Whatever is wrong with another package's backend is said with its distribution, its entry point and
the real cause, and harms nobody who did not choose it.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, Union

from .._errors import BackendConfigError, BackendNotFoundError
from .synthesizer import Synthesizer, check_synthesizer

GROUP: Final = "russo.synthesizers"
API_VERSION: Final = 1
# Backends that have an extra of russo-core, for the hint when one is not installed.
EXTRAS: Final = ("google", "openai", "elevenlabs", "local")
_WORDS: Final = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}


def load_synthesizer(name: str, **options: Any) -> Synthesizer:
    """Make a synthesizer of the backend registered under a name.

    Args:
        name: The backend's name, or ``package.module:factory`` for one that is not registered.
        **options: The backend's own options.

    Raises:
        BackendNotFoundError: There is no such backend; the message lists what is installed.
        BackendConfigError: An unknown or unusable option, or a backend that cannot be loaded.
    """
    factory = load_backend(name)
    check_options(name, factory, options)
    try:
        synthesizer = factory(**options)
    except (TypeError, ValueError) as error:
        raise BackendConfigError(f"backend {name!r} refuses its options: {error}") from error
    try:
        check_synthesizer(synthesizer)
    except TypeError as error:
        raise BackendConfigError(f"backend {name!r} makes no synthesizer: {error}") from error
    return typing.cast("Synthesizer", synthesizer)


@functools.cache
def installed_backends() -> Mapping[str, tuple[EntryPoint, ...]]:
    """Return the registered entry points by name, sorted; nothing of them is imported.

    The scan reads the metadata of every installed distribution, some milliseconds, once per process.
    """
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, distribution(entry))):
        found[entry.name] = (*found.get(entry.name, ()), entry)
    return types.MappingProxyType(found)


def load_backend(name: str) -> Callable[..., Any]:
    """Import the backend of this name, and no other, and return what makes its synthesizers.

    Raises:
        BackendNotFoundError: There is no such backend.
        BackendConfigError: It cannot be loaded, or is claimed by two packages.
    """
    entry = _path_entry(name) if ":" in name else _entry_of(name)
    place = f"{entry.value!r} of {distribution(entry)}" if ":" not in name else repr(name)
    try:
        factory = entry.load()
    except Exception as error:
        raise BackendConfigError(f"backend {name!r} ({place}) fails to load: {error!r}") from error
    if not callable(factory):
        raise BackendConfigError(f"backend {name!r} ({place}) is {factory!r:.80}, which makes no synthesizer")
    _check_contract(f"backend {name!r} ({place})", getattr(factory, "russo_api", API_VERSION))
    return typing.cast("Callable[..., Any]", factory)


def _check_contract(backend: str, declared: object) -> None:
    if not isinstance(declared, int):
        raise BackendConfigError(
            f"{backend} has russo_api = {declared!r:.40}, which is no number of a plugin contract; "
            f"it must be corrected there: this russo-core has contract {API_VERSION}"
        )
    if declared > API_VERSION:
        raise BackendConfigError(
            f"{backend} is written for plugin contract {declared}, this russo-core has contract "
            f"{API_VERSION}; pip install --upgrade russo-core"
        )


def distribution(entry: EntryPoint) -> str:
    """Name the package that registers an entry point."""
    return entry.dist.name if entry.dist is not None else "an unknown package"


def _path_entry(path: str) -> EntryPoint:
    module, _, attribute = path.partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), *attribute.split("."))):
        raise BackendNotFoundError(
            f"{path!r} names no backend; write package.module:factory",
            name=path,
            installed=list(installed_backends()),
        )
    return EntryPoint(path, path, GROUP)


def _entry_of(name: str) -> EntryPoint:
    installed = installed_backends()
    entries = installed.get(name, ())
    if not entries:
        raise BackendNotFoundError(_not_found(name, list(installed)), name=name, installed=list(installed))
    if len(entries) > 1:
        owners = " and ".join(f"{distribution(entry)} ({entry.value})" for entry in entries)
        raise BackendConfigError(f"the name {name!r} is claimed by {owners}; uninstall one of them")
    return entries[0]


def _not_found(name: str, installed: list[str]) -> str:
    listed = f"installed: {', '.join(installed)}" if installed else "none is installed"
    message = f"no backend is named {name!r}; {listed}"
    if name in EXTRAS:
        return f'{message}; pip install "russo-core[{name}]" brings it'
    near = difflib.get_close_matches(name, [*installed, *EXTRAS], n=1)
    if not near:
        return message
    hint = "" if near[0] in installed else f' (pip install "russo-core[{near[0]}]")'
    return f"{message}; did you mean {near[0]!r}{hint}?"


def api_key_variables(factory: object) -> tuple[str, ...] | None:
    """Return the environment variables that may hold a backend's key, the first that is set wins.

    They stand in the class attribute ``credentials``, a tuple or a list of names.

    Returns:
        ``None`` where it is not stated, or not so.
    """
    names = getattr(factory, "credentials", None)
    if not isinstance(names, (tuple, list)) or not all(isinstance(name, str) for name in names):
        return None
    return tuple(names)


def option_types(factory: Callable[..., Any]) -> tuple[dict[str, Any], bool]:
    """Return a factory's keyword options with their annotations, and whether it takes any name at all."""
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return {}, True
    try:
        hints = typing.get_type_hints(factory.__init__ if inspect.isclass(factory) else factory)
    except Exception:  # noqa: BLE001 - annotations that do not resolve leave the values as they are
        hints = {}
    keywords = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    options = {each.name: hints.get(each.name, str) for each in parameters if each.kind in keywords}
    return options, any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters)


def check_options(name: str, factory: Callable[..., Any], options: Mapping[str, Any]) -> None:
    """Refuse options that the backend does not have.

    Raises:
        BackendConfigError: The message lists those it has.
    """
    known, open_ended = option_types(factory)
    for option in options:
        if option not in known and not open_ended:
            near = difflib.get_close_matches(option, known, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            listed = ", ".join(sorted(known)) or "none"
            raise BackendConfigError(
                f"backend {name!r} has no option {option!r}{hint}; its options are: {listed}"
            )


def convert_options(name: str, factory: Callable[..., Any], texts: Mapping[str, str]) -> dict[str, Any]:
    """Convert options written as text by the annotations of the backend's constructor.

    Raises:
        BackendConfigError: An option that does not exist, or a text that is no value of its type.
    """
    check_options(name, factory, texts)
    known, _ = option_types(factory)
    values = {}
    for option, text in texts.items():
        try:
            values[option] = _convert(text, known.get(option, str))
        except ValueError as error:
            raise BackendConfigError(f"backend {name!r}, option {option}={text!r}: {error}") from error
    return values


def _convert(text: str, kind: Any) -> Any:
    if typing.get_origin(kind) in (Union, types.UnionType):
        choices = typing.get_args(kind)
        if types.NoneType in choices and text.lower() == "none":
            return None
        # str takes everything, so the stricter types are asked first.
        for choice in sorted((c for c in choices if c is not types.NoneType), key=lambda c: c is str):
            try:
                return _convert(text, choice)
            except ValueError as error:
                problem = error
        raise problem
    if kind is bool:
        if text.lower() not in _WORDS:
            raise ValueError(f"must be true or false, not {text!r}")
        return _WORDS[text.lower()]
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
        raise ValueError(f"is of type {kind.__name__}, which cannot be made of text: {error}") from error
