"""Values of the document as the page shows them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from .._words import count

# Control characters are shown as symbols (U+2400…), because an HTML parser would drop or change them.
_PICTURES: Final = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"} | {127: 0x2421}
_SUFFIXES: Final = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav"}


def visible(text: str) -> str:
    """Replace control characters with the symbols that Unicode has for them."""
    return text.replace("\r\n", "\n").translate(_PICTURES)


def count_in_summary(amount: int, word: str) -> str:
    """Return a number with a word of pytest's summary: ``2 failed``, ``2 errors``, ``1 warning``."""
    if word in {"error", "warnings"}:
        return count(amount, word.removesuffix("s"))
    return f"{amount:,} {word}"


def duration(seconds: float) -> str:
    """Format a length of time for people."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes:,} min {rest} s"


def size(number_of_bytes: int) -> str:
    """Format a number of bytes for people."""
    if number_of_bytes < 1000:
        return count(number_of_bytes, "byte")
    if number_of_bytes < 999_500:
        return f"{number_of_bytes / 1000:.0f} kB"
    return f"{number_of_bytes / 1e6:,.1f} MB"


def numbers_of_store(remote: Mapping[str, Any]) -> str:
    """Return the numbers of a shared store: ``8 of 12 entries found, 4 uploaded``."""
    asked = remote["hits"] + remote["misses"]
    facts = [f"{remote['hits']:,} of {count(asked, 'entry', 'entries')} found"] if asked else []
    facts += [f"{remote['uploaded']:,} uploaded"] if remote["uploaded"] else []
    facts += [f"{remote['adopted']:,} replaced by the store's own"] if remote["adopted"] else []
    return ", ".join(facts) or "no entry found or uploaded"


def date(text: str) -> str:
    """Return the date and the time of an ISO 8601 text, to the minute."""
    return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M")


def split_id(node_id: str) -> tuple[str, str]:
    """Return the path of a node id, and the rest. The parameters may contain the separator."""
    name, bracket, parameters = node_id.partition("[")
    path, separator, test = name.rpartition("::")
    return path + separator, test + bracket + parameters


def file_name(words: str, media_type: str) -> str:
    """Return the name of a downloaded sound: the first words of the prompt, and the suffix of its format."""
    text = "-".join(re.findall(r"\w+", words)).lower()[:41]
    stem = text if len(text) <= 40 else text[:40].rpartition("-")[0] or text[:40]
    kind = re.sub(r"[^a-z0-9-]", "", media_type.partition("/")[2].partition(";")[0])
    return f"{stem or 'prompt'}.{_SUFFIXES.get(kind, kind)}"


def download_name(name: str, file: str) -> str:
    """Return the name of a downloaded attachment, with the suffix of its file: an HTML page ends in .txt."""
    suffix = file.rpartition(".")[2]
    return name if name.lower().endswith(f".{suffix}") else f"{name}.{suffix}"


def as_text(value: Any) -> str:
    """Return the value of a setting as text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
