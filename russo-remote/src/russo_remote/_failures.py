"""The errors of obstore as errors of russo: what happened, and whether to try again. No secret, no URL.

obstore's exceptions have no status code, and their texts hold the whole URL of the request. So the status,
the code of the service and some words are looked for in the text, and nothing else of it is shown.
"""

from __future__ import annotations

import errno
import os
import re
from typing import Final

from russo import StoreError

from ._credentials import how_to_set

_STATUS: Final = re.compile(r"status code: (?P<status>[1-5][0-9]{2})\b")
_CODE: Final = re.compile(r"<Code>(?P<code>[A-Za-z0-9.]{1,60})</Code>")
_REGION: Final = re.compile(r"<Region>(?P<region>[a-z0-9-]{1,30})</Region>")
_SYSTEM: Final = re.compile(r"(?:os error |\bcode: )(?P<code>[0-9]{1,3})\b")
_HEADER: Final = re.compile(r"(?P<header>[A-Za-z-]{1,30}) [Hh]eader missing")
_NO_BUCKET: Final = ("NoSuchBucket", "ContainerNotFound", "ContainerBeingDeleted", "ContainerDisabled")
# Where clouds give credentials to their own machines.
_MACHINE: Final = (
    "/latest/api/token",
    "/latest/meta-data/",
    "/computeMetadata/",
    "/metadata/identity/",
    "resource=https%3A%2F%2Fstorage.azure.com",
)
# Statuses below 500 after which the same request may succeed later. 413 concerns only one object.
_PASSING: Final = (408, 409, 413, 425, 429)
_PASSING_CODES: Final = ("RequestTimeout", "IncompleteBody", "OperationAborted")
_DENIED: Final = ("PermissionDeniedError", "UnauthenticatedError")
_NAMED: Final = (
    ("RequestTimeTooSkewed", "the clock of this machine is wrong"),
    ("The difference between the request time and", "the clock of this machine is wrong"),
    ("Request date header too old", "the clock of this machine is wrong"),
    ("SignatureDoesNotMatch", "the secret key is wrong"),
    ("InvalidAccessKeyId", "the service does not know the access key"),
    ("ExpiredToken", "the credentials have expired"),
    ("TokenRefreshRequired", "the credentials have expired"),
)
_SETTINGS: Final = (
    ("Missing SecretAccessKey", "AWS_SECRET_ACCESS_KEY is not set"),
    ("Missing AccessKeyId", "AWS_ACCESS_KEY_ID is not set"),
    ("Account must be specified", "AZURE_STORAGE_ACCOUNT_NAME is not set"),
    ("Invalid Access Key", "AZURE_STORAGE_ACCOUNT_KEY is not valid"),
    ("Missing component in SAS", "AZURE_STORAGE_SAS_TOKEN is not valid"),
    ("Azure Cli not installed", "AZURE_USE_AZURE_CLI is set, and the command az is not installed"),
    ("'az account get-access-token'", "the command az gives no token; log in with: az login"),
    ("service account file", "the file of GOOGLE_APPLICATION_CREDENTIALS cannot be used"),
    ("Error reading pem", "the private key of the service account is not valid"),
    ("as boolean", "a variable of the store must be true or false"),
    ("credential provider", "the credentials could not be refreshed"),
    ("UnknownIssuer", "its certificate is not trusted; name your own authority in SSL_CERT_FILE"),
    ("InvalidCertificate", "its certificate is not valid"),
    ("builder error", "its address is not valid"),
    ("nable to recognise URL", "its URL is not valid"),
    ("URL did not match", "its URL is not valid"),
    ("empty path segment", "its URL has an empty part"),
)
_OUTAGES: Final = (
    ("kind: Timeout", "timed out"),
    ("TimedOut", "timed out"),
    ("timed out", "timed out"),
    ("dns error", "its host name is not known"),
    ("Connection refused", "the connection was refused"),
    ("Connection reset", "the connection was lost"),
    ("connection closed", "the connection was lost"),
    ("IncompleteMessage", "the connection was lost"),
    # obstore asks for the rest of a reply that ends too early. Not all servers can send a part.
    ("Content-Range header not present", "the connection was lost"),
    ("Range request not supported", "the connection was lost"),
    ("request or response body error", "the connection was lost"),
    ("following redirect", "it redirects too often"),
    ("TooManyRedirects", "it redirects too often"),
    ("redirect without LOCATION", "it redirects to no address"),
    ("error sending request", "it cannot be reached"),
)
_NO_LINKS: Final = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
_FOLDER_REFUSALS: Final = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST, errno.ENOTDIR)


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
    scheme = url.partition(":")[0]
    text, name = str(error), type(error).__name__
    code = found["code"] if (found := _CODE.search(text)) else ""
    if any(place in text for place in _MACHINE):
        return StoreError(f"no credentials were found; {how_to_set(scheme)}", kind="refused")
    status = int(found["status"]) if (found := _STATUS.search(text)) else None
    if isinstance(error, FileNotFoundError) or status == 404:
        return _no_bucket(url, scheme) if code in _NO_BUCKET or writes else None
    if scheme == "file":
        return _folder_error(text, name)
    if status is not None:
        return _status_error(text, status, code)
    if "redirect without LOCATION" in text and scheme == "s3":
        return StoreError("the bucket is in another region; set AWS_REGION", kind="refused")
    for mark, reason in _SETTINGS:
        if mark in text:
            return StoreError(reason, kind="refused")
    if isinstance(error, PermissionError) or name in _DENIED:
        return StoreError(f"access is denied ({name})", kind="refused")
    return StoreError(_words(text, name))


def system_code(text: str) -> int | None:
    """Return the code of the operating system's error in a text of obstore, or ``None`` if it has none."""
    return int(found["code"]) if (found := _SYSTEM.search(text)) else None


def lacks_links(error: BaseException) -> bool:
    """Return whether a put failed because the file system has no hard links, with which obstore creates."""
    text = str(error)
    return "Unable to rename file" in text and system_code(text) in _NO_LINKS


def _no_bucket(url: str, scheme: str) -> StoreError:
    bucket = url.partition("://")[2].partition("/")[0].partition("@")[0]
    if scheme in ("http", "https"):
        return StoreError("the web server has no such bucket", kind="refused")
    noun = "container" if scheme in ("az", "abfss") else "bucket"
    return StoreError(f"there is no {noun} {bucket!r}", kind="refused")


def _status_error(text: str, status: int, code: str) -> StoreError:
    """Return the error for a reply of a service."""
    said = f"{status} {code}".strip()
    for mark, reason in _NAMED:
        if mark in text:
            return StoreError(f"{reason} ({said})", kind="refused")
    if (found := _REGION.search(text)) is not None and status in (301, 307, 400):
        region = found["region"]
        return StoreError(
            f"the bucket is in the region {region!r}; set AWS_REGION={region} ({said})", kind="refused"
        )
    if "Error performing token request" in text and status < 500:
        return StoreError(f"the credentials were not accepted ({said})", kind="refused")
    if status in (401, 403):
        return StoreError(f"access is denied ({said})", kind="refused")
    if status >= 500 or status in _PASSING or code in _PASSING_CODES:
        return StoreError(f"the service answered {said}")
    return StoreError(f"the service refuses the request ({said})", kind="refused")


def _folder_error(text: str, name: str) -> StoreError:
    """Return the error for a folder, whose texts hold the code of the operating system."""
    if (code := system_code(text)) is None:
        if "recognise URL" in text:
            return StoreError("its URL is not valid; expected file:///FOLDER", kind="refused")
        return StoreError(f"it failed ({name})")
    reason = f"the folder cannot be used: {os.strerror(code)}"
    return StoreError(reason, kind="refused" if code in _FOLDER_REFUSALS else "outage")


def _words(text: str, name: str) -> str:
    for mark, reason in _OUTAGES:
        if mark in text:
            return reason
    if (found := _HEADER.search(text)) is not None:
        return f"its answer has no header {found['header']}"
    return f"it failed ({name})"
