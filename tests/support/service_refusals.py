"""Refusals of accounts, keys, limits and texts, as services send them, and the expected error of each.

The other rows are in `service_replies`.
"""

from typing import NamedTuple

from russo import (
    AuthenticationError,
    QuotaExceededError,
    RateLimitError,
    RequestRejectedError,
    SynthesisError,
    TextRejectedError,
)

PROMPT = "Tell me why my quota is exceeded and what your content policy says about an invalid API key."
Kind = type[SynthesisError]


class Row(NamedTuple):
    """A refusal, and the expected error.

    Attributes:
        said: Text that the message must contain.
        unsaid: Text that it must not contain.
        retried: Whether the call is retried; None if the class decides.
    """

    name: str
    status: int
    body: object
    kind: Kind
    said: str
    unsaid: str = ""
    retried: bool | None = None


def openai(message: object, **more: object) -> dict[str, object]:
    return {
        "error": {"message": message, "type": "invalid_request_error", "param": None, "code": None} | more
    }


def gemini(message: str, status: str, reason: str = "") -> dict[str, object]:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}] if reason else []
    return {"error": {"code": 0, "message": message, "status": status, "details": details}}


def eleven(status: str, message: str, **more: str) -> dict[str, object]:
    return {"detail": {"status": status, "message": message} | more}


def field(place: list[object], message: str, kind: str = "value_error") -> dict[str, object]:
    return {"detail": [{"type": kind, "loc": place, "msg": message, "input": PROMPT}]}


PLACE, PLAN, KEY = (
    "the key is not the reason",
    "the account's plan does not include this",
    "check the credentials",
)
MODEL = "check voice, model and options"
UNUSUAL = "Unusual activity detected. Free Tier usage disabled."
BLOCKED_PAGE = (
    "<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title><style>p{}</style></head>"
    "<body><h1>Sorry, you have been blocked</h1><script>var a = 1;</script></body></html>"
)

# An account, a network or a location is restricted: the key is valid.
RESTRICTED = [
    Row(
        "unusual activity",
        401,
        eleven("detected_unusual_activity", UNUSUAL),
        QuotaExceededError,
        "paid plan",
        KEY,
    ),
    Row(
        "unusual activity, words only",
        401,
        {"detail": UNUSUAL},
        QuotaExceededError,
        "without VPN or proxy",
        KEY,
    ),
    Row(
        "library voices",
        402,
        eleven("payment_required", "Free users cannot use library voices.", code="paid_plan_required"),
        QuotaExceededError,
        PLAN,
        KEY,
    ),
    Row(
        "library voices, 403",
        403,
        {"detail": "Free users can not use this voice."},
        QuotaExceededError,
        PLAN,
        KEY,
    ),
    Row("format of a plan", 403, eleven("output_format_not_allowed", "no"), QuotaExceededError, PLAN, KEY),
    Row(
        "format of a plan, words",
        403,
        {"detail": "pcm_44100 requires the Pro plan or higher."},
        QuotaExceededError,
        PLAN,
        KEY,
    ),
    Row("voices of creators", 401, eleven("only_for_creator+", "no"), QuotaExceededError, PLAN, KEY),
    Row(
        "model of a plan", 403, {"detail": "v3 is not available on your plan"}, QuotaExceededError, PLAN, KEY
    ),
    Row(
        "unsupported country",
        403,
        openai(
            "Country not supported", code="unsupported_country_region_territory", type="request_forbidden"
        ),
        RequestRejectedError,
        PLACE,
        KEY,
    ),
    Row(
        "unsupported country, words only",
        403,
        openai("Country, region, or territory not supported", type="permission_error"),
        RequestRejectedError,
        PLACE,
        KEY,
    ),
    Row(
        "user location",
        400,
        gemini("User location is not supported for the API use.", "FAILED_PRECONDITION"),
        RequestRejectedError,
        PLACE,
        KEY,
    ),
    Row("address not allowed", 401, openai("no", code="ip_not_authorized"), RequestRejectedError, PLACE, KEY),
    Row(
        "address, words",
        403,
        {"message": "Your IP 192.0.2.1 is not allowed"},
        RequestRejectedError,
        PLACE,
        KEY,
    ),
    Row("blocked by a firewall", 403, BLOCKED_PAGE, RequestRejectedError, PLACE, KEY),
    Row("legal reasons", 451, "unavailable", RequestRejectedError, PLACE, KEY),
    Row(
        "API is off",
        403,
        gemini("It is disabled.", "PERMISSION_DENIED", "SERVICE_DISABLED"),
        RequestRejectedError,
        "enable the API",
        KEY,
    ),
    Row(
        "API is off, words",
        403,
        gemini("Generative Language API has not been used in project 7 before", "PERMISSION_DENIED"),
        RequestRejectedError,
        "enable the API",
        KEY,
    ),
    Row(
        "billing is off",
        403,
        gemini("no", "PERMISSION_DENIED", "BILLING_DISABLED"),
        QuotaExceededError,
        "plan and billing",
        KEY,
    ),
    Row(
        "key of other pages",
        403,
        gemini(
            "Requests from referer <empty> are blocked.", "PERMISSION_DENIED", "API_KEY_HTTP_REFERRER_BLOCKED"
        ),
        AuthenticationError,
        "change the restrictions of the key",
    ),
    Row(
        "organization",
        403,
        openai("Your organization must be verified to use the model `x`."),
        RequestRejectedError,
        "verify the organization",
        KEY,
    ),
    Row(
        "project without the model",
        403,
        openai("no", code="model_not_found"),
        RequestRejectedError,
        MODEL,
        KEY,
    ),
    Row(
        "project without the model, words",
        403,
        openai("Project `p` does not have access to model `m`"),
        RequestRejectedError,
        MODEL,
        KEY,
    ),
    Row(
        "deactivated",
        401,
        openai("no", code="account_deactivated"),
        AuthenticationError,
        "ask the service",
        KEY,
    ),
    Row("any 403", 403, "Forbidden", AuthenticationError, "the plan and the network have access"),
]

# Credentials.
CREDENTIALS = [
    Row("token of AWS", 400, {"__type": "a#UnrecognizedClientException"}, AuthenticationError, KEY),
    Row(
        "wrong key",
        401,
        openai("Incorrect API key provided", code="invalid_api_key"),
        AuthenticationError,
        KEY,
    ),
    Row("wrong key, 400", 400, gemini("API key not valid.", "INVALID_ARGUMENT"), AuthenticationError, KEY),
    Row(
        "wrong key, reason",
        400,
        gemini("no", "INVALID_ARGUMENT", "API_KEY_INVALID"),
        AuthenticationError,
        KEY,
    ),
    Row("no key", 401, eleven("needs_authorization", "no header"), AuthenticationError, KEY),
    Row("no key, 422", 422, {"detail": "Missing API key"}, AuthenticationError, KEY),
    Row(
        "no permission", 401, eleven("missing_permissions", "no"), AuthenticationError, "lacks the permission"
    ),
    Row(
        "Cloudflare",
        400,
        {"success": False, "errors": [{"message": "Authentication error"}]},
        AuthenticationError,
        KEY,
    ),
    Row("FastAPI", 403, {"detail": "Not authenticated"}, AuthenticationError, "'Not authenticated'"),
    Row("token expired", 498, "token expired", AuthenticationError, KEY),
    Row(
        "login of a proxy", 407, "", RequestRejectedError, "check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY", KEY
    ),
]

# Quota and rate.
LIMITS = [
    Row("quota", 401, eleven("quota_exceeded", "no"), QuotaExceededError, "plan and billing", KEY),
    Row("quota, 429", 429, openai("no", code="insufficient_quota"), QuotaExceededError, "insufficient_quota"),
    Row(
        "quota, 403",
        403,
        {"error": "You exceeded your current quota"},
        QuotaExceededError,
        "plan and billing",
    ),
    Row(
        "budget",
        400,
        openai("Budget has been exceeded!", type="budget_exceeded"),
        QuotaExceededError,
        "Budget has",
    ),
    Row(
        "credits",
        402,
        {"error": {"message": "Insufficient credits", "code": 402}},
        QuotaExceededError,
        "Insufficient",
    ),
    Row("quota, bare words", 429, "insufficient quota", QuotaExceededError, "plan and billing"),
    Row("rate", 429, {"message": "slow down"}, RateLimitError, "slow down"),
    Row("rate, 400", 400, eleven("too_many_concurrent_requests", "no"), RateLimitError, "max_concurrency"),
    Row("rate, 403", 403, {"message": "Rate limit reached"}, RateLimitError, "Rate limit"),
    Row(
        "rate, AWS",
        400,
        {"__type": "ThrottlingException", "message": "no"},
        RateLimitError,
        "ThrottlingException",
    ),
    Row(
        "rate, AWS with a namespace",
        400,
        {"__type": "com.amazon.coral.service#ThrottlingException", "message": "no"},
        RateLimitError,
        "'no'",
    ),
    Row("balance", 403, {"message": "account balance is insufficient"}, QuotaExceededError, "billing", KEY),
    Row("limit of a key", 403, openai("Key limit exceeded (total limit)."), QuotaExceededError, "limit", KEY),
    Row("arrears", 400, {"code": "Arrearage", "message": "Access denied."}, QuotaExceededError, "billing"),
]

# The text.
TEXT = [
    Row(
        "too long", 400, openai("no", code="string_above_max_length"), TextRejectedError, "change the prompt"
    ),
    Row(
        "too long, field",
        422,
        field(["body", "input"], "String should have"),
        TextRejectedError,
        "body.input: String",
    ),
    Row(
        "too long, text",
        422,
        field(["body", "text"], "no", "string_too_long"),
        TextRejectedError,
        "body.text: no",
    ),
    Row(
        "too long, words",
        400,
        {"detail": "Input text is too long"},
        TextRejectedError,
        "Input text is too long",
    ),
    Row("at most", 400, {"detail": "Input should have at most 4096 characters"}, TextRejectedError, "4096"),
    Row(
        "context",
        400,
        openai("This model's maximum context length is 2000 tokens."),
        TextRejectedError,
        "2000",
    ),
    Row(
        "tokens", 400, openai("Input has too many tokens", code="invalid_value"), TextRejectedError, "tokens"
    ),
    Row("limit", 400, {"error": "Text exceeds the character limit of 5000"}, TextRejectedError, "5000"),
    Row(
        "token count",
        400,
        gemini("The input token count (9000) exceeds 8192", "X"),
        TextRejectedError,
        "9000",
    ),
    Row(
        "413",
        413,
        "<html><title>413 Request Entity Too Large</title></html>",
        TextRejectedError,
        "'413 Request",
    ),
    Row("too long, 500", 500, {"detail": "Text is too long for this model"}, TextRejectedError, "too long"),
    Row("newer code", 400, eleven("x", "no", code="text_too_long"), TextRejectedError, "text_too_long"),
    Row(
        "policy",
        400,
        openai("no", code="content_policy_violation"),
        TextRejectedError,
        "content_policy_violation",
    ),
    Row(
        "policy, words",
        400,
        {"message": "It violates our usage policies"},
        TextRejectedError,
        "usage policies",
    ),
    Row(
        "safety",
        400,
        openai("Your request was rejected by the safety system."),
        TextRejectedError,
        "safety system",
    ),
    Row("flagged", 403, {"error": {"message": "Your input was flagged"}}, TextRejectedError, "flagged", KEY),
    Row(
        "Azure filter",
        400,
        {"error": {"code": "400", "message": "no", "innererror": {"code": "ResponsibleAIPolicyViolation"}}},
        TextRejectedError,
        "change the prompt",
    ),
    Row(
        "blocked", 400, {"detail": "The prompt contains prohibited content."}, TextRejectedError, "prohibited"
    ),
]
