"""What the pytest plugin and the command share: a backend with its options, a cache and recordings.

Both read the same settings, so that `russo record` stores what a test run will look for.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from .._backends.discovery import convert_options, installed_backends, load_backend, load_synthesizer
from .._errors import BackendNotFoundError
from .._foreign import visible
from .._same_directory import is_same_directory
from .._settings import Settings, SettingsError
from .._store.cache import AudioCache
from .._store.layered import Cache, LayeredCache

if TYPE_CHECKING:
    from .._backends.synthesizer import Synthesizer
    from .._remote.remote import RemoteCache


def add_folders(rootdir: Path, folder: Path) -> None:
    """Let ``package.module:factory`` be found in the rootdir and the current folder, after all other places.

    pytest puts the folders of ``conftest.py`` files and of ``pythonpath`` first. So a test run and
    the command search the same places, whether they are started as a program or as ``python -m``.
    """
    for path in (str(rootdir), str(folder)):
        if path not in sys.path:
            sys.path.append(path)


@dataclass(frozen=True, slots=True)
class Workspace:
    """The caches and the backend of one run.

    Attributes:
        settings: Backend, options and directories, with their sources in words.
        cache: The private cache.
        recordings: The recordings, if there are any beside the cache.
        remote: The shared store, if there is one.
        is_recordings: Whether the cache's directory is the directory of the recordings.
    """

    settings: Settings
    cache: AudioCache
    recordings: AudioCache | None
    remote: RemoteCache | None
    is_recordings: bool

    @classmethod
    def of(cls, settings: Settings, *, uses_remote: bool = True, **more: Any) -> Self:
        """Open the caches that the settings name.

        Nothing is written, and of a shared store only its lock file is read.

        Args:
            settings: The settings.
            uses_remote: Whether to use the shared store, if the settings name one.
            more: Values of a subclass.

        Raises:
            SettingsError: The URL of the shared store, or the lock file, is invalid.
        """
        cache, directory = AudioCache(settings.cache_dir), settings.recordings_dir
        is_recordings = directory is not None and is_same_directory(directory, settings.cache_dir)
        is_beside = directory is not None and not is_recordings
        recordings = AudioCache(directory, read_only=True) if is_beside and directory is not None else None
        remote = _remote_of(settings) if uses_remote else None
        return cls(settings, cache, recordings, remote, is_recordings, **more)

    @property
    def layers(self) -> list[tuple[str, AudioCache]]:
        """All caches by their role, in the order in which they are read."""
        recordings = [("recordings", self.recordings)] if self.recordings is not None else []
        return [*recordings, ("cache", self.cache)]

    @property
    def layered(self) -> Cache:
        """The cache as a `CachedSynthesizer` uses it."""
        if self.recordings is None and self.remote is None:
            return self.cache
        recordings = [self.recordings] if self.recordings is not None else []
        return LayeredCache(self.cache, recordings, remote=self.remote)

    def backend(self, option: str) -> str:
        """Return the name of the chosen backend, else of the only one installed.

        Args:
            option: The option that chooses a backend, for the message: ``--russo-synth=``.

        Raises:
            BackendNotFoundError: No backend is installed, or several are and none is chosen.
        """
        if self.settings.synth is not None:
            return self.settings.synth
        installed = list(installed_backends())
        if len(installed) == 1:
            return installed[0]
        if installed:
            message = f"several backends are installed; choose one: {option}{{{','.join(installed)}}}"
        else:
            message = 'no backend is installed; pip install "russo-core[local]" brings one that needs no key'
        raise BackendNotFoundError(message, name="", installed=installed)

    def make_synthesizer(self, name: str) -> Synthesizer:
        """Make a backend's synthesizer with the options of the settings.

        Args:
            name: The backend's name, or ``package.module:factory``.

        Raises:
            BackendNotFoundError: The backend does not exist.
            BackendConfigError: An option does not exist or is invalid.
        """
        return load_synthesizer(name, **self.options(name))

    def options(self, name: str) -> dict[str, Any]:
        """Return the options of a backend, converted by the annotations of its constructor.

        Raises:
            BackendNotFoundError: The backend does not exist.
            BackendConfigError: An option does not exist, or its text is not a value of its type.
        """
        return convert_options(name, load_backend(name), self.settings.options_of(name))


def _remote_of(settings: Settings) -> RemoteCache | None:
    if settings.remote is None:
        return None
    from .._remote.discovery import check_url, folder_of
    from .._remote.remote import RemoteCache  # a run without a shared store does not load it

    url = check_url(settings.remote, settings.sources["remote"])
    if (folder := folder_of(url)) is not None:
        _refuse_own_folder(folder, settings)
    return RemoteCache(url, write=settings.remote_write, lock_file=settings.lock_file)


def _refuse_own_folder(folder: Path, settings: Settings) -> None:
    for directory, noun in ((settings.cache_dir, "the cache"), (settings.recordings_dir, "the recordings")):
        if directory is not None and is_same_directory(folder, directory):
            raise SettingsError(
                f"the shared store is the directory of {noun}, {visible(str(directory))}; choose another "
                f"folder ({settings.sources['remote']})"
            )
