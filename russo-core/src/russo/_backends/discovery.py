"""Backends by name: the entry-point group whose entries make synthesizers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint
from typing import Any, Final, cast

from .entry_points import EntryPointGroup
from .synthesizer import Synthesizer, check_synthesizer

API_VERSION: Final = 1
# Backends that have an extra of russo-core, for the hint if one is not installed.
EXTRAS: Final = ("google", "openai", "elevenlabs", "local")
BACKENDS: Final = EntryPointGroup(
    "russo.synthesizers",
    noun="backend",
    product="synthesizer",
    extras={name: f"russo-core[{name}]" for name in EXTRAS},
    contract=API_VERSION,
)


def load_synthesizer(name: str, **options: Any) -> Synthesizer:
    """Make a synthesizer of the backend registered under a name.

    Args:
        name: The backend's name, or ``package.module:factory`` for one that is not registered.
        **options: The backend's own options.

    Raises:
        BackendNotFoundError: There is no such backend; the message lists what is installed.
        BackendConfigError: An unknown or unusable option, or a backend that cannot be loaded.
    """
    return cast("Synthesizer", BACKENDS.make(name, options, check_synthesizer))


def installed_backends() -> Mapping[str, tuple[EntryPoint, ...]]:
    """Return the registered backends by name, sorted. Nothing of them is imported."""
    return BACKENDS.installed()


def load_backend(name: str) -> Callable[..., Any]:
    """Import the backend of this name, and no other, and return what makes its synthesizers.

    Raises:
        BackendNotFoundError: There is no such backend.
        BackendConfigError: It cannot be loaded, or two packages claim the name.
    """
    return BACKENDS.load(name)


def convert_options(name: str, factory: Callable[..., Any], texts: Mapping[str, str]) -> dict[str, Any]:
    """Convert options written as text by the annotations of the backend's constructor.

    Raises:
        BackendConfigError: An option that does not exist, or a text that is not a value of its type.
    """
    return BACKENDS.convert_options(name, factory, texts)


def api_key_variables(factory: object) -> tuple[str, ...] | None:
    """Return the environment variables that may hold a backend's API key; the first that is set wins.

    A backend names them in its class attribute ``credentials``, a tuple or a list of names.

    Returns:
        ``None`` if the attribute is missing, or is something else.
    """
    names = getattr(factory, "credentials", None)
    if not isinstance(names, (tuple, list)) or not all(isinstance(name, str) for name in names):
        return None
    return tuple(names)
