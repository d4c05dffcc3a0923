"""Credentials of AWS from its profiles, which obstore does not read: boto3 reads them, if it is installed."""

from __future__ import annotations

import os
from typing import Any


def aws_credentials() -> Any:
    """Return a credential provider for obstore, or ``None`` if obstore finds the credentials itself.

    With keys in variables, obstore needs no help. Otherwise, if boto3 is installed, its providers are used:
    profiles, single sign-on, and the roles of machines.
    """
    if os.environ.get("AWS_ACCESS_KEY_ID") or _is_true(os.environ.get("AWS_SKIP_SIGNATURE")):
        return None
    try:
        from obstore.auth.boto3 import Boto3CredentialProvider
    except ImportError:
        return None
    try:
        return Boto3CredentialProvider()
    except Exception:  # noqa: BLE001 - boto3 has found none; then obstore asks the machine
        return None


def _is_true(text: str | None) -> bool:
    return (text or "").lower() in ("1", "true", "yes", "on", "y")
