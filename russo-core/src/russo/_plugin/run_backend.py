"""`RunBackend`: the backend of a run, checked at the start, made at its first use, and named for the user."""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from .._backends.discovery import installed_backends, load_backend, load_synthesizer
from .._errors import BackendConfigError, BackendNotFoundError
from .._fields import flatten
from .._flow.option_names import refuse_misspelt_backends
from .._flow.request import declared_fields
from .._mode import Mode
from .._settings import SettingsError
from .fixture_use import PLUGIN_MODULE

if TYPE_CHECKING:
    from .._backends.synthesizer import Synthesizer
    from .._flow.workspace import Workspace
    from .fixture_use import FixtureUse

_log = logging.getLogger(__name__)


class RunBackend:
    """The backend that the settings of a run choose, else the only one installed.

    Args:
        config: The configuration of this process.
        workspace: The settings of the run.
        fixtures: The fixtures that the run uses; they may replace this backend.

    Attributes:
        is_described: Whether pytest's header has shown the settings of the run.
        only_shown: The only installed backend, if pytest's header named it although no setting chooses it.
    """

    def __init__(self, config: pytest.Config, workspace: Workspace, fixtures: FixtureUse) -> None:
        self._config = config
        self._workspace = workspace
        self._settings = workspace.settings
        self._fixtures = fixtures
        self._backend = self._settings.synth
        self._synthesizer: Synthesizer | None = None
        self.is_described = self._names_backend = False
        self.only_shown: str | None = None

    def check(self) -> None:
        """Refuse a backend or an option that does not exist, before any test runs.

        Raises:
            pytest.UsageError: The backend does not exist, or it refuses its options.
        """
        if self._settings.synth is not None:
            self._check_backend(self._settings.synth)
        elif self._settings.options and self._only_backend in self._settings.options:
            self._check_options(self._only_backend)
        try:
            refuse_misspelt_backends(self._settings)
        except SettingsError as error:
            raise pytest.UsageError(str(error)) from None

    def _check_backend(self, name: str) -> None:
        try:
            load_backend(name)
        except (BackendNotFoundError, BackendConfigError) as error:
            raise pytest.UsageError(f"{error} ({self._settings.sources['synth']})") from None
        self._check_options(name)

    def _check_options(self, name: str) -> None:
        try:
            options = self._workspace.options(name)
            if ":" not in name:  # a constructor makes no backend call, but a user's own factory may make one
                self._synthesizer = load_synthesizer(name, **options)
        except BackendConfigError as error:
            raise pytest.UsageError(str(error)) from None
        except Exception as error:  # noqa: BLE001 - the test that needs the synthesizer reports it
            _log.debug("backend %r cannot be made: %r", name, error)

    @functools.cached_property
    def _only_backend(self) -> str:
        """The only installed backend; empty if there are several, or if a ``conftest.py`` replaces it."""
        modules = [each for each in self._config.pluginmanager.get_plugins() if type(each) is ModuleType]
        if any("russo_synthesizer" in vars(each) for each in modules if each.__name__ != PLUGIN_MODULE):
            return ""
        installed = list(installed_backends())
        return installed[0] if len(installed) == 1 else ""

    def header(self) -> str:
        """Return the line of pytest's header: the backend, the mode and the directories of the run."""
        from . import setup

        if self._settings.synth is None and self._only_backend:
            self._backend = self.only_shown = self._only_backend
            if self._synthesizer is None:
                with contextlib.suppress(Exception, SystemExit):  # the test that needs it reports it
                    self._check_options(self._backend)
        backends = self._backend_words()
        self.is_described, self._names_backend = True, bool(backends)
        return f"russo: {setup.describe(self._settings, backends, self._config.rootpath)}"

    def setup_line(self) -> str | None:
        """Return for the summary what pytest's header has not shown, or ``None`` if it has shown all."""
        from . import setup

        backends = self._fixtures.backends or self._backend_words()
        if self.is_described:
            return None if self._names_backend or not backends else ", ".join(backends)
        return setup.describe(
            self._settings,
            backends,
            self._config.rootpath,
            self._fixtures.cache_layers,
            self._fixtures.cache_remotes if self._settings.mode is not Mode.OFF else (),
        )

    def _backend_words(self) -> list[str]:
        """Return the backend of the run and its voice in words; empty if the backend is not known."""
        from . import setup

        if self._backend is None:
            return []
        fields: Mapping[str, object] = {}
        if self._synthesizer is not None:
            with contextlib.suppress(Exception):  # the test that needs the synthesizer reports it
                fields = flatten({"own": declared_fields(self._synthesizer)[0]})
        return [setup.describe_backend(self._backend, self._settings, fields)]

    def load(self) -> Synthesizer:
        """Make the synthesizer of the chosen backend, else of the only one installed."""
        self._fixtures.note_own_backend()
        self._backend = self._workspace.backend("--russo-synth=")
        self._synthesizer = self._workspace.make_synthesizer(self._backend)
        for words in self._backend_words():
            self._fixtures.note_own_words(words)
        return self._synthesizer
