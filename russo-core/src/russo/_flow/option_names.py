"""The backends that options name (``NAME.OPTION=VALUE``): misspelt names, and options without effect."""

from __future__ import annotations

from collections.abc import Iterator

from .._backends.discovery import BACKENDS, installed_backends
from .._foreign import shown
from .._settings import OPTIONS_OF_INI, Settings, SettingsError, options_name
from .._words import edit_distance

_CUSTOM = "custom"


def refuse_misspelt_backends(settings: Settings) -> None:
    """Refuse options of a backend that does not exist.

    An ini-file may serve several machines, so a name there may be a backend that is not installed here. It is
    refused only if one letter, or the order of two neighbouring letters, differs from a name that is known.

    Raises:
        SettingsError: The message names the backend that may be meant.
    """
    for name in _unknown_names(settings):
        source, near = settings.option_sources[name], BACKENDS.nearest(name)
        if source == OPTIONS_OF_INI and (near is None or not _is_misspelt(name, near)):
            continue
        hint = (
            f"did you mean {near!r}?" if near else f"installed: {', '.join(installed_backends()) or 'none'}"
        )
        raise SettingsError(f"no backend is named {shown(repr(name))}; {hint} ({source})")


def options_without_effect(settings: Settings, *, is_replaced: bool = False) -> list[str]:
    """Return a sentence for each backend whose options have no effect in this run.

    Options in the ini-file are for any backend that a run may choose, so of these only the ones whose backend
    is not known are named.

    Args:
        settings: The settings of the run.
        is_replaced: Whether fixtures of the user replace the backend of the settings. They may read options
            of the command line, so none of these is named.
    """
    sources = settings.option_sources
    given = [name for name, source in sources.items() if source != OPTIONS_OF_INI]
    chosen = None if is_replaced else _chosen(settings)
    why = (
        f"the backend is {shown(repr(chosen))}, the only one installed"
        if settings.synth is None
        else f"the chosen backend is {shown(repr(chosen))}"
    )
    used = None if chosen is None else options_name(chosen)
    return [
        *(
            f"{sources[name]}={shown(name)}.… had no effect: {why}"
            for name in given
            if chosen is not None and name != used
        ),
        *(
            f"options of {shown(repr(name))} had no effect: no backend of this name is installed "
            f"({sources[name]})"
            for name in _unknown_names(settings)
            if name not in given
        ),
    ]


def _unknown_names(settings: Settings) -> list[str]:
    if settings.options.keys() <= {_CUSTOM}:
        return []  # so that the installed backends are not searched
    known = {_CUSTOM, *installed_backends(), *BACKENDS.extras}
    return [name for name in settings.options if name not in known]


def _is_misspelt(name: str, near: str) -> bool:
    name = name.lower()
    return len(name) > 3 and (edit_distance(name, near) <= 1 or near in _with_two_letters_swapped(name))


def _with_two_letters_swapped(name: str) -> Iterator[str]:
    for place in range(len(name) - 1):
        yield name[:place] + name[place + 1] + name[place] + name[place + 2 :]


def _chosen(settings: Settings) -> str | None:
    """Return the backend of the run, or ``None`` if it is not known before a test runs."""
    if settings.synth is not None or not settings.options:
        return settings.synth
    installed = list(installed_backends())
    return installed[0] if len(installed) == 1 else None
