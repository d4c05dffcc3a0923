"""Odd texts to speak, and functions that find the text of a call in a request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

from .._server.request import Request

ODD_TEXTS: Final = {
    "empty": "",
    "blanks": " \t \n",
    "one letter": "a",
    "two blanks": "two  blanks",
    "punctuation": "…?! — “;”",
    "digits": "+49 30 901820, 12:30, 0.5 %",
    "accents": "Zürich, Kraków, São Paulo",
    "combining": "Zu\u0308rich e\u0301te\u0301",
    "emoji": "👩\u200d✈️ 🇩🇪 ✈️",
    "right to left": "\u202bשלום\u202c مرحبا",  # noqa: RUF001 - it is not meant to be Latin
    "Chinese": "我想订一张去罗马的机票。",
    "lines": "first line\nsecond line\r\nthird line",
    "NUL": "one\0two",
    "controls": "one\x07\x1b[31mtwo\x7f",
    "markup": "<speak>Rome &amp; Berlin</speak> <break time='9s'/>",
    "quotes and shell": 'it\'s "so" `id` $HOME %s {0} \\n ; | & > *',
    "like an option": "--help",
    "like a dash option": "-f /etc/hostname",
    "invisible": "\ufeff\u200b\u2060",
    "lone surrogate": "broken \ud800 text",
    "5,000 characters": "I would like to book a flight to Rome. " * 128 + "Thanks!!",
}


def repeated(text: str, times: int) -> str:
    """Return a text repeated as sentences, because some backends speak sentence by sentence."""
    return " ".join([f"{text}."] * times)


def holds(request: Request, text: str) -> bool:
    """Return whether a request carries a text: within a value of its JSON, form or query, or in its body."""
    return any(text in value for value in _values(request))


def holds_exactly(request: Request, text: str, usual: Request, prompt: str) -> bool:
    """Return whether a request has around a text what the usual request has around the prompt."""
    frames = [value.split(prompt, 1) for value in _values(usual) if prompt in value]
    values = set(_values(request))
    return any(f"{before}{text}{after}" in values for before, after in frames)


def texts_around(request: Request, prompt: str) -> Sequence[str]:
    """Return the texts around each prompt in a request; nothing if a value is exactly the prompt."""
    around = [value.replace(prompt, "", 1) for value in _values(request) if prompt in value]
    return [] if "" in around else around


def _values(request: Request) -> Iterator[str]:
    """Yield the values of the query, and the strings of the JSON body or the body and its form values."""
    yield from request.query.values()
    try:
        yield from _strings(request.json)
    except ValueError:
        body = request.body.decode("utf-8", "replace")
        yield body
        yield from (value for _, value in parse_qsl(body, keep_blank_values=True))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _strings(each)
