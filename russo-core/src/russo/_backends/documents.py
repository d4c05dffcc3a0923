"""Recognizes replies that are not the requested audio: a document, another format, or a part of the audio."""

from __future__ import annotations

import re
from typing import Final

from .._containers import container_of
from .service_words import text_of

# The first bytes of a WAV file.
_WAV_HEADER: Final = 12
_TEXT_TYPE: Final = re.compile(r"text/|application/([\w.-]+\+)?(json|xml)", re.IGNORECASE)


def document_in(body: bytes, content_type: str) -> str | None:
    """Return the text of a body if its bytes or its content type show a document, else ``None``."""
    if container_of(body) is not None:
        return None
    text = text_of(body, is_text=_TEXT_TYPE.match(content_type) is not None)
    return text if text and text.strip() else None


def is_other_format(body: bytes, wav: bool | None) -> bool:
    """Return whether a body has another format than the requested one.

    A truncated or silent body of the requested format is not of another format.

    Args:
        body: The body.
        wav: True if WAV was requested, false for bare samples, ``None`` if both are accepted.
    """
    found = container_of(body)
    if wav:
        return found != "WAV" and len(body) >= _WAV_HEADER
    return found is not None and (wav is False or found != "WAV")
