"""What all backends need for the network: certificates, and the variables of the environment."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import ssl

# HTTP clients read them in lower or upper case.
_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_OTHERS: Final = ("NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")


@functools.cache
def shared_tls(create: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """Return a TLS context that all HTTP clients of the process share.

    Each HTTP client would read the certificates again, which takes 20 to 40 ms.

    Args:
        create: The HTTP client's function that makes the context; called once per process.
    """
    return create()


def network_advice() -> str:
    """Return what to check if no HTTP client can be made, with the variables that are set.

    They are named without their values, which may contain a password.
    """
    names = _set(*_PROXIES, *_OTHERS)
    these = f" ({names})" if names else ""
    return f"check base_url, and the variables for proxies and certificates{these}"


def proxy_advice(host: str) -> str | None:
    """Return what to do if no connection to a host opens, if a variable names a proxy for it."""
    names = _set(*_PROXIES)
    if not names:
        return None
    from urllib.request import proxy_bypass

    if proxy_bypass(host):
        return None
    return f"try again later, and check the proxy that is named by {names}"


def _set(*variables: str) -> str:
    return ", ".join(each for name in variables for each in (name, name.lower()) if os.environ.get(each))
