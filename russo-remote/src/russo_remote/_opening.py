"""Opens obstore's store of a URL, with limits for every wait."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from russo import StoreError

from ._credentials import aws_credentials
from ._failures import error_of

if TYPE_CHECKING:
    from obstore.store import ObjectStore

# Without limits, a server that never answers holds a call for three minutes.
_CLIENT: Final = {"connect_timeout": "1s", "read_timeout": "3s", "timeout": "10s"}
_RETRIES: Final = {
    "max_retries": 2,
    "backoff": {
        "init_backoff": timedelta(milliseconds=50),
        "max_backoff": timedelta(milliseconds=200),
        "base": 2,
    },
    # A server that is silent for the read timeout is not asked again.
    "retry_timeout": timedelta(seconds=2),
}
# The variables with the address of a server that stands for the cloud. obstore reads them, too.
_ENDPOINTS: Final = {
    "s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
    "gs": ("GOOGLE_BASE_URL",),
    "az": ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"),
    "abfss": ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"),
}


def open_store(url: str) -> ObjectStore:
    """Return obstore's store of a URL. No connection is opened.

    Raises:
        StoreError: A setting is missing or wrong.
    """
    import obstore.store

    scheme = url.partition(":")[0]
    try:
        if scheme == "file":
            return obstore.store.from_url(url, mkdir=True)
        options: dict[str, Any] = {"client_options": _client_options(url, scheme), "retry_config": _RETRIES}
        if scheme == "s3" and (provider := aws_credentials()) is not None:
            options["credential_provider"] = provider
        return obstore.store.from_url(url, **options)
    except Exception as error:  # noqa: BLE001 - all become a `StoreError`
        raise StoreError(str(error_of(error, url) or "not found"), kind="refused") from None


def _client_options(url: str, scheme: str) -> dict[str, Any]:
    """Return the limits. With them, obstore refuses http:// servers unless it is told otherwise."""
    addresses = [url, *(os.environ.get(name, "") for name in _ENDPOINTS.get(scheme, ()))]
    allow = any(urlsplit(address).scheme == "http" for address in addresses)
    return {**_CLIENT, "allow_http": True} if allow else dict(_CLIENT)
