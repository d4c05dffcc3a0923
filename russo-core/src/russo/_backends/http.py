"""`Exchange`: reading the API key, and turning the failures of an HTTP exchange into errors of russo.

This module does not import an HTTP client: it recognizes exceptions by the class names that httpx and its
successors share. Neither the errors made here nor the exceptions they are chained to show a credential.
"""

from __future__ import annotations

import email.utils
import functools
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Unpack

from .._errors import (
    AuthenticationError,
    ErrorDetails,
    NoAudioError,
    QuotaExceededError,
    RateLimitError,
    RequestRejectedError,
    ServiceError,
    SynthesisError,
    SynthesisTimeoutError,
    TextRejectedError,
)
from .attempts import Attempts
from .redaction import redact, scrub
from .sockets import broken_socket

if TYPE_CHECKING:
    import ssl

_SHOWN: Final = 300
_SHOWN_OF_SERVICE: Final = 200
_SHOWN_OF_CODE: Final = 80
_KINDS: Final[Mapping[int, type[SynthesisError]]] = {
    401: AuthenticationError,
    402: QuotaExceededError,
    403: AuthenticationError,
    408: SynthesisTimeoutError,
    409: ServiceError,
    413: TextRejectedError,
    425: ServiceError,
    429: RateLimitError,
}
_REDIRECT: Final = "correct base_url: a redirect is not followed, for the key would go with it"
_NETWORK: Final = "check base_url, and the variables for proxies and certificates"
_CERTIFICATES: Final = (
    "check base_url and the clock; behind a proxy that has certificates of its own, name their file in "
    "SSL_CERT_FILE"
)
_NEVER_SENT: Final = frozenset({"UnsupportedProtocol", "LocalProtocolError"})
_NOT_CONNECTED: Final = frozenset({"ConnectError", "ConnectTimeout", "ProxyError"})


def read_api_key(attempts: Attempts, prompt: str, given: str | None, *variables: str) -> str:
    """Return the given key, else the key in the first environment variable that is set.

    White space around the key is removed.

    Args:
        attempts: The attempts of the synthesizer, for the error.
        prompt: The prompt, for the error.
        given: The option ``api_key``.
        variables: Environment variables, in order of precedence. They are read at every call.

    Raises:
        AuthenticationError: There is no key, or an HTTP header cannot carry it.
    """
    found: Iterator[tuple[str, str]] = (
        (name, ((given if name == "api_key" else os.environ.get(name)) or "").strip())
        for name in ("api_key", *variables)
    )
    name, key = next((pair for pair in found if pair[1]), ("", ""))
    if re.fullmatch(r"[!-~]+", key):
        return key
    if key:  # checked here, because the HTTP client's error would contain the key
        what = "the API key holds a space, a line end or another character that no HTTP header carries"
        advice = f"correct {name}"
    else:
        what, advice = "there is no API key", f"set {' or '.join(variables)}, or give api_key"
    given = key = ""  # the traceback may be shown with the locals of this frame
    raise attempts.error(AuthenticationError, what, prompt=prompt, advice=advice, reached=False)


def kind_of_status(status: int) -> type[SynthesisError]:
    """Return the error class of an HTTP status, for a reply whose text does not say more."""
    return _KINDS.get(status, RequestRejectedError if 300 <= status < 500 else ServiceError)


def seconds_to_wait(headers: Mapping[str, str]) -> float | None:
    """Return the Retry-After delay in seconds, or ``None`` if it is absent or unparsable.

    ``Retry-After`` contains seconds or a date (RFC 9110, 10.2.3), ``retry-after-ms`` milliseconds.
    """
    lower = {name.lower(): value.strip() for name, value in headers.items()}
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        if re.fullmatch(r"[0-9]{1,9}(\.[0-9]*)?", lower.get(name, "")):
            return float(lower[name]) * unit
    try:
        date = email.utils.parsedate_to_datetime(lower.get("retry-after", ""))
        return max(0.0, date.timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


@functools.cache
def shared_tls(create: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """Return a TLS context that all HTTP clients of the process share.

    Each HTTP client would read the certificates again, which takes 20 to 40 ms.

    Args:
        create: The HTTP client's function that makes the context; called once per process.
    """
    return create()


@dataclass(frozen=True, slots=True)
class Exchange:
    """One prompt's exchange with a service over HTTP; makes its errors on one line and without secrets.

    Each method that takes an exception also removes the secrets from the exception, so that it can be
    chained: ``raise exchange.connection_error(error) from error``.

    Args:
        attempts: The attempts of the synthesizer.
        prompt: The prompt.
        secret: The key or token that is sent to the service.
        more_secrets: Other values that are sent and may be credentials.
    """

    attempts: Attempts
    prompt: str
    secret: str = field(default="", repr=False)
    more_secrets: tuple[str, ...] = field(default=(), repr=False)

    def error(self, kind: type[SynthesisError], what: str, **details: Unpack[ErrorDetails]) -> SynthesisError:
        """Build an error for this prompt, as `Attempts.error` does.

        Args:
            kind: The class of the error.
            what: What happened; cut to 300 characters, without the secrets.
            **details: ``advice``, ``retryable``, ``retry_after`` and ``reached``, as in `SynthesisError`.
        """
        return self.attempts.error(kind, self._one_line(what, _SHOWN), prompt=self.prompt, **details)

    def refusal_error(
        self,
        error: BaseException,
        kind: type[SynthesisError],
        status: int | str,
        said: str,
        *,
        code: object = None,
        headers: Mapping[str, str] = MappingProxyType({}),
        retry_after: float | None = None,
        advice: str | None = None,
    ) -> SynthesisError:
        """Build the error for an HTTP status that is not a success.

        Args:
            error: The exception of the SDK.
            kind: The class of the error; see `kind_of_status`.
            status: The HTTP status; or, as text, another place where a service refuses (``error event``).
            said: The message of the service; cut to 200 characters.
            code: The service's code for the failure; shown only if it is text.
            headers: The headers of the reply, which may ask for a delay.
            retry_after: The delay in seconds, if the service asks for it in another way.
            advice: What to do next, if the advice of ``kind`` is not precise enough.
        """
        scrub(error, *self._secrets)
        line = self._one_line(said, _SHOWN_OF_SERVICE)
        word = self._one_line(code, _SHOWN_OF_CODE) if isinstance(code, str) else ""
        where = status if isinstance(status, str) else f"HTTP {status}"
        what = f"{where} ({word})" if word else where
        return self.error(
            kind,
            f"{what}, {line!r}" if line else what,
            advice=_REDIRECT if isinstance(status, int) and 300 <= status < 400 else advice,
            retry_after=seconds_to_wait(headers) if retry_after is None else retry_after,
        )

    def connection_error(
        self, error: BaseException, *, host: str = "", connected: bool = True
    ) -> SynthesisError:
        """Build the error for a failed exchange: no connection, no reply or an unreadable reply.

        Args:
            error: The exception of the client.
            host: The host and port, if the exception of the client does not name them.
            connected: False if the exception was raised before the connection was open.
        """
        scrub(error, *self._secrets)
        error = next((each for each in _causes(error) if "RequestError" in _names(each)), error)
        names, where, said = _names(error), host or _host(error), str(error) or type(error).__name__
        if untrusted := self.certificate_error(error, host=host):
            return untrusted
        if broken := broken_socket(error, where, connected=connected):
            return self.error(broken.kind, broken.what, reached=broken.reached)
        if names & _NEVER_SENT:
            return self.error(RequestRejectedError, f"nothing can be sent to {where}: {said}", reached=False)
        if names & _NOT_CONNECTED:
            return self.error(ServiceError, f"no connection to {where}: {said}", reached=False)
        if "TimeoutException" in names:
            return self.error(SynthesisTimeoutError, f"no reply within {self.attempts.timeout:g} s")
        if "TransportError" in names:
            return self.error(ServiceError, f"the connection to {where} was lost: {said}")
        if "DecodingError" in names:
            return self.error(ServiceError, f"the reply of {where} cannot be read: {said}")
        return self.error(ServiceError, f"the exchange with {where} failed: {error!r}")

    def certificate_error(self, error: BaseException, *, host: str = "") -> SynthesisError | None:
        """Build the error for a certificate that is not trusted. It is not retryable.

        Returns:
            ``None`` if the exception has another cause.
        """
        if "CERTIFICATE_VERIFY_FAILED" not in str(error):
            return None
        what = f"the certificate of {host or _host(error)} is not trusted: {error}"
        return self.error(ServiceError, what, advice=_CERTIFICATES, retryable=False, reached=False)

    def client_error(self, error: BaseException) -> SynthesisError:
        """Build the error for an HTTP client that cannot be made. Nothing was sent. It is not retryable."""
        scrub(error, *self._secrets)
        what = f"there is no way to the network: {error}"
        return self.error(ServiceError, what, advice=_NETWORK, retryable=False, reached=False)

    def no_audio_error(self, error: ValueError, body: bytes, headers: Mapping[str, str]) -> SynthesisError:
        """Build the error for a successful reply whose body is not usable audio.

        Args:
            error: The exception that says what is wrong with the body.
            body: The body.
            headers: The headers of the reply.
        """
        if any(secret and secret.encode() in body for secret in self._secrets):
            error.args = ("it repeats the API key",)  # a quotation of the body may contain a part of the key
        scrub(error, *self._secrets)
        kind = headers.get("content-type", "no type")
        return self.error(NoAudioError, f"the reply ({kind}, {len(body)} bytes) holds no audio: {error}")

    @property
    def _secrets(self) -> tuple[str, ...]:
        return (self.secret, *self.more_secrets)

    def _one_line(self, text: str, most: int) -> str:
        """Return a text on one line, without the secrets, of at most ``most`` characters.

        Secrets are removed before the text is cut: a cut could leave a part of one.
        """
        line = " ".join(redact(text, *self._secrets).split())
        return line if len(line) <= most else line[: most - 1] + "…"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and its causes: an SDK's exception has the HTTP client's as its cause."""
    each: BaseException | None = error
    while each is not None:
        yield each
        each = each.__cause__


def _names(error: BaseException) -> set[str]:
    return {each.__name__ for each in type(error).__mro__}


def _host(error: BaseException) -> str:
    """Return the host and port of the request that failed."""
    try:
        return str(error.request.url.netloc.decode()) or "this endpoint"  # type: ignore[attr-defined]
    except (AttributeError, RuntimeError):  # not a client's exception, or raised before there was a request
        return "the service"
