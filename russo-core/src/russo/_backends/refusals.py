"""Decides what a refusal means: the class of the error, and what to do next.

Three things decide, in this order: a code with one meaning, words with one meaning, a code or a status with
several meanings. Words decide only with a status that services and gateways use for many causes. The prompt's
own text is removed from the words first, because services quote it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from typing import Final

from .._errors import SynthesisError
from .causes import BUSY, CODES, LAST_CODES, LOOSE_CODES, RATE, REQUEST, STATUSES, TEXT, Cause, plain
from .refusal_words import BELIEVED, FREE, PASSING, WORDS
from .service_words import ServiceWords, quoted_codes

# Fields of a request that contain the prompt; and how a message quotes the path of a field.
_PROMPT_FIELDS: Final = frozenset({"input", "text", "prompt"})
_QUOTED_PLACE: Final = re.compile(r"""['"]body\\?['"], *\\?['"](\w{1,40})\\?['"]""")
# At most this many characters of a message are searched.
_JUDGED: Final = 8000
# A prompt is recognized by this many words and characters of its beginning, or by a longer run of words from
# any place in it.
_SHORT_RUN: Final = 3
_SHORTEST_ECHO: Final = 10
_LONG_RUN: Final = 6
_WORD: Final = re.compile(r"[^\W_]+")
_ESCAPE: Final = re.compile(r"\\+(?:u([0-9a-fA-F]{4})|[nrt])")
_URL: Final = re.compile(r"https?://\S+")
_QUOTED: Final = re.compile(r"""'([^']{3,4000})'|"([^"]{3,4000})"|`([^`]{3,4000})`|“([^”]{3,4000})”""")


def kind_of_status(status: int) -> type[SynthesisError]:
    """Return the error class of an HTTP status, if the text of the reply does not say more."""
    return _of_status(status).kind


def cause_of(words: ServiceWords, *, status: int | None, prompt: str) -> Cause:
    """Return the cause of a refusal.

    Args:
        words: What the service says.
        status: The HTTP status, or ``None`` if the refusal has none (an event of a websocket).
        prompt: The prompt. Its words in the message say nothing about the cause.
    """
    if status is not None and (300 <= status < 400 or status == 413):
        return _of_status(status)
    text = without_prompt(words.text, prompt)
    codes = (*words.codes, *quoted_codes(text))
    cause = (
        _ranked(CODES, codes)
        or _of_words(text, words, status)
        or _ranked(LOOSE_CODES, codes)
        or (_ranked(LAST_CODES, codes) or BUSY if status is None else _of_status(status))
    )
    if cause is REQUEST and _is_about_prompt(words, text):
        return TEXT
    # The name of a voice or the instructions may also be too long.
    return REQUEST if cause is TEXT and _is_about_others(words, text) else cause


def cause_of_code(words: ServiceWords, prompt: str) -> Cause | None:
    """Return the cause that a code with one meaning gives, or ``None``."""
    return _ranked(CODES, (*words.codes, *quoted_codes(without_prompt(words.text, prompt))))


def may_improve(words: ServiceWords, prompt: str) -> bool:
    """Return whether a retry may succeed after a reply with status 200 whose body is an error."""
    if words.status is not None:
        return _of_status(words.status).kind.default_retryable
    text = without_prompt(words.text, prompt)
    cause = _ranked(LOOSE_CODES, words.codes) or _of_words(text, words, None)
    return cause in (RATE, BUSY) or (cause is None and PASSING.search(text) is not None)


def _of_status(status: int) -> Cause:
    return STATUSES.get(status, REQUEST if 300 <= status < 500 else BUSY)


def _ranked(table: Mapping[str, tuple[int, Cause]], codes: Iterable[str]) -> Cause | None:
    """Return the cause of the first row of a table that has one of the codes."""
    # Services of AWS write the namespace of a code before "#".
    names = (plain(code[:100].rpartition("#")[2]) for code in codes)
    found = [table[name] for name in names if name in table]
    return min(found, key=lambda row: row[0])[1] if found else None


def _of_words(text: str, words: ServiceWords, status: int | None) -> Cause | None:
    """Return the cause that a text names, or ``None`` if the words may not decide with this status."""
    believed = BELIEVED.get(status or 0, frozenset())
    cause = next(
        (
            cause
            for cause, pattern in WORDS
            if pattern.search(text) and not (cause is TEXT and _is_about_others(words, text))
        ),
        None,
    )
    return cause if status in FREE or cause in believed else None


def _is_about_prompt(words: ServiceWords, text: str) -> bool:
    return any(map(_names_prompt, _fields(words, text)))


def _is_about_others(words: ServiceWords, text: str) -> bool:
    return bool(_fields(words, text)) and not _is_about_prompt(words, text)


def _fields(words: ServiceWords, text: str) -> tuple[str, ...]:
    return (*words.fields, *_QUOTED_PLACE.findall(text))


def _names_prompt(field: str) -> bool:
    return any(part in _PROMPT_FIELDS for part in re.split(r"[^a-z]+", field.lower())[:6])


def without_prompt(text: str, prompt: str) -> str:
    """Return a service's text without URLs and without the prompt or pieces of it.

    Only the rest of the text says something about the cause.

    A prompt may say "quota", and a service may quote it whole, cut, in lower case, without punctuation, or as
    JSON or HTML.
    """
    text = _ESCAPE.sub(_unescaped, html.unescape(_URL.sub(" ", text[:_JUDGED])))
    low = prompt.lower()
    return _QUOTED.sub(lambda found: " " if _is_inside(found, low) else found[0], _without(text, prompt))


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found[1], 16)) if found[1] else " "


def _is_inside(found: re.Match[str], prompt: str) -> bool:
    piece = next(filter(None, found.groups()), "").lower().strip().rstrip(".…")
    return piece in prompt


def _without(text: str, prompt: str) -> str:
    """Return a text without the prompt's words: its beginning, or a long piece of it."""
    found, wanted = list(_WORD.finditer(text)), _WORD.findall(prompt.lower())
    words = [word[0].lower() for word in found]
    pieces = {tuple(wanted[at : at + _LONG_RUN]): at for at in range(len(wanted) - _LONG_RUN, 0, -1)}
    start = wanted[:_SHORT_RUN]
    # A shorter beginning is recognized only in quotation marks.
    is_known = len("".join(start)) >= _SHORTEST_ECHO
    kept, end, at = [], 0, 0
    while at < len(words):
        begins = is_known and words[at : at + len(start)] == start
        place = 0 if begins else pieces.get(tuple(words[at : at + _LONG_RUN]))
        length = 1 if place is None else _length_of_run(words, at, wanted, place)
        if place is not None:
            kept.append(text[end : found[at].start()])
            end = found[at + length - 1].end()
        at += length
    return " ".join([*kept, text[end:]])


def _length_of_run(words: list[str], at: int, wanted: list[str], place: int) -> int:
    """Return how many words are equal from two positions on; the last one may be truncated."""
    most = min(len(words) - at, len(wanted) - place)
    same = next((n for n in range(most) if words[at + n] != wanted[place + n]), most)
    is_cut = same < most and wanted[place + same].startswith(words[at + same])
    return same + is_cut
