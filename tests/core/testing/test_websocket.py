"""The kit's websocket server, tested with a real client, and the service that declares it."""

import asyncio
import json

import pytest
import websockets.asyncio.client
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus

from russo.testing import Frames, Reply, WebSocketServer, WebSocketService, frames

HELLO = frames(["hello"])


def is_last(message):
    return message == "last"


@pytest.fixture
def server():
    with WebSocketServer(frames([{"n": 1}, b"raw"]), greeting=HELLO, is_last=is_last) as server:
        yield server


async def talked(server, *messages, **options):
    """Send messages; return everything received until the close, and the close's code and reason."""
    url = f"ws{server.url.removeprefix('http')}/path?a=1"
    client = await websockets.asyncio.client.connect(url, compression=None, max_size=None, **options)
    came = []
    async with client:
        for message in messages:
            await client.send(message)
        try:
            async with asyncio.timeout(5):
                while True:
                    came.append(await client.recv())
                    if len(came) == 3:
                        break
        except ConnectionClosed as error:
            return came, (error.rcvd and (error.rcvd.code, error.rcvd.reason))
    return came, None


def talk(server, *messages, **options):
    return asyncio.run(talked(server, *messages, **options))


def test_messages_of_a_client_are_one_request(server):
    came, _ = talk(server, '{"first": 1}', '"last"')
    assert came == ['"hello"', '{"n": 1}', "raw"]
    [request] = server.requests
    assert (request.method, request.path, request.query) == ("GET", "/path", {"a": "1"})
    assert request.json == [{"first": 1}, "last"]
    assert request.headers["upgrade"] == "websocket"
    assert server.wait_closed()


@pytest.mark.parametrize("size", [10, 125, 126, 65535, 65536, 200_000])
def test_frames_of_any_size_arrive_complete_in_both_directions(server, size):
    text = json.dumps("x" * (size - 2))
    server.replies = frames([text.encode(), text.encode()])
    came, _ = talk(server, text, '"last"')
    assert came[1:] == [text, text]
    assert server.requests[0].json[0] == "x" * (size - 2)


def test_close_frame_has_code_and_reason(server):
    server.replies = frames([1], close=(4000, "a.reason"))
    assert talk(server, '"last"') == (['"hello"', "1"], (4000, "a.reason"))


def test_reply_without_frames_refuses_the_handshake(server):
    server.replies = [Reply(status=403, body=b"no"), HELLO]
    with pytest.raises(InvalidStatus) as caught:
        talk(server, '"last"')
    assert (caught.value.response.status_code, caught.value.response.body) == (403, b"no")
    server.replies = [Reply(status=403), frames([1, 2])]
    with pytest.raises(InvalidStatus):
        talk(server, '"last"')
    assert talk(server, '"last"')[0] == ['"hello"', "1", "2"]


@pytest.mark.parametrize("place", ["start", "status", "headers"])
def test_handshake_may_break_off(server, place):
    server.replies = Frames(fail_at=place, fail_how="close")
    with pytest.raises(InvalidMessage):
        talk(server, '"last"')
    server.replies = Frames(fail_at=place, fail_how="hang")
    with pytest.raises(TimeoutError):
        talk(server, open_timeout=0.2)
    assert server.wait_closed()


@pytest.mark.parametrize("how", ["close", "reset"])
def test_frames_may_break_off(server, how):
    server.replies = Frames(body=frames([1, 2]).body, fail_at="body", fail_how=how)
    assert talk(server, '"last"') == (['"hello"', "1"], None)


def test_function_is_called_with_all_messages(server):
    server.replies = lambda request: frames([len(request.json), request.json[0]])
    assert talk(server, '"one"', '"last"')[0] == ['"hello"', "2", '"one"']


def test_failure_of_a_reply_function_is_the_reason_of_the_close(server):
    server.replies = lambda _: 1 / 0
    _, (code, reason) = talk(server, '"last"')
    assert code == 1011
    assert "the test's reply function raised" in reason


def test_server_may_leave_a_close_of_the_client_unanswered(server):
    server.replies = Frames(body=frames([1, 2]).body, answer_close=False)
    assert len(talk(server, '"last"', close_timeout=0.2)[0]) == 3
    assert server.wait_closed()


def test_server_notices_a_client_that_leaves_early(server):
    async def leave():
        url = f"ws{server.url.removeprefix('http')}/"
        async with websockets.asyncio.client.connect(url) as client:
            await client.send('"not the last"')

    asyncio.run(leave())
    assert server.wait_closed()
    assert server.requests == []


def test_websocket_service_runs_its_own_server():
    service = WebSocketService(
        good=lambda _: HELLO, error_reply=lambda *_: HELLO, greeting=HELLO, is_last=is_last
    )
    with service.serve(frames([1, 2])) as server:
        assert isinstance(server, WebSocketServer)
        assert talk(server, '"last"')[0] == ['"hello"', "1", "2"]
    assert [service.is_reached(place) for place in ("start", "status", "headers", "body")] == [
        False,
        False,
        False,
        True,
    ]
