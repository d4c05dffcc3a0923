"""Describes the settings of a run: one line that names them, and sentences about settings without effect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from .._foreign import shown, visible
from .._mode import Mode
from .._same_directory import is_same_directory
from .._secret import is_credential
from .._settings import Settings
from .._words import edit_distance
from .options import INI_NAMES, OPTIONS

_PREFIX: Final = "RUSSO_"
_INI_PREFIX: Final = "russo_"
_SHOWN_VALUE: Final = 60
_LONGEST_URL: Final = 200
_ALWAYS_SHOWN: Final = ("voice", "model")
# Settings that no environment variable sets, and where they are set.
_ELSEWHERE: Final = {
    **{name: f"--russo-{name.replace('_', '-')}" for name in (*OPTIONS, "prune_unused", "report")},
    **{
        f"synth_option{end}": "--russo-synth-option or the ini setting russo_synth_options"
        for end in ("", "s")
    },
    "speak_ahead": "the ini setting russo_speak_ahead",
    "remote_write": "--russo-remote-write or RUSSO_REMOTE_WRITE, because every run of the repository uses a "
    "committed setting",
}
_WITH_VARIABLE: Final = ("synth", "cache_mode", "cache_dir", "recordings_dir", "remote", "remote_write")


def describe(
    settings: Settings,
    backends: Iterable[str],
    rootdir: Path,
    used: Sequence[Sequence[Path]] = (),
    remotes: Iterable[str] = (),
) -> str:
    """Return the backend, its voice, the mode, the directories and the shared store of a run.

    Args:
        settings: The settings of the run.
        backends: The backend of the run in words, if it is known.
        rootdir: Paths below it are shown relative to it.
        used: The directories of each cache that the run used, the one that is written last. If there are
            none, the directories of the settings are named.
        remotes: The shared stores of these caches.
    """
    recordings = [] if settings.recordings_dir is None else [settings.recordings_dir]
    layers = used or [[*recordings, settings.cache_dir]]
    places = {
        "cache": [paths[-1] for paths in layers],
        "recordings": [path for paths in layers for path in paths[:-1]],
    }
    named = [
        f"{noun} {listed([shown_path(path, rootdir) for path in dict.fromkeys(paths)])}"
        for noun, paths in places.items()
        if paths and settings.mode is not Mode.OFF
    ]
    return ", ".join(
        [*backends, f"mode {settings.mode}", *named, *(_remotes(remotes) if used else _remote(settings))]
    )


def _remotes(urls: Iterable[str]) -> Iterator[str]:
    if texts := [shown(url, _LONGEST_URL) for url in sorted(urls)]:
        yield f"remote {listed(texts)}"


def _remote(settings: Settings) -> Iterator[str]:
    """Yield the shared store of the settings, and what the run does with it, if it does anything."""
    reads = settings.mode in (Mode.AUTO, Mode.REPLAY)
    writes = settings.remote_write and settings.mode in (Mode.AUTO, Mode.REFRESH)
    uses = [word for word, is_done in (("read", reads), ("write", writes)) if is_done]
    if settings.remote is not None and uses:
        only = " only" if len(uses) == 1 else ""
        yield f"remote {shown(settings.remote, _LONGEST_URL)} ({' and '.join(uses)}{only})"


def describe_backend(name: str, settings: Settings, fields: Mapping[str, object]) -> str:
    """Return the name of a backend, its voice, its model and the given options that are part of the key.

    Args:
        name: The backend.
        settings: The settings of the run.
        fields: The key fields of this backend, as far as they are known. They hold no credentials.
    """
    names = dict.fromkeys((*_ALWAYS_SHOWN, *settings.options_of(name)))
    values = [
        f"{option} {shown(str(fields[option]), _SHOWN_VALUE)}"
        for option in names
        if fields.get(option) is not None and not is_credential(option)
    ]
    listed = f" ({', '.join(values)})" if values else ""
    return f"backend {shown(name)}{listed}"


def shown_path(path: Path, rootdir: Path) -> str:
    """Return a path as messages show it: relative to the rootdir, if it is below."""
    return visible(str(path.relative_to(rootdir) if path.is_relative_to(rootdir) else path))


def listed(texts: Sequence[str]) -> str:
    """Return the first two texts, and how many more there are."""
    more = [f"{len(texts) - 2:,} more"] if len(texts) > 2 else []
    return " and ".join([*texts[:2], *more])


def missing_recordings(settings: Settings, rootdir: Path) -> Iterator[str]:
    """Yield a sentence if the run reads recordings, and their directory does not exist.

    A directory that is also the cache is created by the first entry.
    """
    directory = settings.recordings_dir
    if directory is None or settings.mode is Mode.OFF or is_same_directory(directory, settings.cache_dir):
        return
    try:
        directory.stat()
    except (FileNotFoundError, NotADirectoryError):
        source = settings.sources["recordings_dir"]
        yield f"the recordings directory {shown_path(directory, rootdir)} does not exist ({source})"
    except OSError:  # it may exist: a folder above it may not be searched
        pass


def unread_variables(environment: Mapping[str, str], given_by_others: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for each variable that is not read and is probably a setting of russo.

    Other variables whose names begin with ``RUSSO_`` are the user's own. A value is never shown.

    Args:
        environment: The environment variables; empty ones count as unset.
        given_by_others: The names of settings that companions of russo have added, without ``russo_``.
    """
    others = set(given_by_others) - set(_WITH_VARIABLE) - set(_ELSEWHERE)
    read = [*_WITH_VARIABLE, *sorted(others)]
    for variable in sorted(environment):
        name = variable.removeprefix(_PREFIX).lower()
        if not variable.startswith(_PREFIX) or not environment[variable] or name in read:
            continue
        if instead := _ELSEWHERE.get(name):
            yield f"the variable {shown(variable)} is not read; use {instead}"
        elif near := _meant(name, read):
            yield f"the variable {shown(variable)} is not read; did you mean {_PREFIX}{near.upper()}?"


def unread_ini_names(names: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for each name in the ini-file that is not read and is probably a setting of russo.

    Args:
        names: The names in the ini-file. Those that do not begin with ``russo_`` are not looked at.
    """
    for setting in sorted(names):
        name = setting.removeprefix(_INI_PREFIX)
        if name == setting or name in INI_NAMES:
            continue
        if instead := _ELSEWHERE.get(name):
            yield f"the ini setting {shown(setting)} is not read; use {instead}"
        elif near := _meant(name, INI_NAMES):
            yield f"the ini setting {shown(setting)} is not read; did you mean {_INI_PREFIX}{near}?"


def _meant(name: str, read: Iterable[str]) -> str | None:
    """Return the setting that differs from a name in at most two letters, or that alone has all its words."""
    distances = {known: edit_distance(name, known) for known in read}
    nearest = min(distances, key=distances.__getitem__)
    if distances[nearest] <= 2:
        return nearest
    parts = set(name.split("_"))
    longer = [known for known in distances if parts <= set(known.split("_"))]
    return longer[0] if len(longer) == 1 else None
