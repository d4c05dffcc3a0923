"""Texts that people and machines write, and where a request holds the text of a call."""

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
    """Return a text of so many sentences: some backends take them one by one."""
    return " ".join([f"{text}."] * times)


def holds(request: Request, text: str) -> bool:
    """Tell whether a request carries a text: within a value of its JSON, form or query, or as it is."""
    return any(text in value for value in _values(request))


def holds_exactly(request: Request, text: str, usual: Request, prompt: str) -> bool:
    """Tell whether a request carries a text as the usual one carries the prompt, with the same around it."""
    frames = [value.split(prompt, 1) for value in _values(usual) if prompt in value]
    values = set(_values(request))
    return any(f"{before}{text}{after}" in values for before, after in frames)


def additions(request: Request, prompt: str) -> Sequence[str]:
    """Return what a request has around a text wherever that stands, if it stands nowhere alone."""
    around = [value.replace(prompt, "", 1) for value in _values(request) if prompt in value]
    return [] if "" in around else around


def _values(request: Request) -> Iterator[str]:
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
