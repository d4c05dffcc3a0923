"""Credentials that obstore does not find itself: boto3 or google-auth find them, if they are installed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

from russo import StoreError

_AWS_FILES: Final = (
    ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
    ("AWS_CONFIG_FILE", "~/.aws/config"),
)
# obstore uses these without boto3: the identity of a job, and the role of a container.
_AWS_ROLES: Final = (
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
_GOOGLE_SCOPE: Final = "https://www.googleapis.com/auth/devstorage.read_write"
_GOOGLE_OWN: Final = ("service_account", "authorized_user")


def provider_of(scheme: str) -> Any:
    """Return a credential provider for obstore, or ``None`` if obstore finds the credentials itself.

    Raises:
        StoreError: The credentials cannot be used.
    """
    if scheme == "s3":
        return _aws_provider()
    return _google_provider() if scheme == "gs" else None


def how_to_set(scheme: str) -> str:
    """Return how to set the credentials of a scheme, in words."""
    if scheme == "s3":
        if _has_aws_profiles() and not os.environ.get("AWS_ACCESS_KEY_ID"):
            return "profiles of AWS need boto3: pip install boto3"
        return "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    if scheme == "gs":
        return "set GOOGLE_APPLICATION_CREDENTIALS"
    return "set AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN"


def _aws_provider() -> Any:
    """Return boto3's provider of profiles, single sign-on and roles, if it is needed and installed.

    Raises:
        StoreError: boto3 finds no credentials. obstore knows no other place.
    """
    environ = os.environ
    if environ.get("AWS_ACCESS_KEY_ID") or environ.get("AWS_SECRET_ACCESS_KEY"):
        return None
    if _is_true(environ.get("AWS_SKIP_SIGNATURE")):
        return None
    if not environ.get("AWS_PROFILE") and any(environ.get(name) for name in _AWS_ROLES):
        return None
    try:
        from obstore.auth.boto3 import Boto3CredentialProvider
    except ImportError:
        if _is_true(environ.get("AWS_EC2_METADATA_DISABLED")):  # obstore does not know it
            raise StoreError(f"no credentials were found; {how_to_set('s3')}", kind="refused") from None
        return None
    try:
        return Boto3CredentialProvider()
    except Exception as error:  # noqa: BLE001 - such as ProfileNotFound; a ValueError means that there are none
        found = "" if isinstance(error, ValueError) else f" (boto3: {type(error).__name__})"
        reason = f"no credentials were found{found}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        raise StoreError(reason, kind="refused") from None


def _has_aws_profiles() -> bool:
    files = (Path(os.environ.get(name) or default).expanduser() for name, default in _AWS_FILES)
    return bool(os.environ.get("AWS_PROFILE")) or any(file.is_file() for file in files)


def _google_provider() -> Any:
    """Return google-auth's provider for the credentials that obstore cannot read, such as those of a job.

    Raises:
        StoreError: google-auth is needed and not installed.
    """
    kind = _google_kind(os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"))
    if kind is None or kind in _GOOGLE_OWN:
        return None
    try:
        import google.auth
        from obstore.auth.google import GoogleCredentialProvider
    except ImportError:
        need = "pip install google-auth requests"
        reason = f"the credentials in the file of GOOGLE_APPLICATION_CREDENTIALS need: {need}"
        raise StoreError(reason, kind="refused") from None
    credentials, _ = google.auth.default(scopes=[_GOOGLE_SCOPE])
    return GoogleCredentialProvider(credentials)


def _google_kind(file: str | None) -> str | None:
    """Return the type of the credentials in a file, or ``None`` if it cannot be read."""
    try:
        content = json.loads(Path(file or "").read_bytes())
    except (OSError, ValueError):
        return None  # obstore says why
    kind = content.get("type") if isinstance(content, dict) else None
    return kind if isinstance(kind, str) else None


def _is_true(text: str | None) -> bool:
    return (text or "").lower() in ("1", "true", "yes", "on", "y")
