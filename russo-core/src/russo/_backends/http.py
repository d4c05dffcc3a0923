"""`Exchange`: turns the failures of an HTTP exchange into errors of russo.

This module does not import an HTTP client: it recognizes exceptions by the class names that httpx and its
successors share. No error that is made here shows a credential, and no exception in its chain does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, TypeVar, Unpack

from .._errors import (
    ErrorDetails,
    NoAudioError,
    RequestRejectedError,
    RussoError,
    ServiceError,
    SynthesisError,
    SynthesisTimeoutError,
)
from .._foreign import shown
from .attempts import Attempts
from .documents import document_in, is_other_format
from .network import connection_advice, network_advice
from .redaction import hide, redact, repeats_secret, scrub
from .refusals import cause_of, cause_of_code, may_improve, without_prompt
from .retry_after import seconds_to_wait
from .service_words import read_words
from .sockets import broken_socket

T = TypeVar("T")

# An SDK's message may quote a whole body, and redacting all of it would take seconds.
_READ: Final = 1 << 16
_SHOWN: Final = 300
_SHOWN_OF_SERVICE: Final = 200
_SHOWN_OF_CODE: Final = 80
_SHOWN_OF_TYPE: Final = 60
_REDIRECT: Final = "correct base_url: a redirect is not followed, because it would send the key elsewhere"
_OVERSIZED: Final = "check base_url, and shorten the prompt if its speech is that long"
_UNREADABLE: Final = "check base_url, and any proxy or gateway between this machine and the service"
_FAULT: Final = "this is a fault of the backend or of its SDK; report it with the output of --full-trace"
_CERTIFICATES: Final = (
    "check base_url and the clock; if a proxy has its own certificates, set SSL_CERT_FILE to the file "
    "with them"
)
_NEVER_SENT: Final = frozenset({"UnsupportedProtocol", "LocalProtocolError"})
_NOT_CONNECTED: Final = frozenset({"ConnectError", "ConnectTimeout", "ProxyError"})
_OF_CLIENT: Final = frozenset({"RequestError", "DecodingError", "UnreadableReplyError"})


@dataclass(frozen=True, slots=True)
class Exchange:
    """One prompt's exchange with a service over HTTP. Its errors have one line and no secrets.

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
            status: The HTTP status; or, as text, another source of the refusal (``error event``).
            said: The service's message; cut to 200 characters.
            code: The service's code for the failure; shown only if it is text.
            headers: The headers of the reply, which may ask for a delay.
            retry_after: The delay in seconds, if the service asks for it in another way.
            advice: What to do next, if the advice of ``kind`` is not precise enough.
        """
        scrub(error, *self._secrets)
        line = self._quoted(said)
        word = self._one_line(code, _SHOWN_OF_CODE) if isinstance(code, str) else ""
        where = status if isinstance(status, str) else f"HTTP {status}"
        what = f"{where} ({word})" if word else where
        return self.error(
            kind,
            f"{what}, {line}" if line else what,
            advice=_REDIRECT if isinstance(status, int) and 300 <= status < 400 else advice,
            retry_after=seconds_to_wait(headers) if retry_after is None else retry_after,
        )

    def reply_error(
        self,
        error: BaseException,
        status: int | str,
        body: object,
        *,
        kind: type[SynthesisError] | None = None,
        code: object = None,
        headers: Mapping[str, str] = MappingProxyType({}),
        retry_after: float | None = None,
        advice: str | None = None,
    ) -> SynthesisError:
        """Build the error for a refusal, whose body may be JSON of any shape, HTML, XML or text.

        Codes, words and status decide the class and the advice.

        Args:
            error: The exception of the SDK.
            status: The HTTP status; or, as text, another source of the refusal (``error event``).
            body: The body: bytes, text, or JSON that is read already.
            kind: The class of the error; by default the body and the status decide it.
            code: The service's code to show; by default the code in the body.
            headers: The headers of the reply.
            retry_after: The delay in seconds; by default the headers state it.
            advice: What to do next; by default the cause decides it.
        """
        words = read_words(body)
        cause = cause_of(words, status=status if isinstance(status, int) else None, prompt=self.prompt)
        return self.refusal_error(
            error,
            kind or cause.kind,
            status,
            words.text,
            code=code or words.code,
            headers=headers,
            retry_after=retry_after,
            advice=advice or (None if kind else cause.advice),
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
        if isinstance(error, ExceptionGroup):  # raised while connecting: the port of a proxy is out of range
            return self.client_error(error.exceptions[0])
        error = next((each for each in _causes(error) if _names(each) & _OF_CLIENT), error)
        names, where, said = _names(error), host or _host(error), str(error) or type(error).__name__
        if "UnreadableReplyError" in names:
            what = f"the reply of {where} is not read: {said}"
            cure = _OVERSIZED if "OversizedReplyError" in names else _UNREADABLE
            return self.error(ServiceError, what, advice=cure, retryable=False)
        if untrusted := self.certificate_error(error, host=host):
            return untrusted
        if broken := broken_socket(error, where, connected=connected):
            advice = None if broken.reached else connection_advice(where)
            return self.error(broken.kind, broken.what, reached=broken.reached, advice=advice)
        if names & _NEVER_SENT:
            return self.error(RequestRejectedError, f"nothing can be sent to {where}: {said}", reached=False)
        if names & _NOT_CONNECTED:
            what = f"no connection to {where}: {said}"
            return self.error(ServiceError, what, reached=False, advice=connection_advice(where))
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
        what = f"the HTTP client cannot be made: {error}"
        return self.error(ServiceError, what, advice=network_advice(), retryable=False, reached=False)

    def no_audio_error(
        self,
        error: ValueError,
        body: bytes,
        headers: Mapping[str, str],
        *,
        wanted: str = "audio",
        wav: bool | None = None,
        is_other: bool = False,
    ) -> SynthesisError:
        """Build the error for a successful reply whose body is not usable audio.

        A document or another format is not retried, unless the document says that the service is busy. An
        empty or truncated body is retried. If a document has a code with one meaning
        (``insufficient_quota``), the error has the class of that refusal.

        Args:
            error: The exception that says what is wrong with the body.
            body: The body.
            headers: The headers of the reply.
            wanted: What the server must return, for the advice.
            wav: True if WAV was requested, false for bare samples, ``None`` if both are accepted.
            is_other: Whether the caller knows that the body has another format.
        """
        is_echo = repeats_secret(body, *self._secrets)
        if is_echo:
            error.args = ("it repeats the API key",)  # a quotation of the body may contain a part of the key
        scrub(error, *self._secrets)
        kind = shown(headers.get("content-type", "no type"), _SHOWN_OF_TYPE)
        start = f"the reply ({kind}, {len(body)} bytes)"
        document = None if is_echo else document_in(body, kind)
        if document is not None:
            return self.document_error(document, start, wanted=wanted)
        what = f"{start} holds no audio: {error}"
        if not (is_echo or is_other or is_other_format(body, wav)):
            return self.error(NoAudioError, what)
        return self.error(NoAudioError, what, advice=_must_return(wanted), retryable=False)

    def document_error(
        self, body: object, start: str, *, wanted: str, error: BaseException | None = None
    ) -> SynthesisError:
        """Build the error for a document instead of audio, as `no_audio_error` does.

        Args:
            body: The document: bytes, text, or JSON that is read already.
            start: The beginning of the message: what was received.
            wanted: What the server must return, for the advice.
            error: The exception of the SDK, if there is one.
        """
        if error is not None:
            scrub(error, *self._secrets)
        words = read_words(body)
        said = self._quoted(words.text)
        what = f"{start} is {'an error' if words.is_error else 'a document'} instead of audio"
        what = f"{what}: {said}" if said else what
        cause = cause_of_code(words, self.prompt) if words.is_error else None
        if cause is not None and not cause.kind.default_retryable:
            return self.error(cause.kind, what, advice=cause.advice)
        if cause is not None or may_improve(words, self.prompt):
            return self.error(NoAudioError, what)
        return self.error(NoAudioError, what, advice=_must_return(wanted), retryable=False)

    async def guard(self, attempt: Awaitable[T]) -> T:
        """Await an attempt; turn each exception that is not an error of russo into a `ServiceError`.

        This covers unexpected failures: another exception of the SDK, or a fault of the backend itself. The
        error is not retryable, because each retry may be billed and would probably fail in the same way.
        The secrets are removed from the causes of every error.

        Args:
            attempt: The attempt, which handles the exceptions that it expects.
        """
        try:
            return await attempt
        except TimeoutError:  # `Attempts` reports it
            raise
        except RussoError as error:
            if error.__cause__ is not None:
                scrub(error.__cause__, *self._secrets)
            raise
        except Exception as error:
            scrub(error, *self._secrets)
            what = f"unexpected {type(error).__name__}: {error}".removesuffix(": ")
            raise self.error(ServiceError, what, advice=_FAULT, retryable=False) from error

    def without_prompt(self, text: str) -> str:
        """Return a service's text without the prompt's words, which must not decide the error's class."""
        return without_prompt(text, self.prompt)

    def hide(self, text: str) -> str:
        """Return a text without the secrets."""
        return hide(text, *self._secrets)

    @property
    def _secrets(self) -> tuple[str, ...]:
        return (self.secret, *self.more_secrets)

    def _one_line(self, text: str, most: int) -> str:
        """Return a text on one line, without the secrets, of at most ``most`` characters.

        Secrets are removed before the text is cut: a cut could leave a part of one.
        """
        return shown(" ".join(redact(text[:_READ], *self._secrets).split()), most)

    def _quoted(self, text: str) -> str:
        """Return a message of the service in quotation marks, or an empty text."""
        line = self._one_line(text, _SHOWN_OF_SERVICE)
        mark = '"' if "'" in line and '"' not in line else "'"
        return f"{mark}{line.replace(mark, f'{chr(92)}{mark}')}{mark}" if line else ""


def _must_return(wanted: str) -> str:
    return f"check base_url, model and options: the server must return {wanted}"


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
