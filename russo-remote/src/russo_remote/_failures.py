"""The errors of obstore as errors of russo: what happened, and whether to try again. No secret, no URL.

obstore's exceptions have no status code, and their texts hold the whole URL of the request. So the status
and the code of the service are read from the text, and only these are shown.
"""

from __future__ import annotations

import re
from typing import Final

from russo import StoreError

_STATUS: Final = re.compile(r"status code: (?P<status>[1-5][0-9]{2})\b")
_CODE: Final = re.compile(r"<Code>(?P<code>[A-Za-z0-9.]{1,60})</Code>")
_NO_BUCKET: Final = ("NoSuchBucket", "ContainerNotFound", "ContainerBeingDeleted")
_CLOCK: Final = ("RequestTimeTooSkewed", "RequestExpired", "AuthenticationFailed: Date")
_KINDS: Final = (
    ("RequestTimeTooSkewed", "the clock of this machine is wrong, as the service sees it"),
    ("SignatureDoesNotMatch", "the secret key is wrong"),
    ("InvalidAccessKeyId", "the service does not know the access key"),
    ("ExpiredToken", "the credentials have expired"),
)
_METADATA: Final = ("169.254.169.254", "metadata.google.internal", "/latest/api/token")


def error_of(error: BaseException, url: str, *, writes: bool = False) -> StoreError | None:
    """Return the error of russo for an exception of obstore.

    Args:
        error: The exception.
        url: The URL of the store.
        writes: Whether the call was a put or a list. Then "not found" means the bucket.

    Returns:
        ``None`` if the object does not exist.
    """
    if isinstance(error, StoreError):
        return error
    text, name = str(error), type(error).__name__
    code = found["code"] if (found := _CODE.search(text)) else ""
    status = int(found["status"]) if (found := _STATUS.search(text)) else None
    bucket = url.partition("://")[2].partition("/")[0]
    if isinstance(error, FileNotFoundError):
        if code in _NO_BUCKET or writes:
            return StoreError(f"there is no bucket {bucket!r}", kind="refused")
        return None
    if any(place in text for place in _METADATA):
        return StoreError("no credentials were found", kind="refused")
    said = f"{status} {code}".strip() if status is not None else ""
    for mark, reason in _KINDS:
        if mark in text:
            return StoreError(f"{reason} ({said or mark})", kind="refused")
    if isinstance(error, PermissionError) or status in (401, 403) or name in _REFUSALS:
        return StoreError(f"access is denied ({said or name})", kind="refused")
    if status is not None and status not in _PASSING and status < 500:
        return StoreError(f"the service refuses the request ({said})", kind="refused")
    if status is not None:
        return StoreError(f"the service answered {said}")
    if isinstance(error, OSError):
        return StoreError(error.strerror or name)
    return StoreError(_words(text, name))


_REFUSALS: Final = ("PermissionDeniedError", "UnauthenticatedError", "UnknownConfigurationKeyError")
_PASSING: Final = (408, 409, 425, 429)
_WORDS: Final = (
    ("operation timed out", "timed out"),
    ("timed out", "timed out"),
    ("dns error", "its host name is not known"),
    ("Connection refused", "the connection was refused"),
    ("connection closed", "the connection was lost"),
    ("Connection reset", "the connection was lost"),
    ("error sending request", "it cannot be reached"),
    ("request or response body error", "the connection was lost"),
    ("builder error", "its address is not valid"),
    ("certificate", "its certificate is not trusted"),
    ("Account must be specified", "AZURE_STORAGE_ACCOUNT_NAME is not set"),
)


def _words(text: str, name: str) -> str:
    for mark, reason in _WORDS:
        if mark in text:
            return reason
    return f"it failed ({name})"
