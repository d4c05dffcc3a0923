"""The words by which services name the cause of a refusal, in the order in which they are searched.

A phrase is listed only if it has one meaning. Every pattern takes linear time, because the text is foreign.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from .causes import (
    ACTIVITY,
    API_OFF,
    BUSY,
    KEY,
    PLACE,
    PLAN,
    QUOTA,
    RATE,
    REQUEST,
    RESTRICTED,
    SUSPENDED,
    TEXT,
    VERIFY,
    Cause,
)

# Up to five other words in between.
_FEW: Final = r"\S{0,3}\s(?:\S{1,40}\s){0,5}?[\"'(]?"
WORDS: Final[tuple[tuple[Cause, re.Pattern[str]], ...]] = tuple(
    (cause, re.compile(pattern, re.IGNORECASE))
    for cause, pattern in (
        (
            RATE,
            r"rate.?limit(?!error)|too many (concurrent )?requests"
            r"|(requests|tokens) per (min(ute)?|second)\b",
        ),
        (ACTIVITY, r"unusual activity|free tier usage disabled"),
        (
            RESTRICTED,
            rf"(api )?key\b{_FEW}(restriction|restricted)|requests from (this|referer|referrer|ip address)\b"
            rf"{_FEW}(is|are) blocked|requests to this api\b{_FEW}are blocked",
        ),
        (
            PLACE,
            rf"\b(country|countries|region|territory|user location|your location)\b{_FEW}"
            r"(not (supported|available|allowed)|unsupported)"
            r"|not (supported|available|offered|allowed) in (your|this) (country|region|location)"
            r"|unsupported (country|region|territory)"
            rf"|\byour (ip|network)\b{_FEW}(not (allowed|authori[sz]ed|permitted|whitelisted)|blocked|denied)"
            r"|\bip( address)? (is )?(not (allowed|authori[sz]ed|permitted|whitelisted)|blocked)"
            r"|you have been blocked|firewall rules|\berror code: 10(0[5-9]|1[0-9]|20)\b"
            r"|request (was )?blocked(?! (by|due to) (the )?(content|safety|moderation))",
        ),
        (API_OFF, r"has not been used in project|api (is not enabled|has not been enabled|is disabled)"),
        (VERIFY, r"organi[sz]ation must be verified|verify (your )?organi[sz]ation"),
        (
            PLAN,
            r"free (users|accounts|plan|tier)\b[^.]{0,40}\b(can ?not|may not)"
            r"|free (users|accounts|plan|tier)\b[^.]{0,40}\bnot (allowed|available|supported)"
            r"|(paid|higher|pro|creator|starter) (plan|subscription|tier)\b"
            r"|upgrade (your|to a|the) (plan|subscription|account|paid)"
            rf"|not (available|included|allowed|supported) (in|on|for|with|by){_FEW}(plan|tier|subscription)"
            r"|(plan|subscription|tier) does not (include|allow|support|permit)",
        ),
        (
            QUOTA,
            rf"\b(exceed\w*|insufficient|out of|no|used up|over|not enough|reached){_FEW}"
            r"(quota|credits?|balance|funds|budget)\b"
            rf"|\b(quota|credits?|balance|budget)\b{_FEW}"
            r"(exceeded|exhausted|used up|depleted|too low|insufficient)"
            r"|\bkey limit exceeded"
            r"|billing (hard limit|(is )?(not active|disabled))|payment required",
        ),
        (SUSPENDED, rf"\b(account|project|organi[sz]ation|consumer)\b{_FEW}(suspended|deactivated|banned)"),
        (
            KEY,
            rf"\b(invalid|incorrect|wrong|missing|expired|bad|malformed|no|revoked|provide){_FEW}"
            r"(api|access|subscription)[ _-]?key"
            rf"|api[ _-]?key\b{_FEW}(not valid|invalid|expired|not found|missing|required|incorrect|revoked)"
            r"|not authenticated|authentication (failed|required|error)|invalid (credentials|bearer token)"
            r"|no auth credentials",
        ),
        (
            TEXT,
            rf"\b(text|string|input|prompt|message|request|sentence|utterance|body|payload|entity){_FEW}"
            r"(too (long|large)|longer than)"
            r"|at most [0-9,]+ (characters|tokens|bytes)"
            r"|(maximum|max|maximal) (context|text|input|prompt) (length|size)|maximum length of [0-9]"
            r"|(character|token|text length|input length) limit|context length|token count"
            rf"|too many (characters|tokens)|exceed\w*{_FEW}(characters|tokens|character|token|text|input)\b"
            rf"|\b(characters|tokens|text|input|prompt|length){_FEW}exceed"
            r"|less than or equal to [0-9,]+ (characters|tokens)"
            r"|(content|usage|safety|acceptable use).?(management )?polic(y|ies)"
            r"|safety (system|filter|setting)s?"
            r"|content.?(filter|moderation)|moderation|\bflagged\b|responsible ai|prohibited (content|use)"
            rf"|\b(content|prompt|text|input){_FEW}"
            r"(blocked|prohibited|inappropriate|disallowed|violat\w+|unsafe|harmful)"
            r"|tried to generate text",
        ),
        (
            BUSY,
            rf"\b(model|server|service|engine){_FEW}(loading|starting|warming|overloaded)"
            r"|temporarily unavailable",
        ),
        (
            REQUEST,
            rf"\b(model|voice|speaker|deployment)\b{_FEW}"
            r"(not found|not exist|doesn't exist|not supported|not available|unknown|deprecated|retired)"
            r"|(unknown|unsupported|no such|not a valid) (model|voice|speaker)"
            r"|(not have|no|without) access to (the )?(model|voice)",
        ),
    )
)
# In the body of a success: words of temporary failures, in addition to those of RATE and BUSY.
PASSING: Final = re.compile(
    r"internal (server )?error|try again|temporar|unavailable|overloaded|\bbusy\b|timed? ?out", re.IGNORECASE
)
# Statuses that services and gateways use for every cause.
FREE: Final = frozenset({None, 400, 403, 404, 406, 422, 424})
# For other statuses: the causes that words may name although the status has another meaning.
BELIEVED: Final[Mapping[int, frozenset[Cause]]] = {
    401: frozenset({ACTIVITY, PLACE, PLAN, QUOTA, SUSPENDED, API_OFF, VERIFY, RESTRICTED}),
    402: frozenset({ACTIVITY, PLAN}),
    429: frozenset({ACTIVITY, PLAN, QUOTA}),
    451: frozenset({TEXT}),
    500: frozenset({TEXT, REQUEST, QUOTA}),
}
