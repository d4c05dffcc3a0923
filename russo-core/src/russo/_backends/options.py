"""Checks of a synthesizer's options in its constructor, before anything is sent or billed."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from .._errors import BackendConfigError

_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Range:
    """The range of an option that is a number: for its annotation, and for its check in the constructor.

    ``russo backends NAME`` shows the range that the annotation holds:

        SPEED = Range(0.5, 2.0)

        def __init__(self, *, speed: Annotated[float, SPEED] = 1.0) -> None:
            self.speed = SPEED.check("speed", speed)

    Attributes:
        least: The least number.
        most: The greatest number; infinity means that every larger number is allowed.
        above: Whether ``least`` itself is not allowed: a timeout must be more than 0.
    """

    least: float
    most: float = math.inf
    above: bool = False

    def check(self, name: str, value: float) -> float:
        """Check that an option is in this range, and return it as a float.

        Raises:
            ValueError: It is outside this range.
        """
        if value not in self:
            words = self if self.above or self._is_open else f"from {self}"
            raise ValueError(f"{name} is {value!r}; it must be {words}")
        return float(value)

    def __contains__(self, value: float) -> bool:
        """Return whether a number is in this range; NaN is not in any range."""
        number = float(value)
        return self.least <= number <= self.most and not (self.above and number == self.least)

    def __str__(self) -> str:
        """Return the range in words: ``0.5 to 2.0``, ``0 or more``, ``more than 0``."""
        if self.above:
            return f"more than {self.least}{'' if self._is_open else f', up to {self.most}'}"
        return f"{self.least} or more" if self._is_open else f"{self.least} to {self.most}"

    @property
    def _is_open(self) -> bool:
        return self.most == math.inf


def check_range(name: str, value: float, least: float, most: float) -> float:
    """Check that an option is a number from ``least`` to ``most``, and return it as a float.

    A `Range` also shows the range to users.

    Raises:
        ValueError: It is outside this range.
    """
    return Range(least, most).check(name, value)


def check_path(name: str, value: str, *, inside: str = "") -> str:
    """Check an option that becomes a part of a URL's path, such as a voice's id, and return it.

    ``..``, ``?`` or ``#`` would change the URL, and the key would be sent with another request.

    Args:
        name: The option's name.
        value: The value: letters, digits, ``_`` and ``-``.
        inside: More characters that are allowed, but only single ones, and not at the start or the end.

    Raises:
        ValueError: It contains another character, or is empty.
    """
    more = rf"([{re.escape(inside)}][\w-]+)*" if inside else ""
    if re.fullmatch(rf"[\w-]+{more}", str(value), re.ASCII):
        return str(value)
    also = f", and single {' '.join(inside)} inside" if inside else ""
    raise ValueError(f"{name} is {value!r}; it may contain letters, digits, _ and -{also}")


def endpoint(url: str, name: str = "base_url") -> str:
    """Return scheme, host, port and path of a URL in one normalized spelling, without credentials.

    Args:
        url: The URL.
        name: The name of the option or variable, for the message.

    Raises:
        BackendConfigError: It is not an http:// or https:// URL. The message does not show the value,
            because it may be a credential.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        host, port = "", None
    if not host or port == 0 or parts.scheme not in _PORTS:
        raise BackendConfigError(f"{name} is not an http:// or https:// URL; write it as https://HOST/PATH")
    if ":" in host:
        host = f"[{host}]"
    if port is not None and port != _PORTS[parts.scheme]:
        host = f"{host}:{port}"
    return f"{parts.scheme}://{host}{parts.path.rstrip('/')}"


def host_of(url: str) -> str:
    """Return the host of a URL, and its port if it is not the usual one, for `Attempts.run`.

    Raises:
        BackendConfigError: It is not an http:// or https:// URL.
    """
    return urlsplit(endpoint(url)).netloc


def check_base_url(url: str, name: str = "base_url") -> str:
    """Check a URL that is used for requests unchanged, and return it.

    Raises:
        BackendConfigError: It is not an http:// or https:// URL, contains characters that must be escaped,
            or has more than scheme, host, port and path. The message does not show the value.
    """
    endpoint(url, name)
    if not re.fullmatch(r"[!-~]+", url) or "\\" in url:
        raise BackendConfigError(f"{name} contains a space, a backslash or a non-ASCII character; escape it")
    if "@" in urlsplit(url).netloc or "?" in url or "#" in url:
        # HTTP clients log URLs, and these parts may contain a credential.
        raise BackendConfigError(
            f"{name} contains a user, a query or a fragment; use only scheme, host, port and path"
        )
    return url
