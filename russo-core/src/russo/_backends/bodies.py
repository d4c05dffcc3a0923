"""Limits for replies: the size of a body, the size of its JSON, and the encoding of its text.

`bound_reply` is a response hook for a client of httpx or httpx2, which are not imported here. It replaces the
stream of a reply before the client reads it, so the limits hold for every SDK that uses such a client.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import itertools
import json
import re
import zlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Final

MOST_REPLY_BYTES: Final = 64 << 20
"""The largest reply in bytes, after decompression: 20 minutes of speech, or more."""
ACCEPTED_ENCODINGS: Final = "gzip, deflate"
"""What `bound_reply` decompresses, as the header Accept-Encoding of a request."""
_LIMIT: Final = f"the limit is {MOST_REPLY_BYTES >> 20} MiB"
# A refusal that is larger than this is cut, not rejected, because its status says what to do. Only 200
# characters of it are shown.
_MOST_OF_REFUSAL: Final = 1 << 20
# Small pieces are joined, because each would take more memory than its bytes.
_PIECE: Final = 1 << 16
# A piece of this size is decompressed in a few milliseconds. Between two pieces the timeout can end the
# attempt.
_STEP: Final = 1 << 18
# JSON values take up to 60 times the memory of their text. A reply has a few hundred values.
_MOST_VALUES: Final = 200_000
_DEEPEST: Final = 100
_PARTIAL: Final = 206
_WINDOWS: Final = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
# Other codecs of Python are slow for long texts (punycode), or do not encode text (zip).
_CHARSETS: Final = frozenset(
    {"ascii", "big5", "cp1251", "cp1252", "euc_jp", "euc_kr", "gb18030", "gb2312", "gbk", "iso8859-1"}
    | {"iso8859-15", "iso8859-2", "koi8-r", "shift_jis", "utf-16", "utf-8"}
)


class UnreadableReplyError(ValueError):
    """A reply that russo does not read; a retry would not help."""


class OversizedReplyError(UnreadableReplyError):
    """A reply is larger than `MOST_REPLY_BYTES`."""


class DecodingError(ValueError):
    """A compressed reply is damaged. A retry may help."""


async def bound_reply(reply: Any) -> None:
    """Limit the body of a reply; a response hook for an asynchronous client of httpx or httpx2.

    At most 64 MiB are read, counted after decompression. If the status is not a success, 1 MiB is read and
    the rest is left. Text in an unusual charset is read as UTF-8.

    Args:
        reply: The client's response, before its body is read.

    Raises:
        OversizedReplyError: The body is larger than 64 MiB, as a header states or as reading shows.
        UnreadableReplyError: The request does not accept its compression, or it is a part of a body (206).
        DecodingError: The compressed body is damaged or cut; raised while the body is read.
    """
    packed = reply.headers.pop("content-encoding", "")
    encodings = [each.strip() for each in packed.lower().split(",")]
    encodings = [each for each in encodings if each not in ("", "identity")]
    is_success = 200 <= reply.status_code < 300
    if reply.status_code == _PARTIAL:
        raise UnreadableReplyError(f"it is a part of a body (HTTP {_PARTIAL}), which was not requested")
    length = reply.headers.get("content-length", "")
    if is_success and re.fullmatch("[0-9]{1,20}", length) and int(length) > MOST_REPLY_BYTES:
        raise OversizedReplyError(f"its body is {int(length) >> 20} MiB; {_LIMIT}")
    if is_success and (len(encodings) > 1 or not _WINDOWS.keys() >= set(encodings)):
        raise UnreadableReplyError(
            f"it is compressed as {packed.strip()}; the request accepts {ACCEPTED_ENCODINGS}"
        )
    # The client accepts only streams of its own class.
    base = next(each for each in type(reply.stream).__mro__ if each.__name__ == "AsyncByteStream")
    bounded = type("BoundedStream", (_BoundedStream, base), {})
    charset = _charset(reply.charset_encoding)
    reply.stream = bounded(reply.stream, encodings, charset, is_success=is_success)
    reply.encoding = charset if is_success else "utf-8"


class _BoundedStream:
    """The decompressed stream of a reply's body, within the limits, in pieces of a usual size."""

    def __init__(self, stream: Any, encodings: list[str], charset: str, *, is_success: bool) -> None:
        self._stream = stream
        self._encodings = encodings
        self._charset = charset
        self._is_success = is_success

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        pieces = _joined(self._success() if self._is_success else self._refusal())
        async with contextlib.aclosing(pieces):
            async for piece in pieces:
                yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def _success(self) -> AsyncGenerator[bytes, None]:
        total = 0
        async with contextlib.aclosing(_decompressed(self._stream, self._encodings)) as pieces:
            async for piece in pieces:
                total += len(piece)
                if total > MOST_REPLY_BYTES:
                    raise OversizedReplyError(f"its body is larger; {_LIMIT}")
                yield piece

    async def _refusal(self) -> AsyncGenerator[bytes, None]:
        """Yield the start of the body in UTF-8, or nothing if its compression is not supported.

        SDKs parse each error body as JSON. They would raise another error for bytes that are not UTF-8, or
        for JSON that is nested too deep for Python.
        """
        body = bytearray()
        if len(self._encodings) > 1 or not _WINDOWS.keys() >= set(self._encodings):
            return
        with contextlib.suppress(DecodingError):
            async with contextlib.aclosing(_decompressed(self._stream, self._encodings)) as pieces:
                async for piece in pieces:
                    body += piece
                    if len(body) >= _MOST_OF_REFUSAL:
                        break
        text = body[:_MOST_OF_REFUSAL].decode(self._charset, "replace")
        yield (f"nested too deep: {text}" if _depth(text) > _DEEPEST else text).encode()


async def _decompressed(stream: AsyncIterator[bytes], encodings: list[str]) -> AsyncGenerator[bytes, None]:
    machine = _Decompressor(encodings[0]) if encodings else None
    async for data in stream:
        if machine is None:
            yield data
            continue
        rest = data
        while rest:
            piece, rest = machine.step(rest)
            yield piece
            await asyncio.sleep(0)
    if machine is not None:
        yield machine.end()


class _Decompressor:
    """Decompresses a body in steps of limited size; several gzip members in a row are one body."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._member: Any = None

    def step(self, data: bytes) -> tuple[bytes, bytes]:
        """Return a piece of the body, and the rest of the data."""
        member = self._member or zlib.decompressobj(self._window(data))
        try:
            piece = member.decompress(data, _STEP)
        except zlib.error as error:
            raise DecodingError(f"it is not valid {self._encoding}: {error}") from error
        self._member = None if member.eof else member
        return piece, member.unused_data if member.eof else member.unconsumed_tail

    def end(self) -> bytes:
        """Return the rest of the body, at most a few hundred bytes."""
        if self._member is None:
            return b""
        piece: bytes = self._member.flush()
        if not self._member.eof:
            raise DecodingError(f"its {self._encoding} data is truncated")
        return piece

    def _window(self, data: bytes) -> int:
        if self._encoding == "deflate" and data[0] & 0x0F != zlib.DEFLATED:
            return -zlib.MAX_WBITS  # many servers send deflate without its header
        return _WINDOWS[self._encoding]


async def _joined(pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    held = bytearray()
    async with contextlib.aclosing(pieces):
        async for piece in pieces:
            held += piece
            if len(held) >= _PIECE:
                yield bytes(held)
                held.clear()
    if held:
        yield bytes(held)


def load_json(text: str | bytes) -> Any:
    """Return the value of a JSON text from a service.

    Raises:
        ValueError: It is not JSON, or it has more than 200,000 values.
        RecursionError: It is nested too deep.
    """
    marks = (b"[", b"{", b",") if isinstance(text, bytes) else ("[", "{", ",")
    if sum(map(text.count, marks)) > _MOST_VALUES:  # type: ignore[arg-type]
        raise ValueError(f"JSON of more than {_MOST_VALUES} values")
    return json.loads(text)


def _depth(text: str) -> int:
    """Return the depth of the most deeply nested bracket."""
    marks = re.findall(r"[\[\]{}]", text)
    return max(itertools.accumulate(1 if mark in "[{" else -1 for mark in marks), default=0)


def _charset(named: str | None) -> str:
    with contextlib.suppress(LookupError, ValueError):
        if named and codecs.lookup(named).name in _CHARSETS:
            return named
    return "utf-8"
