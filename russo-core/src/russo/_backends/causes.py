"""The causes of refusals, and the codes and statuses that name them.

One table serves all backends, because gateways pass on the codes of every service.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from .._errors import (
    AuthenticationError,
    QuotaExceededError,
    RateLimitError,
    RequestRejectedError,
    ServiceError,
    SynthesisError,
    SynthesisTimeoutError,
    TextRejectedError,
)


class Cause(NamedTuple):
    """Why a service refuses.

    Attributes:
        kind: The class of the error.
        advice: What to do next, if the advice of the class is not precise enough.
    """

    kind: type[SynthesisError]
    advice: str | None = None


KEY: Final = Cause(AuthenticationError)
DENIED: Final = Cause(
    AuthenticationError,
    "check the credentials, and whether the account, the plan and the network have access",
)
PERMISSION: Final = Cause(
    AuthenticationError, "check the credentials: the key or account lacks the permission for speech"
)
RESTRICTED: Final = Cause(
    AuthenticationError, "change the restrictions of the key (APIs, addresses, referrers), or use another key"
)
SUSPENDED: Final = Cause(
    AuthenticationError, "the account or project is suspended or deactivated: ask the service why"
)
QUOTA: Final = Cause(QuotaExceededError)
PLAN: Final = Cause(
    QuotaExceededError,
    "the account's plan does not include this: change the plan, or choose another voice, model or option",
)
ACTIVITY: Final = Cause(
    QuotaExceededError,
    "the key is valid, but the free plan is disabled for this network: use a paid plan, or a network "
    "without VPN or proxy",
)
PLACE: Final = Cause(
    RequestRejectedError,
    "the key is not the reason: the service is not available in this country, region or network (VPN, "
    "proxy, IP address)",
)
API_OFF: Final = Cause(
    RequestRejectedError,
    "the key is valid: enable the API in the project's settings, and wait a few minutes",
)
VERIFY: Final = Cause(
    RequestRejectedError, "verify the organization in the account's settings, or choose another model"
)
RATE: Final = Cause(RateLimitError)
BUSY: Final = Cause(ServiceError)
TEXT: Final = Cause(TextRejectedError)
REQUEST: Final = Cause(RequestRejectedError)
_PROXY_LOGIN: Final = Cause(
    RequestRejectedError,
    "a proxy requires a user name and a password: check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY",
)
_NOT_OFFERED: Final = Cause(
    RequestRejectedError, "the server does not offer speech at this address: check base_url"
)


def plain(code: str) -> str:
    """Return a code in one spelling: services write ``RateLimitError`` or ``rate_limit_error``."""
    return re.sub(r"[^a-z0-9]", "", code.lower())


def _table(*rows: tuple[Cause, str]) -> Mapping[str, tuple[int, Cause]]:
    """Return causes by code, each with its rank: the first row decides."""
    return {plain(code): (rank, cause) for rank, (cause, codes) in enumerate(rows) for code in codes.split()}


# Codes with one meaning. If a reply has two of them, the earlier row decides.
CODES: Final = _table(
    (ACTIVITY, "detected_unusual_activity"),
    (
        QUOTA,
        "insufficient_quota quota_exceeded insufficient_credits insufficient_funds insufficient_balance "
        "credits_exhausted billing_hard_limit_reached billing_not_active billing_disabled budget_exceeded "
        "spend_limit_exceeded arrearage",
    ),
    (
        PLAN,
        "subscription_required paid_plan_required payment_required free_users_not_allowed "
        "free_tier_not_allowed "
        "only_for_creator+ feature_not_available feature_not_in_plan output_format_not_allowed "
        "upgrade_required invalid_subscription plan_required",
    ),
    (
        PLACE,
        "unsupported_country_region_territory unsupported_country country_not_supported region_not_supported "
        "location_not_supported user_location_not_supported ip_not_authorized ip_not_allowed ip_blocked "
        "ip_address_not_allowed geo_blocked security_policy_violated location_policy_violated "
        "location_org_policy_violated",
    ),
    (API_OFF, "service_disabled access_not_configured api_not_enabled api_disabled"),
    (VERIFY, "organization_not_verified organization_verification_required"),
    (
        REQUEST,
        "model_not_found invalid_model model_not_available model_not_supported model_deprecated "
        "unknown_model unsupported_model deployment_not_found voice_not_found voice_access_denied "
        "invalid_voice unknown_voice unsupported_voice voice_not_supported",
    ),
    (
        RESTRICTED,
        "api_key_http_referrer_blocked api_key_ip_address_blocked api_key_service_blocked "
        "api_key_android_app_blocked api_key_ios_app_blocked",
    ),
    (
        SUSPENDED,
        "account_deactivated account_suspended consumer_suspended user_blocked organization_deactivated",
    ),
    (
        PERMISSION,
        "missing_permissions insufficient_permissions iam_permission_denied access_token_scope_insufficient "
        "user_project_denied",
    ),
    (
        KEY,
        "invalid_api_key invalid_authentication invalid_token token_expired api_key_invalid api_key_expired "
        "missing_api_key no_api_key needs_authorization invalid_authorization_header access_token_expired "
        "access_token_type_unsupported credentials_missing unrecognized_client_exception "
        "expired_token_exception invalid_signature_exception",
    ),
    (
        RATE,
        "rate_limit_exceeded rate_limited too_many_concurrent_requests "
        "concurrent_limit_exceeded system_busy throttling_exception throttled",
    ),
    (
        BUSY,
        "session_expired conversation_already_has_active_response response_already_active overloaded "
        "overloaded_error engine_overloaded model_loading service_unavailable",
    ),
    (
        TEXT,
        "string_above_max_length string_too_long string_too_short context_length_exceeded text_too_long "
        "input_too_long prompt_too_long max_character_limit_exceeded character_limit_exceeded "
        "text_length_exceeded request_too_large payload_too_large token_limit_exceeded max_output_tokens "
        "value_error.any_str.max_length content_policy_violation content_against_policy content_filter "
        "moderation_blocked content_moderation moderation content_blocked flagged prohibited_content "
        "unsafe_content sensitive_content responsible_ai_policy_violation invalid_prompt empty_text",
    ),
)
# Codes with many possible causes, so the words of the message decide first.
LOOSE_CODES: Final = _table(
    (KEY, "authentication_error unauthenticated unauthorized"),
    (DENIED, "permission_denied permission_error forbidden access_denied permission_denied_error"),
    (RATE, "rate_limit_error too_many_requests"),
    (BUSY, "server_error"),
    (REQUEST, "beta_api_shape_disabled invalid_value unknown_parameter"),
)
# This type comes with every status, so it decides only if the reply has no status.
LAST_CODES: Final = _table((REQUEST, "invalid_request_error bad_request_error"))

STATUSES: Final[Mapping[int, Cause]] = {
    401: KEY,
    402: QUOTA,
    403: DENIED,
    405: _NOT_OFFERED,
    407: _PROXY_LOGIN,
    408: Cause(SynthesisTimeoutError),
    409: BUSY,
    413: TEXT,
    425: BUSY,
    429: RATE,
    451: PLACE,
    498: KEY,
    499: BUSY,
}
