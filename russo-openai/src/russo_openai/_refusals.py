"""What a status other than 200 means.

The status alone does not tell: 429 is a limit that passes or a quota that is gone, 400 a text that is too
long or an option that does not exist. Compatible servers say the same in FastAPI's words (``detail``).
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
# A validation error that points at the text: ('body', 'input') in OpenAI's message, ["body", "input"] from
# FastAPI.
_ABOUT_INPUT: Final = re.compile(r"""['"]body\\?['"], *\\?['"]input\\?['"]""")


def kind_of(status: int, codes: set[str], param: object, body: str) -> type[SynthesisError]:
    """Return the error that a refusal is; ``codes`` are what the service calls it."""
    if codes & _QUOTA:
        return QuotaExceededError
    if codes & _MODEL:  # 403 where the project may not use the model
        return RequestRejectedError
    kind = kind_of_status(status)
    if kind is RequestRejectedError and (codes & _TEXT or param == "input" or _ABOUT_INPUT.search(body)):
        return TextRejectedError
    return kind


def said_in(body: object, text: str) -> str:
    """Return what the service said.

    Args:
        body: The reply's JSON, or what the SDK takes for the error in it.
        text: The whole body, for errors of other shapes.
    """
    messages = [body.get("message"), body.get("detail")] if isinstance(body, dict) else []
    return next((each for each in messages if each and isinstance(each, str)), text)
