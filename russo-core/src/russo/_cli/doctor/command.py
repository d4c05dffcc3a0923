"""``russo doctor``: checks of an installation, a configuration and its directories.

The output is made for pasting into an issue: plain text of 80 columns, without credentials. The code of the
folder (``conftest.py``, a factory) is not run.
"""

from __future__ import annotations

import contextlib
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

import click

from ..._backends.discovery import load_synthesizer
from ..._errors import BackendConfigError, BackendNotFoundError
from ..._flow.option_names import refuse_misspelt_backends
from ..._flow.workspace import Workspace
from ..._foreign import visible
from ..._mode import Mode
from ..._settings import Settings, SettingsError
from .. import screen
from ..backend_states import KEY_MISSING, READY, Backend, examine_all
from ..pytest_side import PytestSide, look_like_pytest
from ..screen import RefusedError
from ..workspace import json_option
from .directories import examine_directories
from .installation import examine_plugins, examine_versions
from .network import examine_network
from .parts import Section, Tidy
from .settings import examine_settings, loads_plugin, options_of, secrets_of
from .shared_store import examine_store

_WIDTH: Final = 80
_INDENT: Final = "  "
_FIXTURE: Final = "russo_synthesizer"
_LARGEST_FILE: Final = 1_000_000


@click.command()
@click.option(
    "--online",
    is_flag=True,
    help="Open a connection to the host of the chosen backend, and ask the shared store for a small object.",
)
@json_option
def doctor(*, online: bool, as_json: bool) -> int:
    """Find problems of the installation and of this folder.

    Examines the installation, the settings of the folder and its directories. Prints no credential, so the
    output can be pasted into an issue. The exit code is 1 if a problem is found.
    """
    side, configuration = _look()
    options = {} if side is None else options_of(side)
    found = examine_all(options)
    variables = {name for backend in found for name in backend.credentials or ()}
    factories = {each.name: cast("Any", each.factory) for each in found if each.factory is not None}
    secrets: Iterable[str] = ()
    sections = [examine_versions(), examine_plugins(side is None or loads_plugin(side)), configuration]
    settings = None
    if side is not None:
        configuration, settings = examine_settings(side, factories)
        secrets = secrets_of(side, factories)
        sections[-1] = configuration
        sections.append(examine_directories(settings, side.rootdir))
        sections.append(examine_store(settings, side, online=online))
    backends, endpoint, why_not = _examine_backends(found, settings, side)
    sections += [backends, examine_network(endpoint, why_not, online=online)]
    _show(sections, Tidy(secrets, variables), as_json=as_json)
    return 1 if any(section.problems for section in sections) else 0


def _look() -> tuple[PytestSide | None, Section]:
    """Return pytest's configuration of this folder, else a section that says why it cannot be read."""
    section = Section("settings", ["not examined, because pytest's configuration cannot be read"])
    try:
        return look_like_pytest(Path.cwd()), section
    except RefusedError as error:
        section.add(error.format_message(), "correct pytest's ini-file, addopts or PYTEST_ADDOPTS")
    except OSError as error:
        section.add(screen.os_error_text(error), "run russo doctor in another folder")
    return None, section


def _examine_backends(
    found: Sequence[Backend], settings: Settings | None, side: PytestSide | None
) -> tuple[Section, str | None, str]:
    """Return the states of the backends, the endpoint of the chosen one, and why it is not known."""
    section = Section("backends")
    section.data = {"chosen": None, "installed": [each.to_json() for each in found]}
    for each in found:
        section.lines.append(f"{each.name}: {each.state}; key: {each.key_words}")
    if settings is None or side is None:
        return section, None, "the settings are invalid"
    try:
        refuse_misspelt_backends(settings)
        name = Workspace.of(settings, uses_remote=False).backend("--russo-synth=")
    except SettingsError as error:
        section.add(str(error), "correct the name of the option")
        return section, None, "the settings are invalid"
    except BackendNotFoundError as error:
        if _replaces_backend(side):
            section.lines.append(f"chosen: none; a conftest.py has the fixture {_FIXTURE}")
        else:
            advice = "set russo_synth in the ini-file" if found else "install a backend"
            section.add(str(error), advice)
        return section, None, "no backend is chosen"
    section.data["chosen"] = name
    section.lines.append(f"chosen: {name} ({_source(settings)})")
    if ":" in name:
        section.lines.append(f"{name} is not imported; russo backends {name} imports and describes it")
        return section, None, "the backend is a factory of this folder, and its code is not run"
    return section, *_examine_chosen(section, name, found, settings)


def _source(settings: Settings) -> str:
    return "the only one installed" if settings.synth is None else settings.sources["synth"]


def _examine_chosen(
    section: Section, name: str, found: Sequence[Backend], settings: Settings
) -> tuple[str | None, str]:
    """Check the chosen backend; return the endpoint that it calls, and why it is not known."""
    backend = next((each for each in found if each.name == name), None)
    if backend is not None and backend.state != READY:
        if backend.state == KEY_MISSING:
            if settings.mode is not Mode.REPLAY:  # a replay needs no key
                is_off = settings.mode is Mode.OFF
                effect = "every prompt needs it" if is_off else "only stored audio can be replayed"
                section.add(f"backend {name}: {KEY_MISSING}; {effect}", backend.cause)
        else:
            section.add(
                f"backend {name}: {backend.state}; {backend.cause}",
                f"reinstall it: pip install {backend.package}",
            )
            return None, f"backend {name} cannot be used"
    try:
        with contextlib.redirect_stdout(sys.stderr):  # standard output may be JSON
            synthesizer = load_synthesizer(name, **Workspace.of(settings, uses_remote=False).options(name))
    except BackendNotFoundError as error:
        section.add(f"backend {name}: {error}", "correct the name; russo backends lists the installed ones")
        return None, f"backend {name} is not installed"
    except BackendConfigError as error:
        section.add(f"backend {name}: {error}", f"correct it; russo backends {name} shows the options")
        return None, f"backend {name} cannot be used"
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a foreign constructor may raise anything
        section.add(
            f"backend {name} cannot be made: {type(error).__name__}: {error}", "report it to its authors"
        )
        return None, f"backend {name} cannot be made"
    try:
        endpoint = getattr(synthesizer, "endpoint", None)
    except BackendConfigError as error:  # a variable of the SDK is invalid, for example
        section.add(f"backend {name}: {error}", "correct the option or the variable")
        return None, f"backend {name} cannot be used"
    except Exception as error:  # noqa: BLE001 - a property of a foreign class may raise anything
        return None, f"the endpoint of backend {name} is not known: {type(error).__name__}: {error}"
    if isinstance(endpoint, str):
        return endpoint, ""
    if backend is not None and backend.credentials == {}:
        return None, f"backend {name} names no endpoint and needs no key"
    return None, f"backend {name} does not name its endpoint"


def _replaces_backend(side: PytestSide) -> bool:
    """Return whether a ``conftest.py`` near the rootdir seems to have a fixture that replaces the backend."""
    with contextlib.suppress(OSError):
        for file in (*side.rootdir.glob("conftest.py"), *side.rootdir.glob("*/conftest.py")):
            is_small = file.is_file() and file.stat().st_size < _LARGEST_FILE
            if is_small and _FIXTURE in file.read_text("utf-8", errors="replace"):
                return True
    return False


def _show(sections: Sequence[Section], tidy: Tidy, *, as_json: bool) -> None:
    problems = [problem for section in sections for problem in section.problems]
    if as_json:
        value: Mapping[str, object] = {
            **{section.title.replace(" ", "_"): section.data for section in sections},
            "problems": [{"problem": each.what, "advice": each.advice} for each in problems],
        }
        screen.show_json(tidy.value(value))
        return
    for section in sections:
        screen.show("\n".join([section.title, *_wrapped(map(tidy.text, section.lines))]))
    screen.show("problems" if problems else "problems: none")
    for number, problem in enumerate(problems, 1):
        what, advice = tidy.text(f"{number}. {problem.what}"), tidy.text(f"   {problem.advice}")
        screen.show("\n".join(_wrapped([what], hanging=3)))
        # A command on two lines cannot be copied.
        is_command = problem.advice.startswith("run: ")
        screen.show(f"  {visible(advice)}" if is_command else "\n".join(_wrapped([advice], hanging=0)))


def _wrapped(lines: Iterable[str], hanging: int = 2) -> list[str]:
    """Return lines of at most 80 columns, indented; names, paths and URLs are never broken.

    Args:
        lines: The lines; their own indentation is kept.
        hanging: By how much the rest of a line is indented further.
    """
    return [
        piece
        for line in lines
        for piece in textwrap.wrap(
            visible(line),
            _WIDTH,
            initial_indent=_INDENT,
            subsequent_indent=_INDENT + " " * (len(line) - len(line.lstrip()) + hanging),
            break_long_words=False,
            break_on_hyphens=False,
        )
    ]
