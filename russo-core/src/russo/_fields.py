"""Fields: the settings that shape a sound, as keys, entries and events hold them.

A request has two mappings: ``own``, which the synthesizer declares, and ``given``, which the user adds.
If a `CachedSynthesizer` wraps another one, its ``own`` is ``{"own": …, "given": …}`` of the inner one. All
code reads such nested mappings with `flatten`, so that the summary, the report and the command agree.
"""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

_SIMPLE: Final = frozenset({str, int, bool, type(None)})
_NESTED: Final = frozenset({"own", "given"})

Fields = Mapping[str, Any]
"""Settings that shape the sound: names to JSON values."""


def plain(fields: Fields | None) -> dict[str, Any] | None:
    """Copy fields into plain dicts and lists, rejecting values that JSON would silently coerce.

    Raises:
        TypeError: A field is not a JSON value, or a name is not a string.
        ValueError: A field is NaN or infinite.
    """
    if fields is None:
        return None
    if not isinstance(fields, Mapping):
        raise TypeError(f"cache_key_extra is {type(fields).__name__}, not a mapping of names to JSON values")
    return {
        _name(name): value if type(value) in _SIMPLE else _plain_value(name, value)
        for name, value in fields.items()
    }


def frozen(fields: Any) -> Any:
    """Copy fields so that a hook cannot change them: mappings become read-only, lists become tuples."""
    if isinstance(fields, Mapping):
        return MappingProxyType({name: frozen(value) for name, value in fields.items()})
    if isinstance(fields, (list, tuple)):
        return tuple(frozen(value) for value in fields)
    return fields


def flatten(fields: Any) -> dict[str, Any]:
    """Return the settings of a request by name, from all nested wrappers.

    If two settings have the same name, the user's replaces the declared one, and that of an outer wrapper
    replaces that of an inner one.

    Args:
        fields: ``{"own": …, "given": …}`` of an event or an entry. Anything else has no settings.
    """
    settings: dict[str, Any] = {}
    if isinstance(fields, Mapping):
        for part in (fields.get("own"), fields.get("given")):
            if isinstance(part, Mapping):
                settings |= flatten(part) if part.keys() == _NESTED else part
    return settings


def backend_of(fields: Any) -> str | None:
    """Return the backend that a request's or an entry's fields name, or ``None``."""
    return _text(flatten(fields).get("backend"))


def speaker_of(fields: Any) -> str | None:
    """Return the backend that the fields name, else the class of the synthesizer, else ``None``."""
    return speaker_in(flatten(fields))


def speaker_in(settings: Mapping[str, Any]) -> str | None:
    """Return what `speaker_of` returns for settings that `flatten` returned."""
    return _text(settings.get("backend", settings.get("class")))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _name(name: Any) -> str:
    # json turns 1, True and None into strings, so two different mappings could get one key.
    if not isinstance(name, str):
        raise TypeError(f"cache_key_extra has the name {name!r}; names are strings")
    return name


def _plain_value(path: str, value: Any) -> Any:
    if value is None or isinstance(value, (str, int)):  # bool is an int
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"cache_key_extra[{path!r}] is {value!r}, which JSON cannot hold")
        return value
    if isinstance(value, Mapping):
        return {_name(name): _plain_value(f"{path}.{name}", inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain_value(path, inner) for inner in value]
    raise TypeError(
        f"cache_key_extra[{path!r}] is {type(value).__name__}; it must be a JSON value: "
        "text, number, true, false, null, list or mapping"
    )
