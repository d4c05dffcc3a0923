"""What all backends need for the network: certificates, and advice if a connection does not open."""

from __future__ import annotations

import functools
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from .backend_call import current_backend_call

if TYPE_CHECKING:
    import ssl

# HTTP clients read these variables in lower and in upper case.
_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_OTHERS: Final = ("NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")


@functools.cache
def shared_tls(create: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """Return a TLS context that all HTTP clients of the process share.

    Otherwise each HTTP client would read the certificates again, which takes 20 to 40 ms.

    Args:
        create: The HTTP client's function that makes the context; called once per process.
    """
    return create()


def bound_connect(seconds: float) -> Callable[[Any], Awaitable[None]]:
    """Return a request hook for an asynchronous client of httpx or httpx2, which limits connecting.

    An SDK may replace the timeouts of its client at each request. The hook changes only the limit for opening
    a connection.

    Args:
        seconds: The limit; see `Attempts.connect_timeout`.
    """

    async def limit(request: Any) -> None:
        limits = dict(request.extensions.get("timeout") or {}, connect=seconds)
        request.extensions = {**request.extensions, "timeout": limits}

    return limit


def network_advice() -> str:
    """Return what to check if no HTTP client can be made.

    Names the variables that are set, without their values, which may contain a password.
    """
    names = ", ".join(network_variables())
    these = f" ({names})" if names else ""
    return f"check base_url, and the variables for proxies and certificates{these}"


def connection_advice(host: str) -> str:
    """Return what to do if no connection to a host opens.

    Names the variables that set a proxy for the host, without their values. In a test run also names the mode
    ``replay``, which does not need the host.
    """
    from urllib.request import proxy_bypass

    names = ", ".join(_set(*_PROXIES))
    proxy = f", the proxy in {names}" if names and not proxy_bypass(host) else ""
    advice = f"check the host name, the network{proxy}, and whether the service is running"
    call = current_backend_call.get()
    if call is None or call.replay_command is None:
        return advice
    return f"{advice}; recorded prompts do not need the service: {call.replay_command}"


def network_variables() -> list[str]:
    """Return the names of the variables for proxies and certificates that are set.

    Their values are not returned, because they may contain a password.
    """
    return _set(*_PROXIES, *_OTHERS)


def _set(*variables: str) -> list[str]:
    return [each for name in variables for each in (name, name.lower()) if os.environ.get(each)]
