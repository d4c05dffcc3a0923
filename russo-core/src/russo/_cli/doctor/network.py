"""``russo doctor --online``: whether the host of the chosen backend accepts a connection.

Only the connection is opened (TCP, and TLS if the URL has it). Nothing is sent over it: no key, no prompt.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from ..._backends.network import network_variables
from ..._foreign import shown
from .parts import Section

SECONDS: Final = 5.0
_PORTS: Final = {"http": 80, "ws": 80, "https": 443, "wss": 443, "socks5": 1080, "socks5h": 1080}
_SECURE: Final = ("https", "wss")


@dataclass(frozen=True, slots=True)
class _Target:
    """Where to connect to, and how to call it."""

    host: str
    port: int
    secure: bool
    words: str


def examine_network(endpoint: str | None, why_not: str, *, online: bool) -> Section:
    """Return which network variables are set and, if ``online``, whether the endpoint is reachable.

    Args:
        endpoint: The URL that the chosen backend calls, if it is known.
        why_not: Why it is not known.
        online: Whether to open a connection.
    """
    variables = network_variables()
    section = Section("network", data={"variables": variables, "host": None, "reachable": None})
    section.lines = [f"variables for proxies and certificates: {', '.join(variables) or 'none is set'}"]
    if not online:
        section.lines.append("no connection was opened; --online opens one to the host of the chosen backend")
        return section
    if endpoint is None:
        section.lines.append(f"no connection was opened: {why_not}")
        return section
    try:
        target = _target(endpoint)
    except ValueError as error:
        section.lines.append(f"no connection was opened: {error}")
        section.add(str(error), "correct it")
        return section
    failure = connect(target)
    section.data |= {"host": target.words, "reachable": failure is None}
    section.lines.append(f"{target.words}: {failure or 'reachable'}")
    if failure is not None:
        section.add(
            f"no connection to {target.words}: {failure}",
            "check the network, the proxy, base_url, and whether the service is running",
        )
    return section


def _target(url: str) -> _Target:
    """Return the host of a URL, or of the proxy for it.

    Raises:
        ValueError: One of them is not a valid URL. The message does not show it: it may hold a password.
    """
    from urllib.request import getproxies, proxy_bypass

    scheme, host, port = _parts(url, "the endpoint of the backend")
    secure = scheme in _SECURE
    proxies = getproxies()
    proxy = proxies.get("https" if secure else "http") or proxies.get("all")
    if not proxy or proxy_bypass(host):
        return _Target(host, port, secure, shown(f"{host}:{port}"))
    words = f"the proxy for {shown(host)}"
    scheme, host, port = _parts(proxy if "://" in proxy else f"http://{proxy}", words)
    return _Target(host, port, scheme in _SECURE, f"{words} (the host behind the proxy is not tried)")


def _parts(url: str, words: str) -> tuple[str, str, int]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        host, port = "", None
    if not host or port is None:
        raise ValueError(f"{words} is not a valid URL")
    return parts.scheme, host, port


def connect(target: _Target) -> str | None:
    """Open a connection and close it; return what failed, or ``None`` if nothing did."""
    failures: list[str | None] = []
    # The look-up of a name has no time limit of its own.
    thread = threading.Thread(target=lambda: failures.append(_failure(target)), daemon=True)
    thread.start()
    thread.join(SECONDS)
    return failures[0] if failures else f"no answer within {SECONDS:g} s"


def _failure(target: _Target) -> str | None:
    # Imported here, because every command of russo imports this module.
    import socket
    import ssl

    try:
        with socket.create_connection((target.host, target.port), timeout=SECONDS) as connection:
            if target.secure:
                context = ssl.create_default_context()
                context.wrap_socket(connection, server_hostname=target.host).close()
    except ssl.SSLCertVerificationError as error:
        return f"its certificate is not trusted ({shown(error.verify_message)})"
    except TimeoutError:
        return f"no answer within {SECONDS:g} s"
    except (OSError, ValueError) as error:  # a ValueError: the host is not a valid name
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return shown(reason)
    return None
