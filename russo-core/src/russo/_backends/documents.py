"""Distinguishes what came in place of audio: a document, another format, or a piece of what was asked for."""

from __future__ import annotations

import re
from typing import Final

from .._containers import container_of
from .service_words import text_of

# Bytes by which a WAV file shows what it is.
_WAV_HEADER: Final = 12
_TEXT_TYPE: Final = re.compile(r"text/|application/([\w.-]+\+)?(json|xml)", re.IGNORECASE)


def document_in(body: bytes, content_type: str) -> str | None:
    """Return the text of a body that is a document, by its bytes or by its content type; else ``None``."""
    if container_of(body) is not None:
        return None
    text = text_of(body, is_text=_TEXT_TYPE.match(content_type) is not None)
    return text if text and text.strip() else None


def is_other_format(body: bytes, wav: bool | None) -> bool:
    """Return whether a body is another format, not a cut or silent piece of what was asked for.

    Args:
        body: The body.
        wav: Whether WAV was asked for, or bare samples; ``None`` for either.
    """
    found = container_of(body)
    if wav:
        return found != "WAV" and len(body) >= _WAV_HEADER
    return found is not None and (wav is False or found != "WAV")
