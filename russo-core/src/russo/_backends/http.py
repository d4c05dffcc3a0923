"""What every exchange with a service over HTTP needs: its key, and its failures as errors of russo.

No HTTP client is imported: their exceptions are told by the class names that httpx and its successors
share. No error made here shows a credential, nor does the exception that it is chained to.
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
    """Take the key that was given, else that of the first variable which holds one, without blanks around.

    Args:
        attempts: The synthesizer's, for the error.
        prompt: What is to be spoken, for the error.
        given: The option ``api_key``.
        variables: Environment variables, read now, the first wins.

    Raises:
        AuthenticationError: There is no key, or none that an HTTP header can carry.
    """
    found: Iterator[tuple[str, str]] = (
        (name, ((given if name == "api_key" else os.environ.get(name)) or "").strip())
        for name in ("api_key", *variables)
    )
    name, key = next((pair for pair in found if pair[1]), ("", ""))
    if re.fullmatch(r"[!-~]+", key):
        return key
    if key:  # said here: an HTTP client would say it with the whole header
        what = "the API key holds a space, a line end or another character that no HTTP header carries"
        advice = f"correct {name}"
    else:
        what, advice = "there is no API key", f"set {' or '.join(variables)}, or give api_key"
    raise attempts.error(AuthenticationError, what, prompt=prompt, advice=advice, reached=False)


def kind_of_status(status: int) -> type[SynthesisError]:
    """Return the error that an HTTP status means where the service's own words tell nothing better."""
    return _KINDS.get(status, RequestRejectedError if 300 <= status < 500 else ServiceError)


def seconds_to_wait(headers: Mapping[str, str]) -> float | None:
    """Read for how many seconds a service asks to be left alone; ``None`` where it does not, or unreadably.

    ``Retry-After`` has seconds or a date (RFC 9110, 10.2.3), ``retry-after-ms`` milliseconds.
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
    """Read the certificates once per process, 20 to 40 ms, which every HTTP client would spend again.

    Args:
        create: The HTTP client's own function that makes the context; called once.
    """
    return create()


@dataclass(frozen=True, slots=True)
class Exchange:
    """One prompt's exchange with a service over HTTP; makes its errors, on one line and without the secret.

    Each method that is given an exception also takes the secret out of that, so that it can be chained:
    ``raise exchange.connection_error(error) from error``.

    Args:
        attempts: The synthesizer's.
        prompt: What is to be spoken.
        secret: The key or token that the service is sent.
        more_secrets: What else it is sent that may be a credential.
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
        status: int,
        said: str,
        *,
        code: object = None,
        headers: Mapping[str, str] = MappingProxyType({}),
        retry_after: float | None = None,
    ) -> SynthesisError:
        """Build the error for a status that is no success.

        Args:
            error: What the SDK raised.
            kind: What the refusal means; see `kind_of_status`.
            status: The reply's status.
            said: What the service said; cut to 200 characters.
            code: What the service calls the failure; what is no text is not shown.
            headers: The reply's, which may ask to wait.
            retry_after: Seconds to wait, where the service asks for them in its own way.
        """
        scrub(error, *self._secrets)
        line = self._one_line(said, _SHOWN_OF_SERVICE)
        word = self._one_line(code, _SHOWN_OF_CODE) if isinstance(code, str) else ""
        what = f"HTTP {status} ({word})" if word else f"HTTP {status}"
        return self.error(
            kind,
            f"{what}, {line!r}" if line else what,
            advice=_REDIRECT if 300 <= status < 400 else None,
            retry_after=seconds_to_wait(headers) if retry_after is None else retry_after,
        )

    def connection_error(self, error: BaseException) -> SynthesisError:
        """Build the error for an exchange that broke off: no connection, no reply, none that can be read."""
        scrub(error, *self._secrets)
        error = next((each for each in _causes(error) if "RequestError" in _names(each)), error)
        names, where, said = _names(error), _host(error), str(error) or type(error).__name__
        if untrusted := self.certificate_error(error):
            return untrusted
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

    def certificate_error(self, error: BaseException) -> SynthesisError | None:
        """Build the error for a certificate that is not trusted, which retrying does not change.

        Returns:
            ``None`` where the exception is about something else.
        """
        if "CERTIFICATE_VERIFY_FAILED" not in str(error):
            return None
        what = f"the certificate of {_host(error)} is not trusted: {error}"
        return self.error(ServiceError, what, advice=_CERTIFICATES, retryable=False, reached=False)

    def client_error(self, error: BaseException) -> SynthesisError:
        """Build the error for an HTTP client that cannot be made: nothing is sent, and retrying is no use."""
        scrub(error, *self._secrets)
        what = f"there is no way to the network: {error}"
        return self.error(ServiceError, what, advice=_NETWORK, retryable=False, reached=False)

    def no_audio_error(self, error: ValueError, body: bytes, headers: Mapping[str, str]) -> SynthesisError:
        """Build the error for a reply whose status is a success and whose body is no audio.

        Args:
            error: What is wrong with the body.
            body: The body.
            headers: The reply's.
        """
        if any(secret and secret.encode() in body for secret in self._secrets):
            error.args = ("it repeats the API key",)  # a quotation of the body may hold half a key
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
    """Yield an exception and its causes: an SDK's own stands around the HTTP client's."""
    each: BaseException | None = error
    while each is not None:
        yield each
        each = each.__cause__


def _names(error: BaseException) -> set[str]:
    return {each.__name__ for each in type(error).__mro__}


def _host(error: BaseException) -> str:
    """Return the host and port that a client's exception is about."""
    try:
        return str(error.request.url.netloc.decode()) or "this endpoint"  # type: ignore[attr-defined]
    except (AttributeError, RuntimeError):  # no exception of a client, or one before there was a request
        return "the service"
