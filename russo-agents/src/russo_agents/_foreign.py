"""Values of other packages as text: tools, models and adapters choose them, and their `repr` may fail."""

from __future__ import annotations


def described(value: object) -> str:
    """Return the repr of a value, or which error the repr raises."""
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001 - the value is of another package
        return f"<{type(value).__name__}, whose repr raises {type(error).__name__}>"


def printable(name: object) -> str:
    r"""Return a name without quotes; characters that act on a terminal become escapes, as ``\x1b``."""
    text = name if isinstance(name, str) else described(name)
    return text if text.isprintable() else repr(text)[1:-1]
