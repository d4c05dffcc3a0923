"""Reads the body of a refusal, of any shape: the words, the codes and the field.

Services, compatible servers and gateways each have their own shape: JSON with ``error``, ``detail``,
``errors`` or ``message``, problem details (RFC 9457), events (SSE), XML, a page in HTML, plain text. All
shapes are read here, for all backends, within limits, because a body may have any depth and size.
"""

from __future__ import annotations

import codecs
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

# At most this many characters of a body are read; a message is far shorter.
_READ: Final = 64_000
# JSON cannot be cut, so longer JSON is not parsed. It is a reply with audio in base64: errors are shorter.
_PARSED: Final = 1_000_000
# Bytes by which text is distinguished from data.
_JUDGED: Final = 512
_STARTS: Final = (b"{", b"[", b"<")
_DEPTH: Final = 6
_MOST_PARTS: Final = 5
_MOST_CODES: Final = 40
_LONGEST_FLAT: Final = 200
# Names of the words in an object, the best first. "error" and "detail" may also be objects and lists.
_SAYING: Final = (
    "message",
    "msg",
    "detail",
    "error_description",
    "error_message",
    "errormessage",
    "description",
    "error",
    "errors",
    "fault",
    "faultstring",
    "exception",
    "details",
    "title",
    "reason",
)
# Names of the codes in an object, the most precise first.
_CODES: Final = (
    "code",
    "error_code",
    "errorcode",
    "reason",
    "__type",
    "type",
    "status",
    "faultcode",
    "error",
)
# Of FastAPI: the path of the field, the value that was sent, and the rule.
_OF_FIELD: Final = frozenset({*_CODES, "loc", "input", "ctx", "url"})
_SHOWN_CODES: Final = ("code", "error_code", "errorcode", "status", "__type", "faultcode", "error")
_BESIDE_CODE: Final = frozenset({"message", "msg", "detail", "error_description", "description"})
# Names of other objects in an object, with words and codes.
_INSIDE: Final = ("error", "detail", "errors", "details", "innererror", "inner_error", "fault", "message")
_STATUS: Final = ("code", "status", "status_code", "statuscode", "error_code")
# Of `{'code': 'x'}` in a message: gateways quote the reply of the service behind them.
_QUOTED_CODE: Final = re.compile(r"""['"](?:code|type|status|reason)\\?['"]: ?\\?['"]([\w.+-]{1,60})""")
_TAG: Final = re.compile(r"<[^<>]*>")
_ELEMENT: Final = r"<(?:\w{1,20}:)?%s\b[^<>]*>([^<>]{1,2000})<"
_OF_HTML: Final = ("title", "h1")
_OF_XML: Final = ("faultstring", "message", "detail", "description", "text")
_XML_CODES: Final = ("code", "faultcode")


@dataclass(frozen=True, slots=True)
class ServiceWords:
    """What a body says.

    Attributes:
        text: The words, on one line. They may contain anything, even credentials.
        codes: The codes for programs, as written; the most precise first.
        code: The code to show, or an empty text. A type that goes with many codes is not shown.
        fields: The fields of the request that the service complains about (``body.input``).
        status: An HTTP status that the body states, or ``None``.
        is_document: Whether the body is a document or text, not sound.
        is_error: Whether the document says that something failed.
    """

    text: str = ""
    codes: tuple[str, ...] = ()
    code: str = ""
    fields: tuple[str, ...] = ()
    status: int | None = None
    is_document: bool = False
    is_error: bool = False


def read_words(body: object) -> ServiceWords:
    """Read the words of a body.

    Args:
        body: Bytes, text, or the JSON that an SDK has read already.
    """
    if isinstance(body, (bytes, bytearray)):
        body = text_of(bytes(body[:_PARSED]), is_text=True)
        if body is None:
            return ServiceWords()
    value = _value_of(body) if isinstance(body, str) else body
    if isinstance(value, str):
        return _read_text(value)
    if value is None:
        return ServiceWords(is_document=True)
    text, shown_codes = _line(_said(value)), _codes_of(value, _SHOWN_CODES)
    return ServiceWords(
        text=text,
        codes=tuple(dict.fromkeys(_codes_of(value, _CODES))),
        code=next((code for code in shown_codes if code != text and not code.isdigit()), ""),
        fields=tuple(dict.fromkeys(_fields_of(value))),
        status=_status_of(value),
        is_document=True,
        is_error=_is_error(value),
    )


def quoted_codes(text: str) -> tuple[str, ...]:
    """Return the codes in a message that quotes the reply of another service."""
    return tuple(_QUOTED_CODE.findall(text[:_READ])[:_MOST_PARTS])


def text_of(body: bytes, *, is_text: bool) -> str | None:
    """Return bytes as text, or ``None`` if they are sound or other data.

    Args:
        body: The bytes.
        is_text: Whether they are expected to be text, so that a single word is enough.
    """
    if body.startswith((b"\xff\xfe", b"\xfe\xff")) and is_text:
        return body.decode("utf-16", errors="replace")
    body = body.removeprefix(b"\xef\xbb\xbf")
    start, is_document = body[:_JUDGED], body.lstrip()[:1] in _STARTS
    if not is_text and any(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in start):
        return None
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start, final=len(body) <= _JUDGED)
    except UnicodeDecodeError:  # an old encoding, or data
        ascii_bytes = sum(byte < 128 for byte in start)
        is_text = (is_text or is_document) and ascii_bytes > 0.7 * len(start)
    else:
        # Samples may be printable characters, but rarely with spaces between them.
        is_text = is_text or is_document or b" " in start.strip()
    return body.decode(errors="replace") if is_text else None


def _value_of(text: str) -> object:
    """Return the JSON in a text, of its first event if it is a stream of events; else the text."""
    line = text.strip()
    if line[:1] in ("{", "[", '"') or line in ("null", "true", "false"):
        return _parsed(line, text)
    if re.match(r"(event|data|id|retry)?:", line):
        events = [each[5:].strip() for each in line[:_READ].splitlines() if each.startswith("data:")]
        values = [_parsed(each, each) for each in events[:_MOST_PARTS]]
        return next((each for each in values if _is_error(each)), values[0] if values else text)
    return text


def _parsed(line: str, otherwise: str) -> object:
    if len(line) > _PARSED:
        return otherwise
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return otherwise


def _read_text(text: str) -> ServiceWords:
    text = text[:_READ]
    if not text.lstrip().startswith("<"):
        return ServiceWords(text=_line(text), is_document=bool(text.strip()))
    is_page = re.match(r"\s*(<!--|<!doctype html|<html|<head|<body)", text, re.IGNORECASE) is not None
    names = _OF_HTML if is_page else _OF_XML
    words = ": ".join(dict.fromkeys(each for name in names for each in _elements(text, name)[:1]))
    codes = () if is_page else tuple(each for name in _XML_CODES for each in _elements(text, name))
    return ServiceWords(
        text=words or _without_tags(text),
        codes=codes,
        code=next(iter(codes), ""),
        is_document=True,
        is_error=not is_page and bool(codes or _elements(text, "faultstring")),
    )


def _elements(text: str, name: str) -> list[str]:
    found = re.findall(_ELEMENT % name, text, re.IGNORECASE)[:_MOST_PARTS]
    return [line for each in found if (line := _line(html.unescape(each)))]


def _without_tags(text: str) -> str:
    for name in ("script", "style"):
        first, *rest = re.split(rf"<{name}\b", text, flags=re.IGNORECASE)
        text = first + "".join(re.split(rf"</{name}", each, flags=re.IGNORECASE)[-1] for each in rest)
    return _line(html.unescape(_TAG.sub(" ", text)))


def _line(text: str) -> str:
    return " ".join(text[:_READ].split())


def _lower(value: Mapping[Any, Any]) -> dict[str, Any]:
    """Return an object with names in lower case; the first fifty."""
    return {str(name).lower(): each for name, each in list(value.items())[:50]}


def _said(value: object, depth: int = _DEPTH) -> str:
    """Return the words in a value of JSON."""
    if isinstance(value, str):
        if value.lstrip()[:1] == "<":
            return _read_text(value).text
        inner = _parsed(value, "") if value[:1] in ("{", "[") and depth else ""
        return (_said(inner, depth - 1) if inner else "") or value[:_READ]
    if not depth:
        return ""
    if isinstance(value, list):
        found = (_said(each, depth - 1) for each in value[:_MOST_PARTS])
        return "; ".join(dict.fromkeys(filter(None, found)))
    if not isinstance(value, Mapping):
        return ""
    lower = _lower(value)
    words = _with_title(lower, _first_words(lower, depth)) or _flat(lower, depth)
    place = _place(lower)
    return f"{place}: {words}" if place and words else words


def _first_words(lower: Mapping[str, Any], depth: int) -> str:
    # An object in "error" or "detail" says more than a text beside it.
    inner = [name for name in ("error", "detail", "errors") if isinstance(lower.get(name), (dict, list))]
    found = (_said(lower[name], depth - 1) for name in (*inner, *_SAYING) if lower.get(name))
    words = next(filter(None, found), "")
    more = _behind(lower, depth) if words else ""
    return f"{words}; {more}" if more and more not in words else words


def _behind(lower: Mapping[str, Any], depth: int) -> str:
    """Return the reply of another service that a gateway quotes, or an object of details."""
    metadata, details = lower.get("metadata"), lower.get("details")
    raw = _lower(metadata).get("raw") if isinstance(metadata, Mapping) else None
    return _said(raw or (details if isinstance(details, Mapping) else None), depth - 1)


def _with_title(lower: Mapping[str, Any], words: str) -> str:
    """Return the words behind the title of problem details (RFC 9457)."""
    title = lower.get("title")
    if not isinstance(title, str) or not title or title in words:
        return words
    return f"{title.rstrip('.: ')}: {words}" if words else title


def _flat(lower: Mapping[str, Any], depth: int) -> str:
    """Return the texts in an object of an unknown shape; a long one is data, such as audio in base64."""
    parts, without = [], _OF_FIELD if "loc" in lower else frozenset(_CODES)
    for name, each in lower.items():
        if isinstance(each, str) and len(each) > _LONGEST_FLAT:
            parts.append(f"{name}: {len(each)} characters of data")
        elif name not in without and (words := _said(each, depth - 1)):
            parts.append(f"{name}: {words}")
        if len(parts) == _MOST_PARTS:
            break
    return "; ".join(parts)


def _place(lower: Mapping[str, Any]) -> str:
    """Return the field of the request that an error is about: FastAPI's ``loc``, or ``field``."""
    place = lower.get("loc")
    if isinstance(place, list):
        return ".".join(str(each) for each in place[:_DEPTH] if isinstance(each, (str, int)))
    field = lower.get("field")
    return field if isinstance(field, str) else ""


def _objects(value: object) -> Iterator[dict[str, Any]]:
    """Yield an object and the objects inside it, the outermost first; at most forty."""
    level, count = [value], 0
    for _ in range(_DEPTH):
        inner: list[object] = []
        for each in level:
            parts = each[:_MOST_PARTS] if isinstance(each, list) else [each]
            for part in (part for part in parts if isinstance(part, Mapping)):
                count += 1
                if count > _MOST_CODES:
                    return
                lower = _lower(part)
                yield lower
                inner += [lower[name] for name in _INSIDE if isinstance(lower.get(name), (Mapping, list))]
        level = inner


def _codes_of(value: object, names: Iterable[str]) -> Iterator[str]:
    found = list(_objects(value))
    for name in names:
        for lower in found:
            code = lower.get(name)
            if isinstance(code, str) and code and (name != "error" or _is_code(code, lower)):
                yield code


def _is_code(error: str, lower: Mapping[str, Any]) -> bool:
    """Return whether the text in "error" is a code: only if there is also a message."""
    return bool(lower.keys() & _BESIDE_CODE) and re.fullmatch(r"[\w.-]{3,60}", error) is not None


def _fields_of(value: object) -> Iterator[str]:
    for lower in _objects(value):
        param = lower.get("param")
        if place := _place(lower) or (param if isinstance(param, str) else ""):
            yield place


def _status_of(value: object) -> int | None:
    for lower in _objects(value):
        for name in _STATUS:
            status = lower.get(name)
            text = str(status) if isinstance(status, (int, str)) and not isinstance(status, bool) else ""
            if re.fullmatch(r"[45][0-9]{2}", text[:4]):
                return int(text)
    return None


def _is_error(value: object) -> bool:
    if isinstance(value, list):
        return any(_is_error(each) for each in value[:_MOST_PARTS])
    if not isinstance(value, Mapping):
        return False
    lower = _lower(value)
    if lower.get("success") is False or lower.get("ok") is False or _status_of(value) is not None:
        return True
    return any(lower.get(name) for name in ("error", "errors", "detail", "fault", "error_message"))
