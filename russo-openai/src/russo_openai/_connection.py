"""One websocket per attempt: opens it with limits, turns failures into errors of russo, and closes it."""

from __future__ import annotations

import asyncio
import binascii
import contextlib
import logging
import os
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit

from russo import (
    AuthenticationError,
    NoAudioError,
    RateLimitError,
    RequestRejectedError,
    ServiceError,
    SynthesisError,
)
from russo.authoring import MOST_REPLY_BYTES, OversizedReplyError, endpoint, seconds_to_wait, shared_tls

from ._access import custom_headers
from ._failures import wait_said_in
from ._session import DecodingError, RefusedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from websockets.asyncio.client import ClientConnection
    from websockets.exceptions import ConnectionClosed, InvalidStatus

    from russo.authoring import Exchange

_PROXY: Final = "a proxy variable does not contain a proxy URL"
# RFC 6455, 7.4.1, and the registry of close codes: 3000 unauthorized, 3003 forbidden.
_CLOSE_KINDS: Final[dict[int, type[SynthesisError]]] = {
    1003: RequestRejectedError,
    1007: RequestRejectedError,
    1008: RequestRejectedError,
    1009: RequestRejectedError,
    3000: AuthenticationError,
    3003: AuthenticationError,
    # These are sent by servers that add 4000 to an HTTP status.
    4401: AuthenticationError,
    4403: AuthenticationError,
    4404: RequestRejectedError,
    4429: RateLimitError,
}
_WANTED: Final = "the websocket of the Realtime API"
# At most this many bytes of a body are searched for a delay.
_READ: Final = 10_000
_TOO_BIG: Final = 1009  # sent by us
_BOUNDS: Final[dict[str, Any]] = {
    "close_timeout": 1,
    "compression": None,
    "max_queue": None,  # otherwise closing waits for its timeout if more than 16 frames are unread
    "max_size": MOST_REPLY_BYTES,
    "ping_interval": None,
}


def realtime_url(base_url: str, model: str) -> str:
    """Return the websocket's URL for a base URL."""
    return f"{re.sub('^http', 'ws', endpoint(base_url))}/realtime?{urlencode({'model': model})}"


@contextlib.asynccontextmanager
async def connected(exchange: Exchange, url: str) -> AsyncIterator[ClientConnection]:
    """Open a websocket for one attempt, and close it however the attempt ends.

    Raises:
        SynthesisError: The connection does not open, or breaks; or the service refuses.
    """
    host, loop = urlsplit(url).netloc, asyncio.get_running_loop()
    until = loop.time() + exchange.attempts.timeout
    tls = _tls(exchange) if url.startswith("wss:") else {}
    try:
        connection = await _open(exchange, url, tls)
    except BaseException as error:
        if _is_about_proxy(error):  # its message and its attributes show the proxy's password
            cause = ValueError(_PROXY)
            raise exchange.client_error(cause) from cause
        if isinstance(error, Exception):
            raise _opening_error(exchange, error, host) from error
        raise
    try:
        yield connection
    except BaseException as error:
        connection.transport.abort()  # an orderly close would wait for the service
        if (known := _session_error(exchange, error, host)) is not None:
            raise known from error
        raise
    finally:
        # Half of the remaining time, so that the attempt's timeout does not discard a complete reading.
        await _close(connection, (until - loop.time()) / 2)


async def _close(connection: ClientConnection, seconds: float) -> None:
    """Close a websocket; drop the connection if the service does not answer within ``seconds``."""
    try:
        async with asyncio.timeout(seconds):
            await connection.close()
    except TimeoutError:
        connection.transport.abort()
        await connection.wait_closed()
    except BaseException:  # cancelled while the service does not answer
        connection.transport.abort()
        raise


async def _open(exchange: Exchange, url: str, tls: dict[str, Any]) -> ClientConnection:
    from websockets.asyncio.client import connect

    class Connect(connect):
        def process_redirect(self, exc: Exception) -> Exception:
            return exc  # not followed, because the key would be sent along

    return await Connect(
        url,
        additional_headers=_headers(exchange.secret),
        logger=_silent_logger(),
        open_timeout=exchange.attempts.connect_timeout,
        **_BOUNDS,
        **tls,
    )


def _is_about_proxy(error: BaseException) -> bool:
    from websockets.exceptions import InvalidProxy

    return isinstance(error, InvalidProxy)


def _headers(key: str) -> dict[str, str]:
    """Return the headers that OpenAI's SDK sends too; a custom header replaces one of the same name."""
    headers = {"authorization": f"Bearer {key}"}
    for name, variable in (("openai-organization", "OPENAI_ORG_ID"), ("openai-project", "OPENAI_PROJECT_ID")):
        if value := os.environ.get(variable):
            headers[name] = value
    return headers | {name.lower(): value for name, value in custom_headers().items()}


def _silent_logger() -> logging.Logger:
    """Return a logger without output: at DEBUG, websockets logs the header with the key."""
    logger = logging.Logger("russo_openai.websocket")
    logger.disabled = True
    return logger


def _tls(exchange: Exchange) -> dict[str, Any]:
    import httpx2  # for the same certificates as /v1/audio/speech

    try:
        return {"ssl": shared_tls(httpx2.create_ssl_context)}
    except (ValueError, OSError) as error:
        raise exchange.client_error(error) from error


def _opening_error(exchange: Exchange, error: Exception, host: str) -> SynthesisError:
    from websockets.exceptions import InvalidStatus, InvalidURI

    if isinstance(error, InvalidStatus):
        return _handshake_error(exchange, error)
    if untrusted := exchange.certificate_error(error, host=host):
        return untrusted
    if isinstance(error, (InvalidURI, ImportError, ValueError)):
        return exchange.client_error(error)
    return exchange.connection_error(error, host=host, connected=False)


def _handshake_error(exchange: Exchange, error: InvalidStatus) -> SynthesisError:
    reply = error.response
    body, headers = reply.body or b"", dict(reply.headers.raw_items())
    wait = seconds_to_wait(headers)
    if wait is None:
        wait = wait_said_in(body[:_READ].decode(errors="replace"))
    if 200 <= reply.status_code < 300 and body.strip():
        start = f"the reply to the handshake (HTTP {reply.status_code}, {len(body)} bytes)"
        return exchange.document_error(body, start, wanted=_WANTED, error=error)
    return exchange.reply_error(error, reply.status_code, body, headers=headers, retry_after=wait)


def _session_error(exchange: Exchange, error: BaseException, host: str) -> SynthesisError | None:
    """Return the error for a failure on the open connection; None if the exception is of another kind."""
    from websockets.exceptions import ConnectionClosed

    if isinstance(error, RefusedError):
        wait = wait_said_in(error.message)
        return exchange.reply_error(error, error.place, error.body, code=error.code, retry_after=wait)
    if isinstance(error, ConnectionClosed):
        return _closed_error(exchange, error, host)
    if isinstance(error, binascii.Error):
        return exchange.error(NoAudioError, f"a piece of the audio is not base64: {error}")
    if isinstance(error, (DecodingError, OversizedReplyError, OSError)):
        return exchange.connection_error(error, host=host)
    return None


def _closed_error(exchange: Exchange, error: ConnectionClosed, host: str) -> SynthesisError:
    """Return the error for a closed connection; the reason of the close may be a refusal (``type.code``)."""
    if error.sent is not None and error.sent.code == _TOO_BIG and not error.rcvd_then_sent:
        oversized = OversizedReplyError(f"a message is larger than {MOST_REPLY_BYTES >> 20} MiB")
        return exchange.connection_error(oversized, host=host)
    if error.rcvd is not None:
        code, reason = error.rcvd.code, error.rcvd.reason
        body = {"message": reason, "errors": [{"type": word} for word in re.findall(r"\w+", reason)]}
        place, wait = f"close code {code}", wait_said_in(reason)
        refusal = exchange.reply_error(error, place, body, retry_after=wait)
        if type(refusal) is not ServiceError:
            return refusal
        if (kind := _CLOSE_KINDS.get(code)) is not None:
            return exchange.reply_error(error, place, body, kind=kind, retry_after=wait)
    return exchange.connection_error(error, host=host)
