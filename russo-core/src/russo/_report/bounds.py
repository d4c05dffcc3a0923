"""How much foreign text the report holds: a comparison of two large texts has a message of any length."""

from typing import Final

_LONGEST_MESSAGE: Final = 16 << 10


def cut(text: str, most: int = _LONGEST_MESSAGE) -> str:
    """Return a text of bounded length. A traceback ends with its error, so the middle is left out."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n… {len(text) - 2 * half:,} characters are left out …\n{text[-half:]}"
