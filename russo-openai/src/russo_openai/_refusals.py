"""Choosing the error class for a refusal, by its HTTP status and its body.

The status is ambiguous: 429 means a temporary limit or a used-up quota, 400 means a text that is too long or
an option that does not exist. Compatible servers send FastAPI's errors (``detail``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from russo import QuotaExceededError, RequestRejectedError, TextRejectedError
from russo.authoring import kind_of_status

if TYPE_CHECKING:
    from russo import SynthesisError

_QUOTA: Final = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
_MODEL: Final = frozenset({"model_not_found", "invalid_model"})
_TEXT: Final = frozenset(
    {"string_above_max_length", "context_length_exceeded", "content_policy_violation", "moderation_blocked"}
)
# A validation error about the text: ('body', 'input') in OpenAI's message, ["body", "input"] in FastAPI's.
_ABOUT_INPUT: Final = re.compile(r"""['"]body\\?['"], *\\?['"]input\\?['"]""")


def kind_of(status: int, codes: set[str], param: object, body: str) -> type[SynthesisError]:
    """Return the error class for a refusal; ``codes`` are the codes that the service gives it."""
    if codes & _QUOTA:
        return QuotaExceededError
    if codes & _MODEL:  # also with 403, if the project may not use the model
        return RequestRejectedError
    kind = kind_of_status(status)
    if kind is RequestRejectedError and (codes & _TEXT or param == "input" or _ABOUT_INPUT.search(body)):
        return TextRejectedError
    return kind


def said_in(body: object, text: str) -> str:
    """Return the message of the service.

    Args:
        body: The reply's JSON, or the part of it that the SDK recognized as the error.
        text: The whole body, for errors of other shapes.
    """
    messages = [body.get("message"), body.get("detail")] if isinstance(body, dict) else []
    return next((each for each in messages if each and isinstance(each, str)), text)
