"""The fakes of the kit: a scripted synthesizer and a scripted server."""

import asyncio
import contextlib
import http.client
import inspect
import os
import socket

import pytest

import russo.testing
from russo import Audio, CachedSynthesizer, ServiceError
from russo.testing import FakeSynthesizer, LoopbackServer, Reply, json_reply, speech_pcm, wav
from support.speakers import PROMPT, run
from support.speakers import synthesize as say

BUSY = ServiceError("busy", backend="fake", prompt=PROMPT)
OTHER = Audio(wav(speech_pcm()))


def test_fake_makes_audio_from_the_text():
    audio = say(FakeSynthesizer(), "Hi")
    assert (audio.format, audio.sample_rate, audio.channels, audio.sample_width) == ("wav", 24000, 1, 2)
    assert audio.duration == pytest.approx(0.06)
    assert audio == say(FakeSynthesizer(), "Hi") == FakeSynthesizer().sound("Hi")
    assert audio not in (
        say(FakeSynthesizer(), "Ho"),
        say(FakeSynthesizer(cache_key_extra={"voice": "bert"}), "Hi"),
    )
    assert say(FakeSynthesizer(), "").pcm().strip(b"\0")


def test_fake_follows_its_script_and_repeats_the_last_entry():
    fake = FakeSynthesizer(BUSY, OTHER, None)
    with pytest.raises(ServiceError) as caught:
        say(fake, "a")
    assert caught.value is BUSY
    assert [say(fake, text) for text in "bcd"] == [OTHER, fake.sound("c"), fake.sound("d")]
    assert (fake.texts, fake.calls) == (["a", "b", "c", "d"], 4)


def test_fake_with_no_delays_takes_no_time():
    assert say(FakeSynthesizer(delay=[]), "a") == FakeSynthesizer().sound("a")


@pytest.mark.parametrize("delay", [0.05, [0.05, 0.0]])
def test_fake_waits_for_its_delay(delay):
    async def first_and_last():
        fake = FakeSynthesizer(delay=delay)
        start = asyncio.get_running_loop().time()
        await fake.synthesize("a")
        middle = asyncio.get_running_loop().time()
        await fake.synthesize("b")
        return middle - start, asyncio.get_running_loop().time() - middle

    first, last = run(first_and_last())
    assert first >= 0.05
    assert (last >= 0.05) is (delay == 0.05)


def test_fake_counts_concurrent_and_cancelled_calls():
    async def crowd():
        gate = asyncio.Event()
        fake = FakeSynthesizer(gate=gate)
        calls = [asyncio.ensure_future(fake.synthesize(text)) for text in "abc"]
        await asyncio.sleep(0)
        calls[0].cancel()
        gate.set()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        await fake.synthesize("d")
        return fake, outcomes

    fake, outcomes = run(crowd())
    assert (fake.calls, fake.most_active, fake.cancelled) == (4, 3, 1)
    assert isinstance(outcomes[0], asyncio.CancelledError)


def test_fake_declares_only_the_given_settings(cache):
    assert not hasattr(FakeSynthesizer(), "cache_key_extra")
    assert FakeSynthesizer(cache_key_extra={}).cache_key_extra == {}
    assert CachedSynthesizer(
        FakeSynthesizer(cache_key_extra={"voice": "a"}), cache=cache
    ).cache_key_extra == {"voice": "a"}


def test_fake_counts_how_often_it_is_closed():
    fake = FakeSynthesizer()
    assert fake.closed == 0
    run(fake.aclose())
    assert fake.closed == 1


def ask(server, method="POST", path="/speak?voice=a", body=b'{"text": "hi"}'):
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=10)
    try:
        connection.request(method, path, body)
        reply = connection.getresponse()
        return reply.status, reply.headers, reply.read()
    finally:
        connection.close()


def test_server_records_requests_and_sends_its_replies_in_order():
    with LoopbackServer(
        [json_reply({"a": 1}, 503, {"Retry-After": "2"}), Reply(body=b"abc", chunked=True)]
    ) as server:
        status, headers, body = ask(server)
        assert (status, headers["retry-after"], headers["content-type"]) == (503, "2", "application/json")
        assert body == b'{"a": 1}'
        assert ask(server)[::2] == (200, b"abc")
        assert ask(server)[0] == 418  # the test has no third reply
        first = server.requests[0]
        assert (first.method, first.path, first.query, first.json) == (
            "POST",
            "/speak",
            {"voice": "a"},
            {"text": "hi"},
        )
        assert server.wait_closed()
        assert (len(server.requests), server.most_active, server.connections) == (3, 1, 0)


def test_server_reply_may_be_a_function_of_the_request():
    with LoopbackServer(lambda request: Reply(body=request.method.encode())) as server:
        assert ask(server, "PUT")[2] == b"PUT"


@pytest.mark.parametrize("place", ["start", "status", "headers", "body"])
@pytest.mark.parametrize("how", ["close", "reset"])
def test_server_breaks_off_at_the_chosen_place(place, how):
    with LoopbackServer(Reply(body=b"abcdef", fail_at=place, fail_how=how)) as server:
        try:
            body = ask(server)[2]
        except (OSError, http.client.HTTPException):
            body = None  # http.client accepts half of the headers as complete and reads no body then
        assert body in (None, b"")
        assert len(server.requests) == 1
        assert server.wait_closed()


def talk(server, *sent, replies=1):
    """Send bytes over a plain connection; return everything up to the bodies of `replies` replies."""
    host, _, port = server.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        for piece in sent:
            connection.sendall(piece)
        said = b""
        while said.count(b"ok") < replies and (more := connection.recv(65536)):
            said += more
    return said


def test_server_reads_a_body_in_chunks():
    with LoopbackServer(Reply(body=b"ok")) as server:
        talk(
            server,
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"4;a=b\r\ntext\r\n",
            b"2\r\n, \r\n0\r\nA: b\r\n\r\n",
        )
        assert [request.body for request in server.requests] == [b"text, "]


def test_server_replies_100_continue_if_asked():
    with LoopbackServer(Reply(body=b"ok")) as server:
        head = b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
        assert talk(server, head, b"text").startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
        assert server.requests[0].body == b"text"


def test_server_answers_pipelined_requests():
    with LoopbackServer(Reply(body=b"ok")) as server:
        one, other = (b"POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\n" + body for body in (b"a", b"b"))
        assert talk(server, one + other, replies=2).count(b"200 OK") == 2
        assert [request.body for request in server.requests] == [b"a", b"b"]


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\n\r\n",
    ],
)
def test_server_rejects_bytes_that_are_not_a_request(sent):
    with LoopbackServer(Reply(body=b"ok")) as server:
        said = talk(server, sent)
        assert said.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert b"not a request of HTTP/1.1: " in said
        assert server.requests == []
        assert server.wait_closed()


def test_server_reports_the_exception_of_a_reply_function():
    def reply(request):
        return request.json["voice"]

    with LoopbackServer(reply) as server:
        status, _, body = ask(server)
        assert status == 418
        assert body.startswith(b"the test's reply function raised:\n")
        assert body.endswith(b"KeyError: 'voice'\n")


def test_server_answers_in_a_process_with_many_open_files():
    with contextlib.ExitStack() as stack:
        try:
            while (copy := os.dup(0)) < 1100:  # `select` takes descriptors up to 1,023
                stack.callback(os.close, copy)
        except OSError:
            pytest.skip("this system does not allow so many open files")
        os.close(copy)
        with LoopbackServer(Reply(body=b"audio")) as server:
            assert ask(server)[2] == b"audio"


def test_closing_the_server_ends_every_wait():
    server = LoopbackServer(Reply(delay=3600.0))

    async def hang_up():
        call = asyncio.create_task(asyncio.to_thread(ask, server))
        assert await asyncio.to_thread(server.wait_requests, 1)
        await asyncio.to_thread(server.close)
        with pytest.raises((OSError, http.client.HTTPException)):
            await call

    run(hang_up())
    assert server.connections == 0


@pytest.mark.parametrize("name", [name for name in vars(russo.testing) if not name.startswith("_")])
def test_public_name_of_the_kit_is_documented(name):
    value = getattr(russo.testing, name)
    assert inspect.getdoc(value)
    members = vars(value).items() if inspect.isclass(value) else ()
    public = [
        member
        for name, member in members
        if not name.startswith("_") and (callable(member) or isinstance(member, property))
    ]
    assert [member for member in public if not inspect.getdoc(member)] == []
