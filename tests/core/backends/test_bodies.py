import asyncio
import gzip
import types

import pytest

from russo.authoring import bound_reply, load_json


class AsyncByteStream:
    """The base class of an HTTP client's streams; the code recognises it by this name."""


class Stream(AsyncByteStream):
    def __init__(self, pieces):
        self._pieces = pieces

    async def __aiter__(self):
        for piece in self._pieces:
            yield piece

    async def aclose(self):
        self._pieces = []


def read(pieces, status=200):
    async def collect():
        reply = types.SimpleNamespace(
            stream=Stream(pieces), headers={}, status_code=status, charset_encoding=None
        )
        await bound_reply(reply)
        assert isinstance(reply.stream, AsyncByteStream)
        return [piece async for piece in reply.stream]

    return asyncio.run(collect())


@pytest.mark.parametrize("status", [200, 500])
def test_small_pieces_are_joined(status):
    pieces = read([b"ab"] * 200_000, status)
    assert len(pieces) < 10
    assert b"".join(pieces) == b"ab" * 200_000


def test_json_with_too_many_values_is_refused_before_parsing():
    assert load_json('{"a": [1, 2]}') == {"a": [1, 2]}
    with pytest.raises(ValueError, match="more than 200000 values"):
        load_json("[" + "0," * 200_000 + "0]")


def test_event_loop_runs_while_a_large_body_is_decompressed():
    turns = 0

    async def count_turns():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def read_beside():
        counting = asyncio.create_task(count_turns())
        reply = types.SimpleNamespace(
            stream=Stream([gzip.compress(bytes(16 << 20))]),
            headers={"content-encoding": "gzip"},
            status_code=200,
            charset_encoding=None,
        )
        await bound_reply(reply)
        size = sum([len(piece) async for piece in reply.stream])
        counting.cancel()
        return size

    assert asyncio.run(read_beside()) == 16 << 20
    assert turns >= 64  # once for each 256 KiB
