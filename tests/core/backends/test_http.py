import asyncio
import email.utils
import pickle
import re
import struct
import time
import traceback
import types
from urllib.parse import urlsplit

import pytest

from russo import (
    AuthenticationError,
    BackendConfigError,
    NoAudioError,
    QuotaExceededError,
    RateLimitError,
    RequestRejectedError,
    ServiceError,
    SynthesisTimeoutError,
    TextRejectedError,
)
from russo.authoring import (
    Attempts,
    Exchange,
    Secret,
    kind_of_status,
    read_api_key,
    seconds_to_wait,
    shared_tls,
)
from support.speakers import PROMPT


class RequestError(Exception):
    """The base class of an HTTP client's exceptions; the code recognises these classes by name."""

    def __init__(self, said="", url="http://127.0.0.1:9/v1/speech"):
        super().__init__(said)
        self._url = url

    @property
    def request(self):
        if self._url is None:
            raise RuntimeError("The request instance has not been set on this exception.")
        return types.SimpleNamespace(url=types.SimpleNamespace(netloc=urlsplit(self._url).netloc.encode()))


class TransportError(RequestError):
    pass


class TimeoutException(TransportError):
    pass


def client_error(name, base=TransportError):
    return type(name, (base,), {})


class SdkError(Exception):
    """Raised by an SDK, alone or from its client's exception; its text shows its attributes."""

    def __init__(self, message="Connection error.", **values):
        super().__init__(message)
        self.__dict__.update(values)

    def __str__(self):
        return f"{self.args[0]} { ({k: v for k, v in vars(self).items() if not k.startswith('__')}) }"


SECRET = "sk-123-secret"


def exchange(secret=SECRET, **limits):
    return Exchange(Attempts("acme", model="m-1", **limits), PROMPT, secret)


def shown(error):
    return "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))


def raised(make, cause=None):
    """Return the exception as it is after ``raise ... from cause``."""
    try:
        raise make from cause
    except BaseException as error:  # noqa: BLE001 - to be returned
        return error


def test_error_of_an_exchange_is_one_short_line_without_the_secret():
    error = exchange().error(ServiceError, f"a\n\tb {SECRET} " + "x" * 400, reached=False, retryable=False)
    assert str(error).startswith(f"acme (m-1) could not speak {PROMPT!r}: a b [redacted] xxx")
    assert "x…; try again later" in str(error)
    assert len(error.args[0].split(": ", 1)[1].split(";")[0]) == 300
    assert (error.reached, error.retryable) == (False, False)


@pytest.mark.parametrize("padding", range(190, 205))
def test_secret_is_redacted_before_a_long_text_is_cut(padding):
    error = exchange().refusal_error(SdkError(), ServiceError, 500, "x" * padding + SECRET + "y" * 300)
    assert SECRET[:4] not in str(error)


def test_repr_of_an_exchange_does_not_show_its_secret():
    assert SECRET not in repr(exchange())


@pytest.mark.parametrize(
    ("said", "code", "expected"),
    [
        ("too many", "slow_down", "HTTP 429 (slow_down), 'too many'; "),
        ("too\nmany", None, "HTTP 429, 'too many'; "),
        ("", "slow_down", "HTTP 429 (slow_down); "),
        ("", "", "HTTP 429; "),
        ("x" * 500, {"odd": 1}, "HTTP 429, '" + "x" * 199 + "…'; "),
        ("", "c" * 500, f"HTTP 429 ({'c' * 79}…); "),
        ("", "c" * 75 + SECRET, f"HTTP 429 ({'c' * 75}[red…); "),
        (f"key {SECRET}", f"no_{SECRET}", "HTTP 429 (no_[redacted]), 'key [redacted]'; "),
    ],
)
def test_refusal_names_status_code_and_message_of_the_service(said, code, expected):
    error = exchange().refusal_error(SdkError(), RateLimitError, 429, said, code=code)
    assert type(error) is RateLimitError
    assert f": {expected}wait, or lower max_concurrency" in str(error)
    assert error.reached


def test_refusal_holds_the_requested_delay():
    made = exchange()
    headers = {"Retry-After": "7"}
    assert made.refusal_error(SdkError(), RateLimitError, 429, "", headers=headers).retry_after == 7.0
    own = made.refusal_error(SdkError(), RateLimitError, 429, "", headers=headers, retry_after=0.0)
    assert own.retry_after == 0.0
    assert made.refusal_error(SdkError(), RateLimitError, 429, "").retry_after is None


@pytest.mark.parametrize("status", [301, 307])
def test_redirect_advises_to_correct_the_base_url(status):
    error = exchange().refusal_error(SdkError(), kind_of_status(status), status, "")
    assert type(error) is RequestRejectedError
    assert "correct base_url" in str(error)


@pytest.mark.parametrize("place", ["message", "attribute", "cause", "context"])
def test_secret_is_redacted_in_the_chained_exception(place):
    said = f"bad key {SECRET}"
    if place == "context":
        try:
            try:
                raise ValueError(said)
            finally:
                raise SdkError
        except SdkError as caught:
            error = caught
    elif place == "cause":
        error = raised(SdkError(), ValueError(said))
    else:
        error = SdkError(said) if place == "message" else SdkError(body={"error": said}, status=401)
    assert SECRET in shown(error)
    made = raised(exchange().refusal_error(error, AuthenticationError, 401, said), error)
    assert SECRET not in shown(made)
    assert SECRET not in repr(vars(error))
    assert getattr(error, "status", 401) == 401  # values without a secret do not change


def test_circular_causes_are_redacted_without_an_endless_loop():
    one, other = SdkError(SECRET), SdkError(SECRET)
    one.__cause__, other.__cause__ = other, one
    exchange().refusal_error(one, ServiceError, 500, "")
    assert SECRET not in str(one) + str(other)


@pytest.mark.parametrize(
    ("error", "kind", "what", "reached", "retryable"),
    [
        (
            client_error("ConnectError")("refused"),
            ServiceError,
            "no connection to 127.0.0.1:9: refused",
            0,
            1,
        ),
        (client_error("ProxyError")("407"), ServiceError, "no connection to 127.0.0.1:9: 407", 0, 1),
        (
            client_error("ConnectTimeout", TimeoutException)(),
            ServiceError,
            "no connection to 127.0.0.1:9: ConnectTimeout",
            0,
            1,
        ),
        (
            client_error("ReadTimeout", TimeoutException)(),
            SynthesisTimeoutError,
            "no reply within 2.5 s",
            1,
            1,
        ),
        (
            client_error("ReadError")(),
            ServiceError,
            "the connection to 127.0.0.1:9 was lost: ReadError",
            1,
            1,
        ),
        (
            client_error("RemoteProtocolError")("peer closed", None),
            ServiceError,
            "the connection to the service was lost: peer closed",
            1,
            1,
        ),
        (
            client_error("DecodingError", RequestError)("no gzip"),
            ServiceError,
            "the reply of 127.0.0.1:9 cannot be read: no gzip",
            1,
            1,
        ),
        (
            client_error("UnsupportedProtocol")("no scheme", "//"),
            RequestRejectedError,
            "nothing can be sent to this endpoint: no scheme",
            0,
            0,
        ),
        (
            client_error("LocalProtocolError")(f"Illegal header value b'{SECRET}\\n'"),
            RequestRejectedError,
            "nothing can be sent to 127.0.0.1:9: Illegal header value b'[redacted]\\n'",
            0,
            0,
        ),
        (
            client_error("ConnectError")("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed"),
            ServiceError,
            "the certificate of 127.0.0.1:9 is not trusted: [SSL: CERTIFICATE_VERIFY_FAILED] self-signed; check",
            0,
            0,
        ),
        (
            ValueError(f"odd {SECRET}"),
            ServiceError,
            "the exchange with the service failed: ValueError('odd [redacted]')",
            1,
            1,
        ),
    ],
)
def test_failed_exchange_is_classified_by_the_exception_of_the_client(error, kind, what, reached, retryable):
    for each in (error, raised(SdkError(), error)):  # directly, and as the cause of an SDK's exception
        if isinstance(each, SdkError) and not isinstance(error, RequestError):
            continue
        made = exchange(timeout=2.5).connection_error(each)
        assert type(made) is kind
        assert f": {what}" in str(made)
        assert (made.reached, made.retryable) == (bool(reached), bool(retryable))


def test_untrusted_certificate_is_distinguished_from_other_failures():
    made = exchange()
    assert made.certificate_error(OSError("refused")) is None
    error = made.certificate_error(OSError("Caused by [SSL: CERTIFICATE_VERIFY_FAILED] expired"))
    assert (error.retryable, error.reached) == (False, False)
    assert "SSL_CERT_FILE" in str(error)


def test_error_for_a_client_that_cannot_be_made_advises_to_check_base_url():
    cause = ValueError(f"unknown proxy http://{SECRET}@proxy")
    error = raised(exchange().client_error(cause), cause)
    assert type(error) is ServiceError
    assert "the HTTP client cannot be made: unknown proxy http://[redacted]@proxy; check base_url" in str(
        error
    )
    assert (error.retryable, error.reached) == (False, False)
    assert SECRET not in shown(error)


def test_reply_without_audio_is_described():
    error = exchange().no_audio_error(ValueError("silence"), b"1234", {"content-type": "audio/wav"})
    assert type(error) is NoAudioError
    assert ": the reply (audio/wav, 4 bytes) holds no audio: silence; try again" in str(error)
    assert "(no type, 0 bytes)" in str(exchange().no_audio_error(ValueError("none"), b"", {}))


def test_no_part_of_a_reply_that_contains_the_secret_is_quoted():
    body = b"sorry, " + SECRET.encode()
    cause = ValueError(f"it starts with {body[:12]!r}")
    assert SECRET[:4] in str(cause)
    error = raised(exchange().no_audio_error(cause, body, {"content-type": f"text/{SECRET}"}), cause)
    assert SECRET[:4] not in shown(error)
    assert "it repeats the API key" in str(error)


@pytest.mark.parametrize("secret", [SECRET, "another-secret"])
def test_no_part_of_a_secret_in_a_body_is_quoted(secret):
    cause = ValueError(f"it starts with {secret[:8]!r}")
    both = Exchange(exchange().attempts, PROMPT, SECRET, ("another-secret",))
    error = raised(both.no_audio_error(cause, b"\1\2" + secret.encode(), {}), cause)
    assert secret[:8] not in shown(error)
    assert not error.retryable


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (201, ServiceError),
        (302, RequestRejectedError),
        (400, RequestRejectedError),
        (401, AuthenticationError),
        (402, QuotaExceededError),
        (403, AuthenticationError),
        (404, RequestRejectedError),
        (408, SynthesisTimeoutError),
        (409, ServiceError),
        (410, RequestRejectedError),
        (405, RequestRejectedError),
        (407, RequestRejectedError),
        (413, TextRejectedError),
        (451, RequestRejectedError),
        (498, AuthenticationError),
        (499, ServiceError),
        (422, RequestRejectedError),
        (425, ServiceError),
        (429, RateLimitError),
        (500, ServiceError),
        (503, ServiceError),
        (599, ServiceError),
    ],
)
def test_status_decides_the_kind_of_failure(status, kind):
    assert kind_of_status(status) is kind


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "90"}, 90.0),
        ({"retry-after": " 90.5 "}, 90.5),
        ({"Retry-After-Ms": "90500", "Retry-After": "1"}, 90.5),
        ({"retry-after-ms": "soon", "retry-after": "1"}, 1.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after": "Wed, 99 Oct 2015 07:28:00 GMT"}, None),
        ({"retry-after": "Wed, 21 Oct 99999999999999999999 07:28:00 GMT"}, None),
        ({"retry-after": "Mon, 01 Jan 0001 00:00:00 +9999"}, None),
        ({"retry-after": "0 a 0 0:0:0 +99999999999"}, None),
        ({"retry-after": "1e5"}, None),
        ({"retry-after": "\u0661\u0662"}, None),
    ],
)
def test_retry_after_header_is_parsed(headers, seconds):
    assert seconds_to_wait(headers) == seconds


def test_retry_after_date_is_converted_to_seconds():
    date = email.utils.formatdate(time.time() + 100, usegmt=True)
    assert 95 < seconds_to_wait({"retry-after": date}) <= 100


def test_tls_context_is_made_once_per_client():
    made = []
    first, second = (lambda: made.append("a") or "a"), (lambda: made.append("b") or "b")
    assert [shared_tls(first), shared_tls(second), shared_tls(first)] == ["a", "b", "a"]
    assert made == ["a", "b"]


@pytest.mark.parametrize(
    ("given", "first", "second", "key"),
    [
        ("mine", "a", "b", "mine"),
        (None, "a", "b", "a"),
        ("", "", "b", "b"),
        (" \n", "  ", " b\n", "b"),
    ],
)
def test_key_is_the_option_or_the_first_variable_that_is_set(monkeypatch, given, first, second, key):
    monkeypatch.setenv("ACME_KEY", first)
    monkeypatch.setenv("OLD_ACME_KEY", second)
    assert read_api_key(Attempts("acme"), PROMPT, given, "ACME_KEY", "OLD_ACME_KEY") == key


def test_missing_key_names_the_variables(monkeypatch):
    monkeypatch.delenv("ACME_KEY", raising=False)
    with pytest.raises(AuthenticationError) as caught:
        read_api_key(Attempts("acme"), PROMPT, None, "ACME_KEY", "OLD_ACME_KEY")
    assert str(caught.value).endswith(
        ": there is no API key; set ACME_KEY or OLD_ACME_KEY (or pass api_key=… to the synthesizer)"
    )
    assert not caught.value.reached


@pytest.mark.parametrize("key", ["two words", "line\nend", "nul\0", "café"])
@pytest.mark.parametrize("source", ["api_key", "OLD_ACME_KEY"])
def test_key_that_does_not_fit_a_header_is_named_by_its_source_and_not_shown(monkeypatch, key, source):
    given = key if source == "api_key" else None
    monkeypatch.setattr("os.environ", {source: key})  # a variable with a NUL cannot really be set
    with pytest.raises(AuthenticationError) as caught:
        read_api_key(Attempts("acme"), PROMPT, given, "ACME_KEY", "OLD_ACME_KEY")
    assert str(caught.value).endswith(f"an HTTP header cannot carry; correct {source}")
    assert key not in str(caught.value)
    assert not caught.value.reached


# Exceptions that a backend does not expect.


async def raising(error):
    raise error


@pytest.mark.parametrize(
    "error",
    [struct.error("x sk-123-of-mine"), AssertionError(), KeyError("sk-123-of-mine"), RecursionError("deep")],
)
def test_unexpected_exception_becomes_a_permanent_error_that_names_its_type(error):
    exchange = Exchange(Attempts("acme"), "Hello", "sk-123-of-mine")
    with pytest.raises(ServiceError) as caught:
        asyncio.run(Attempts("acme").run("Hello", lambda: exchange.guard(raising(error))))
    assert re.search(
        rf"unexpected {type(error).__name__}(: '?(x |deep|\[redacted\]).*)?; ", str(caught.value)
    )
    assert not caught.value.retryable
    assert caught.value.__cause__ is error
    assert "sk-123" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("kind", [KeyboardInterrupt, asyncio.CancelledError, TimeoutError])
def test_interrupt_cancellation_and_timeout_pass_the_guard_unchanged(kind):
    with pytest.raises(kind):
        asyncio.run(Exchange(Attempts("acme"), "Hello").guard(raising(kind())))


def test_error_of_russo_passes_the_guard_unchanged():
    error = BackendConfigError("a variable is no URL")
    with pytest.raises(BackendConfigError) as caught:
        asyncio.run(Exchange(Attempts("acme"), "Hello").guard(raising(error)))
    assert caught.value is error


def test_key_is_text_whose_repr_is_hidden(monkeypatch):
    monkeypatch.setenv("ACME_API_KEY", "sk-123-of-mine")
    for given in (None, "sk-123-of-mine"):
        key = read_api_key(Attempts("acme"), "Hello", given, "ACME_API_KEY")
        assert (key, f"Bearer {key}", key.encode()) == (
            "sk-123-of-mine",
            "Bearer sk-123-of-mine",
            b"sk-123-of-mine",
        )
        assert repr({"key": key}) == "{'key': '[hidden]'}"
        assert pickle.loads(pickle.dumps(key)) == Secret("sk-123-of-mine")


@pytest.mark.parametrize("key", ["a", "no", "page"])
def test_short_key_is_not_redacted_inside_words(key):
    exchange = Exchange(Attempts("acme"), "Hello", key)
    error = exchange.no_audio_error(
        ValueError("a bad webpage"), b"\0\1a no page", {"content-type": "audio/a"}
    )
    assert "the reply (audio/a, 11 bytes) holds no audio: a bad webpage" in str(error)


def test_causes_of_an_error_do_not_show_the_key():
    async def attempt():
        try:
            raise LookupError("sk-123-of-mine")
        except LookupError as error:
            raise Attempts("acme").error(ServiceError, "no", prompt="sk-123-of-mine") from error

    with pytest.raises(ServiceError) as caught:
        asyncio.run(Exchange(Attempts("acme"), "Hello", "sk-123-of-mine").guard(attempt()))
    assert caught.value.__cause__.args == ("[redacted]",)
    assert caught.value.prompt == "sk-123-of-mine"


@pytest.mark.parametrize("body", [b"\0 sk-123-of-mine", b"\0 gateway-secret"])
def test_body_that_contains_a_secret_is_not_quoted(body):
    exchange = Exchange(Attempts("acme"), "Hello", "sk-123-of-mine", ("gateway-secret",))
    error = exchange.no_audio_error(
        ValueError(f"it starts with {body[:10]!r}"), body, {"content-type": "audio/a"}
    )
    assert "it repeats the API key" in str(error)
    assert "it starts" not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize(
    ("without", "is_named"), [("", True), ("127.0.0.1", False), ("*", False), ("example.org", True)]
)
def test_proxy_is_named_only_if_it_is_used_for_this_host(monkeypatch, without, is_named):
    for name in ("NO_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name.lower(), raising=False)
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", without)
    refused = ConnectionRefusedError(111, "Connect call failed")
    error = exchange().connection_error(refused, host="127.0.0.1:9", connected=False)
    assert ("the proxy in HTTPS_PROXY" in str(error)) is is_named
