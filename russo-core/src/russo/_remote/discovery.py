"""Stores by the scheme of a URL: the entry-point group whose entries open stores."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import urlsplit

from .._backends.entry_points import EntryPointGroup
from .._errors import BackendConfigError, RussoError, StoreError
from .._foreign import shown
from .._settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .store import Store, StoredObject

_EXTRA: Final = "russo-core[remote]"
_SCHEMES: Final = ("s3", "gs", "az", "abfss", "file", "http", "https")
STORES: Final = EntryPointGroup(
    "russo.stores",
    noun="store",
    product="store",
    extras=dict.fromkeys(_SCHEMES, _EXTRA),
    aliases={"s3a": "s3", "gcs": "gs", "azure": "az", "abfs": "abfss", "adl": "az", "webdav": "http"},
)
_QUERY: Final = re.compile(r"(://[^\s'\"?]*\?)[^\s'\"]+")
_READ: Final = 10_000
_LONGEST_ERROR: Final = 80
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*")


def check_url(url: str, source: str) -> str:
    """Return the URL of a store as russo uses it: without a slash at its end.

    Checks the form of the URL, and whether exactly one installed package opens its scheme. Imports nothing,
    and makes no request.

    Args:
        url: The URL.
        source: The source of the setting in words, for the message.

    Raises:
        SettingsError: The URL has another form or contains a credential, or no package opens its scheme, or
            several packages open it.
    """
    scheme, colon, rest = url.partition("://")
    scheme = scheme.lower()
    if not colon or not _SCHEME.fullmatch(scheme) or not rest.strip("/"):
        raise SettingsError(
            "the shared store is not a URL such as s3://bucket/prefix or file:///folder"
            f"{_hint(url)} ({source})"
        )
    try:
        parts = urlsplit(f"{scheme}://{rest}")
        parts.port  # noqa: B018 - it raises if the port is not a number
    except ValueError:  # its text may hold a part of a password
        raise SettingsError(
            f"the host or the port in the URL of the shared store is not valid ({source})"
        ) from None
    # A container of Azure is written before an @, as a user would be; a password never is.
    has_user = "@" in parts.netloc and (scheme != "abfss" or ":" in parts.netloc.partition("@")[0])
    if has_user or parts.query or parts.fragment or "?" in rest or "#" in rest:
        raise SettingsError(
            f"the URL of the shared store has a user, a password, a query or a fragment ({source}); "
            "messages show this URL, so write credentials into the variables of the store"
        )
    if not url.isprintable() or any(each.isspace() for each in url):
        raise SettingsError(f"the URL of the shared store has a space or an unprintable character ({source})")
    if scheme == "file" and parts.netloc:
        raise SettingsError(
            f"the folder of the shared store is not absolute; write file:///folder ({source})"
        )
    entries = STORES.installed().get(scheme, ())
    if len(entries) != 1:
        try:
            STORES.load(scheme)  # it explains what is wrong
        except RussoError as error:
            raise SettingsError(f"{error} ({source})") from None
    return f"{scheme}://{rest}".rstrip("/")


def url_without_credentials(url: str) -> str:
    """Return the URL of a store that a test has made itself, without its user info, query and fragment."""
    scheme, colon, rest = url.partition("://")
    rest = rest.partition("?")[0].partition("#")[0]
    host, slash, path = rest.partition("/")
    user = host.rpartition("@")[0]
    if user and (scheme != "abfss" or ":" in user):
        host = host.rpartition("@")[2]
    return f"{scheme}{colon}{host}{slash}{path}"


def reason_of(text: object, most: int) -> str:
    """Return the text of another package's error, safe to show and without credentials of URLs.

    Args:
        text: The text.
        most: The number of characters to return.
    """
    from .._backends.redaction import redact  # only trouble needs it

    return shown(_QUERY.sub(r"\1[redacted]", redact(shown(text, _READ))), most)


def _hint(text: str) -> str:
    """Return the URL of a folder that is written as a plain path; empty for another text."""
    path = Path(text)
    # A text with "@", "?" or "=" may hold a credential. It is not repeated.
    if not text.isprintable() or any(each in text for each in "@?=#") or "://" in text:
        return ""
    if path.is_absolute() and path != Path(path.anchor):
        return f"; write {shown(path.as_uri())}"
    return "; write file:// and the whole path of the folder" if text.startswith((".", "~")) else ""


def folder_of(url: str) -> Path | None:
    """Return the folder of a ``file://`` URL, or ``None`` for another scheme."""
    scheme, _, rest = url.partition("://")
    if scheme != "file" or "/" not in rest:
        return None
    from urllib.request import url2pathname  # it imports much

    return Path(url2pathname(rest[rest.index("/") :]))


class LazyStore:
    """The store of a URL. Its package is imported, and the store is made, at the first call.

    Args:
        url: A URL that `check_url` returned.
    """

    def __init__(self, url: str) -> None:
        self.url: Final = url
        self._lock = threading.Lock()
        self._store: Store | None = None

    def get(self, name: str, limit: int) -> bytes | None:
        """Return an object; see `Store`."""
        return self._opened().get(name, limit)

    def put(self, name: str, data: bytes, *, replace: bool) -> bool:
        """Store an object; see `Store`."""
        return self._opened().put(name, data, replace=replace)

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Yield the objects of a prefix; see `Store`.

        Raises:
            StoreError: The store cannot list its objects.
        """
        store = self._opened()
        if not callable(listing := getattr(store, "list", None)):
            raise StoreError(f"{type(store).__name__} cannot list its objects", kind="refused")
        return cast("Iterator[StoredObject]", listing(prefix))

    def close(self) -> None:
        """Close the store, if it was made and can be closed."""
        if self._store is not None and callable(close := getattr(self._store, "close", None)):
            close()

    def _opened(self) -> Store:
        with self._lock:
            if self._store is None:
                self._store = self._open()
            return self._store

    def _open(self) -> Store:
        scheme = self.url.partition(":")[0]
        try:
            store = STORES.load(scheme)(self.url)
        except StoreError:
            raise
        except BackendConfigError as error:
            raise StoreError(str(error), kind="refused") from error
        except Exception as error:
            text = reason_of(str(error), _LONGEST_ERROR)
            raise StoreError(f"{type(error).__name__}: {text}", kind="refused") from error
        if not callable(getattr(store, "get", None)) or not callable(getattr(store, "put", None)):
            raise StoreError(f"{type(store).__name__} has no get and put", kind="refused")
        return cast("Store", store)
