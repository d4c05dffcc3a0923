"""Opens obstore's store of a URL, with limits for every wait."""

from __future__ import annotations

import errno
import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from russo import StoreError

from ._credentials import provider_of
from ._failures import error_of, system_code
from ._forks import check_process

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
# The variables with the address of a server that replaces the cloud. obstore reads them, too.
_ENDPOINTS: Final = {
    "s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
    "gs": ("GOOGLE_BASE_URL",),
    "az": ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"),
    "abfss": ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"),
}


def open_store(url: str, *, patient: bool = False) -> ObjectStore:
    """Return obstore's store of a URL. No connection is opened.

    Args:
        url: The URL, not of a folder.
        patient: Whether the wait for a reply may last as long as the whole call. The wait begins with the
            request, so while a large object is sent, a server is not silent.

    Raises:
        StoreError: A setting is missing or wrong, or the process is a fork.
    """
    check_process()
    import obstore.store

    scheme = url.partition(":")[0]
    options: dict[str, Any] = {
        "client_options": _client_options(url, scheme, patient=patient),
        "retry_config": _RETRIES,
    }
    try:
        if scheme in ("http", "https"):
            # `from_url` would use the credentials of a cloud for the hosts that it knows.
            return obstore.store.HTTPStore.from_url(url, **options)
        if (provider := provider_of(scheme)) is not None:
            options["credential_provider"] = provider
        return obstore.store.from_url(url, **options)
    except Exception as error:  # noqa: BLE001 - all become a `StoreError`
        raise _refusal(error, url) from None


def open_folder(url: str) -> ObjectStore | None:
    """Return obstore's store of a ``file://`` URL, or ``None`` if the folder does not exist.

    Raises:
        StoreError: The folder cannot be used, or the process is a fork.
    """
    check_process()
    import obstore.store

    try:
        return obstore.store.from_url(url)
    except Exception as error:  # noqa: BLE001 - all become a `StoreError`
        if system_code(str(error)) == errno.ENOENT:
            return None
        raise _refusal(error, url) from None


def create_folder(url: str) -> ObjectStore:
    """Return obstore's store of a ``file://`` URL, whose folder is created if it does not exist.

    Raises:
        StoreError: The folder cannot be created or used, or the process is a fork.
    """
    check_process()
    import obstore.store

    try:
        return obstore.store.from_url(url, mkdir=True)
    except Exception as error:  # noqa: BLE001 - all become a `StoreError`
        raise _refusal(error, url) from None


def _refusal(error: Exception, url: str) -> StoreError:
    return StoreError(str(error_of(error, url) or "not found"), kind="refused")


def _client_options(url: str, scheme: str, *, patient: bool) -> dict[str, Any]:
    """Return the limits. With them, obstore refuses http:// servers unless ``allow_http`` is set here."""
    addresses = [url, *(os.environ.get(name, "") for name in _ENDPOINTS.get(scheme, ()))]
    options: dict[str, Any] = dict(_CLIENT)
    if patient:
        options["read_timeout"] = _CLIENT["timeout"]
    if any(urlsplit(address).scheme == "http" for address in addresses):
        options["allow_http"] = True
    return options
