"""Checks that this package is complete: the earlier project russo 0.3 installs files of the same names.

Every pytest run imports this module, even if 0.3 has replaced or removed ``russo/__init__.py``. So it imports
nothing of russo.
"""

from __future__ import annotations

import os
import sys
from typing import Final

REPAIR: Final = "pip install --force-reinstall --no-deps russo-core"
_REMOVED: Final = f"pip uninstall russo removed a file of russo-core; repair it: {REPAIR}"
_BESIDE: Final = (
    "russo 0.3 is installed beside russo-core, and both have the package russo; "
    f"remove it and repair russo-core: pip uninstall -y russo && {REPAIR}"
)


def is_damaged() -> bool:
    """Return whether the package has lost its ``__init__.py``, and so every public name."""
    return getattr(sys.modules["russo"], "__file__", None) is None


def is_beside_old() -> bool:
    """Return whether russo 0.3 is in the same place: it has a module that russo-core does not have."""
    return os.path.exists(os.path.join(os.path.dirname(__file__), "pytest_plugin.py"))


def problem() -> str | None:
    """Return what is wrong with the installation and the command that repairs it, or ``None``."""
    if is_beside_old():
        return _BESIDE
    return _REMOVED if is_damaged() else None
