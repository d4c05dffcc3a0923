"""Backends by name: the entry-point group whose entries make synthesizers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint
from typing import Any, Final, cast

from .._secret import hide_credentials
from .entry_points import EntryPointGroup
from .first_party import ALIASES, EXTRAS
from .synthesizer import Synthesizer, check_synthesizer

API_VERSION: Final = 1
BACKENDS: Final = EntryPointGroup(
    "russo.synthesizers",
    noun="backend",
    product="synthesizer",
    extras={name: f"russo-core[{name.partition('-')[0]}]" for name in EXTRAS},
    aliases=ALIASES,
    contract=API_VERSION,
)


def load_synthesizer(name: str, **options: Any) -> Synthesizer:
    """Make a synthesizer of the backend with this name.

    Args:
        name: The backend's name, or ``package.module:factory`` for a backend that is not registered.
        **options: The backend's own options.

    Raises:
        BackendNotFoundError: The backend does not exist; the message lists the installed ones.
        BackendConfigError: An option is unknown or unusable, or the backend cannot be loaded.
    """
    options = hide_credentials(options)  # a traceback may show the locals of this frame
    return cast("Synthesizer", BACKENDS.make(name, options, check_synthesizer))


def installed_backends() -> Mapping[str, tuple[EntryPoint, ...]]:
    """Return the registered backends by name, sorted, without importing them."""
    return BACKENDS.installed()


def load_backend(name: str) -> Callable[..., Any]:
    """Import only the backend with this name, and return the factory of its synthesizers.

    Raises:
        BackendNotFoundError: The backend does not exist.
        BackendConfigError: It cannot be loaded, or two packages claim the name.
    """
    return BACKENDS.load(name)


def convert_options(name: str, factory: Callable[..., Any], texts: Mapping[str, str]) -> dict[str, Any]:
    """Convert options from text, by the annotations of the backend's constructor.

    Raises:
        BackendConfigError: An option does not exist, or its text is not a value of its type.
    """
    return BACKENDS.convert_options(name, factory, texts)


def api_key_variables(factory: object) -> tuple[str, ...] | None:
    """Return the environment variables that may hold a backend's API key; the first that is set wins.

    A backend names them in its class attribute ``credentials``, a tuple or a list of names.

    Returns:
        ``None`` if the attribute is missing or has another form.
    """
    try:
        names = getattr(factory, "credentials", None)
    except Exception:  # noqa: BLE001 - a property of a foreign class may raise anything
        return None
    if not isinstance(names, (tuple, list)) or not all(isinstance(name, str) for name in names):
        return None
    return tuple(names)
