"""Reading a reply of ``generateContent``: its audio, or the reason why it has none.

The status 200 does not mean success: blocked prompts, truncated audio, text and error pages also have it.
Only finished speech (``STOP``) is accepted, because the cache would keep half a sentence.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from russo import Audio, NoAudioError, SynthesisError, TextRejectedError
from russo.authoring import Exchange, container_of, join_wav, load_json, looks_like_text, pcm_audio

_SHOWN: Final = 1000
# Reasons that depend on the text: the same text would be billed and refused again.
_BLOCKED: Final = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "LANGUAGE",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "MODEL_ARMOR",
        "ESCALATION",
    }
)


# A reply has at least one of these; other JSON is an error or comes from another service.
_FIELDS: Final = frozenset({"candidates", "promptFeedback", "usageMetadata", "modelVersion", "responseId"})
_WANTED: Final = "the JSON of generateContent with audio"


class OtherFormatError(ValueError):
    """A part of a reply has a format that is not read."""


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of sound as it was received: a WAV file if ``pcm`` is ``None``, else raw samples."""

    pcm: tuple[int, int] | None
    """Rate in Hz, and channels, of raw samples."""
    data: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """The sound of one reply, and the token that requests the rest, if the speech goes on."""

    parts: list[Part]
    continuation: bytes | None


def read_reply(body: str | None, exchange: Exchange) -> Reply:
    """Read the body of a reply with status 200.

    Raises:
        NoAudioError: It contains no audio, or only a part of it.
        TextRejectedError: The prompt or its audio was blocked, or the speech exceeds the model's limit.
    """
    reply = _parse(body, exchange)
    if reply and not reply.keys() & _FIELDS:
        raise _document_error(body or "", exchange)
    candidate = _mapping(next(iter(_list(reply.get("candidates"))), None))
    reason = str(candidate.get("finishReason") or "")
    blocked = _mapping(reply.get("promptFeedback")).get("blockReason") or (reason in _BLOCKED and reason)
    if blocked:
        raise exchange.error(TextRejectedError, f"blocked by the service ({blocked})")
    if reason == "MAX_TOKENS":
        raise exchange.error(TextRejectedError, "the speech is longer than the model's limit (MAX_TOKENS)")
    token = candidate.get("continuationToken") if reason == "CONTINUATION" else None
    if reason != "STOP" and not token:
        raise exchange.error(NoAudioError, _unfinished(reason, body))
    try:
        found = _list(_mapping(candidate.get("content")).get("parts"))
        parts = [_part(_mapping(part), exchange) for part in found]
        return Reply([part for part in parts if part], _decode(token) if token else None)
    except OtherFormatError as error:
        advice = "check base_url and model: the service must return WAV or 16-bit samples (audio/L16)"
        what = f"the reply holds no audio: {error}"
        raise exchange.error(NoAudioError, what, advice=advice, retryable=False) from error
    except ValueError as error:
        raise exchange.error(NoAudioError, f"the reply holds no audio: {error}") from error


def _parse(body: str | None, exchange: Exchange) -> dict[str, Any]:
    try:
        reply = load_json(body or "null")
    except (ValueError, RecursionError) as error:
        if isinstance(error, json.JSONDecodeError):
            error.doc = ""  # it is the whole reply, which may contain the key
        if (body or "").lstrip()[:1] in ("{", "["):  # truncated, so the next reply may be whole
            raise exchange.error(NoAudioError, f"the reply is not JSON: {(body or '')[:_SHOWN]!r}") from error
        raise _document_error(body or "", exchange) from error
    if body and not isinstance(reply, dict):
        raise _document_error(body or "", exchange)
    return _mapping(reply)


def _document_error(body: str, exchange: Exchange) -> SynthesisError:
    """Return the error for a body that is not a reply of ``generateContent``: an error or a page."""
    return exchange.document_error(body, f"the reply ({len(body)} characters)", wanted=_WANTED)


def join_parts(parts: Iterable[Part]) -> Audio:
    """Join all parts, in their order and sample by sample, to one WAV file with true sizes.

    Raises:
        ValueError: There is no sound, or the formats of the parts differ.
    """
    audios = [
        _join(pcm, [part.data for part in group]) for pcm, group in groupby(parts, lambda part: part.pcm)
    ]
    if not audios:
        raise ValueError("none of its parts is audio")
    return audios[0] if len(audios) == 1 else join_wav(audios)


def _join(pcm: tuple[int, int] | None, pieces: list[bytes]) -> Audio:
    if pcm is None:
        return join_wav(Audio(piece, "wav") for piece in pieces)
    rate, channels = pcm
    return pcm_audio(b"".join(pieces), rate, channels=channels)


def _part(part: dict[str, Any], exchange: Exchange) -> Part | None:
    """Return one part, or ``None`` for a part without audio."""
    if part.get("text") and not part.get("thought"):
        raise exchange.error(NoAudioError, f"the model answered with text: {str(part['text'])[:_SHOWN]!r}")
    sound = _mapping(part.get("inlineData"))
    if not sound.get("data"):
        return None
    data, kind = _decode(sound["data"]), str(sound.get("mimeType", ""))
    container = container_of(data)
    if container == "WAV":
        return Part(None, data)
    if container is not None or looks_like_text(data):
        raise OtherFormatError(
            f"a part of type {kind!r} is {container or 'text'}: it starts with {data[:40]!r}"
        )
    return Part(_pcm_format(kind), data)


def _pcm_format(kind: str) -> tuple[int, int]:
    """Return rate and channels of a type such as ``audio/L16;codec=pcm;rate=24000``, in any spelling.

    The samples are little-endian, although L16 is big-endian in RFC 2586.
    """
    name, *parameters = (field.strip() for field in kind.lower().split(";"))
    if name not in {"audio/l16", "audio/pcm"}:
        raise OtherFormatError(f"a part of type {kind!r} is neither WAV nor 16-bit samples")
    values = dict(re.findall(r"(\w+) *= *\"?(\w+)", ";".join(parameters)))
    rate, channels = int(values.get("rate", "24000")), int(values.get("channels", "1"))
    if not 1000 <= rate <= 768_000 or channels not in {1, 2}:
        raise ValueError(f"a part of type {kind!r} has an impossible rate or number of channels")
    return rate, channels


def _decode(text: object) -> bytes:
    """Decode base64, standard or url-safe, padded or not."""
    plain = str(text).replace("-", "+").replace("_", "/")
    return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)


def _unfinished(reason: str, body: str | None) -> str:
    if reason:
        return f"the reply is not finished ({reason}); its audio, if any, is truncated"
    return f"the reply holds no audio: {(body or 'its body is empty')[:_SHOWN]}"


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
