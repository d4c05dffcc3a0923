"""Choosing the error class for a refusal: by HTTP status, ``error`` event, ``response.done`` or close.

The status is ambiguous: 429 means a temporary limit or a used-up quota, 400 means a text that is too long or
an option that does not exist. So the codes decide first. Compatible servers send FastAPI's errors
(``detail``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from russo import (
    AuthenticationError,
    QuotaExceededError,
    RateLimitError,
    RequestRejectedError,
    ServiceError,
    TextRejectedError,
)
from russo.authoring import kind_of_status

if TYPE_CHECKING:
    from russo import SynthesisError

_QUOTA: Final = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
_MODEL: Final = frozenset({"model_not_found", "invalid_model"})
_TEXT: Final = frozenset(
    {"string_above_max_length", "context_length_exceeded", "content_policy_violation", "moderation_blocked"}
)
_UNFINISHED: Final = frozenset({"content_filter", "max_output_tokens"})
_CREDENTIALS: Final = frozenset(
    {
        "account_deactivated",
        "authentication_error",
        "invalid_api_key",
        "invalid_authentication",
        "permission_denied",
        "permission_error",
    }
)
_RATE: Final = frozenset({"rate_limit_error", "rate_limit_exceeded"})
# These may come with the type invalid_request_error, although the same request may succeed later.
_SERVICE: Final = frozenset(
    {
        "conversation_already_has_active_response",
        "response_already_active",
        "server_error",
        "session_expired",
    }
)
_REQUEST: Final = frozenset({"beta_api_shape_disabled", "invalid_value", "unknown_parameter"})
# A type that goes with many codes, so it decides only if nothing else does.
_ANY_REQUEST: Final = "invalid_request_error"
# The first that matches decides.
_KINDS: Final[tuple[tuple[frozenset[str], type[SynthesisError]], ...]] = (
    (_CREDENTIALS, AuthenticationError),
    (_RATE, RateLimitError),
    (_SERVICE, ServiceError),
    (_UNFINISHED, TextRejectedError),
    (_TEXT | _REQUEST, RequestRejectedError),
)
# A validation error about the text: ('body', 'input') in OpenAI's message, ["body", "input"] in FastAPI's.
_ABOUT_INPUT: Final = re.compile(r"""['"]body\\?['"], *\\?['"]input\\?['"]""")
_WAIT: Final = re.compile(
    r"try again in (?:([0-9]{1,3})h)?(?:([0-9]{1,6})m(?!s))?(?:([0-9]{1,6}(?:\.[0-9]+)?)(ms|s))?",
    re.IGNORECASE,
)


def kind_of(
    codes: set[str], *, status: int | None = None, param: object = None, body: str = ""
) -> type[SynthesisError]:
    """Return the class of the error for a refusal.

    Args:
        codes: The service's ``type`` and ``code``.
        status: The HTTP status, if the refusal is an HTTP reply.
        param: The option that the service complains about.
        body: The whole body, which may point at the text.
    """
    if codes & _QUOTA:
        return QuotaExceededError
    if codes & _MODEL:  # also with 403, if the project may not use the model
        return RequestRejectedError
    kind = _kind_of_codes(codes) or _kind_without_code(codes, status)
    if kind is RequestRejectedError and (codes & _TEXT or param == "input" or _ABOUT_INPUT.search(body)):
        return TextRejectedError
    return kind


def _kind_of_codes(codes: set[str]) -> type[SynthesisError] | None:
    return next((kind for known, kind in _KINDS if codes & known), None)


def _kind_without_code(codes: set[str], status: int | None) -> type[SynthesisError]:
    if status is not None:
        return kind_of_status(status)
    return RequestRejectedError if _ANY_REQUEST in codes else ServiceError


def said_in(body: object, text: str) -> str:
    """Return the message of the service.

    Args:
        body: The reply's JSON, or the part of it that the SDK recognized as the error.
        text: The whole body, for errors of other shapes.
    """
    messages = [body.get("message"), body.get("detail")] if isinstance(body, dict) else []
    return next((each for each in messages if each and isinstance(each, str)), text)


def wait_said_in(message: str) -> float | None:
    """Return the delay in seconds that an event asks for ("try again in 1.2s"), or None.

    An event has no Retry-After header.
    """
    found = _WAIT.search(message)
    if found is None or not any(found.groups()):
        return None
    rest = float(found[3] or 0) * (0.001 if (found[4] or "").lower() == "ms" else 1.0)
    return 3600.0 * int(found[1] or 0) + 60.0 * int(found[2] or 0) + rest
