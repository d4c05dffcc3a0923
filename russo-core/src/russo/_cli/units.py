"""Parsing and formatting of ages, sizes and lengths for people."""

from __future__ import annotations

import re
from typing import Final

import click

_AGES: Final = {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_SIZES: Final = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 1 << 10,
    "mib": 1 << 20,
    "gib": 1 << 30,
    "tib": 1 << 40,
}
_AMOUNT: Final = re.compile(r"(\d+(?:\.\d+)?) ?([a-z]*)", re.ASCII)


def parse_age(text: str) -> float:
    """Return the seconds of an age such as ``30d``."""
    match = _AMOUNT.fullmatch(text.strip().lower())
    if match is None or match[2] not in _AGES:
        raise click.BadParameter(f"{text!r} is not an age; write 90s, 45min, 12h, 30d or 8w")
    return float(match[1]) * _AGES[match[2]]


def parse_size(text: str) -> int:
    """Return the bytes of a size such as ``500MB``."""
    match = _AMOUNT.fullmatch(text.strip().lower())
    if match is None or match[2] not in _SIZES:
        raise click.BadParameter(f"{text!r} is not a size; write 200kB, 500MB, 2GB or 1GiB")
    size = float(match[1]) * _SIZES[match[2]]
    if size == float("inf"):
        raise click.BadParameter(f"{text[:20]}… is too large")
    return int(size)


def size_text(size: float) -> str:
    """Format bytes in decimal units, with at most three digits below 1 TB."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 99.95 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"


def age_text(seconds: float) -> str:
    """Format an age in its largest whole unit."""
    for unit in ("w", "d", "h", "min"):
        # Below three weeks, days are more precise.
        if seconds >= _AGES[unit] * (3 if unit == "w" else 1):
            return f"{int(seconds // _AGES[unit])} {unit}"
    return "now" if seconds < 1 else f"{int(seconds)} s"


def seconds_text(seconds: float | None) -> str:
    """Format a length of sound; return a question mark if it is not known."""
    return "?" if seconds is None else f"{seconds:,.1f}"


def sum_text(seconds: float, unknown: int) -> str:
    """Format the length of several sounds, with the number of those whose length is not known."""
    if not unknown:
        return seconds_text(seconds)
    return f"{seconds_text(seconds)} ({unknown:,} unknown)" if seconds else "?"
