"""The kit's object storage: what it keeps, what it lists, and the faults that a test chooses."""

import contextlib
import http.client
import time
from concurrent.futures import ThreadPoolExecutor
from typing import get_args
from urllib.parse import quote
from xml.etree import ElementTree

import pytest

from russo.testing import LoopbackObjectServer, Reply
from russo.testing._server.objects import ObjectFault

FAULTS = [fault for fault in get_args(ObjectFault) if fault != "slow"]
EFFECTLESS = ["AccessDenied", "InternalError", "NoSuchBucket", "PermanentRedirect", "RequestTimeTooSkewed"]
EFFECTLESS += ["SlowDown", "page", "reset", "silent"]
LOST = (OSError, http.client.HTTPException)


@pytest.fixture
def server():
    with LoopbackObjectServer() as server:
        yield server


def ask(server, method, path, body=None, *, timeout=10, **headers):
    """Make one request; return status, headers and body of the reply."""
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=timeout)
    try:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, f"/team/{path}", body, names)
        reply = connection.getresponse()
        return reply.status, reply.headers, reply.read()
    finally:
        connection.close()


def listed(server, query=""):
    """Return the names in one page of a list, and the token of the next page."""
    page = ElementTree.fromstring(ask(server, "GET", f"?list-type=2{query}")[2])
    return [each.text for each in page.iter("Key")], page.findtext("NextContinuationToken")


def test_object_is_served_as_it_was_put(server):
    data = bytes(range(256)) * 40
    assert ask(server, "GET", "voice/a")[0] == 404
    assert ask(server, "PUT", "voice/a", data)[0] == 200
    status, headers, body = ask(server, "GET", "voice/a")
    assert (status, headers["Content-Length"], body) == (200, "10240", data)
    assert headers["ETag"]
    assert headers["Last-Modified"].endswith("GMT")
    assert server.objects == {"voice/a": data}


def test_head_has_the_size_and_no_body(server):
    server.objects["a"] = b"12345"
    status, headers, body = ask(server, "HEAD", "a")
    assert (status, headers["Content-Length"], body) == (200, "5", b"")
    assert ask(server, "HEAD", "b")[0] == 404


def test_name_is_decoded(server):
    ask(server, "PUT", quote("voice/é +%"), b"1")
    assert list(server.objects) == ["voice/é +%"]


@pytest.mark.parametrize(
    ("wanted", "part", "span"),
    [
        ("bytes=2-4", b"cde", "bytes 2-4/8"),
        ("bytes=6-", b"gh", "bytes 6-7/8"),
        ("bytes=-3", b"fgh", "bytes 5-7/8"),
        ("bytes=4-99", b"efgh", "bytes 4-7/8"),
    ],
)
def test_range_of_an_object_is_served(server, wanted, part, span):
    server.objects["a"] = b"abcdefgh"
    status, headers, body = ask(server, "GET", "a", Range=wanted)
    assert (status, headers["Content-Range"], body) == (206, span, part)


def test_range_behind_the_end_is_refused(server):
    server.objects["a"] = b"abc"
    assert ask(server, "GET", "a", Range="bytes=3-")[0] == 416


def test_conditional_put_keeps_the_first_object(server):
    assert ask(server, "PUT", "a", b"1", If_None_Match="*")[0] == 200
    assert ask(server, "PUT", "a", b"2", If_None_Match="*")[0] == 412
    assert server.objects == {"a": b"1"}
    assert ask(server, "PUT", "a", b"3")[0] == 200
    assert server.objects == {"a": b"3"}


def test_server_that_ignores_conditions_replaces_the_object(server):
    server.conditional = False
    for data in (b"1", b"2"):
        assert ask(server, "PUT", "a", data, If_None_Match="*")[0] == 200
    assert server.objects == {"a": b"2"}


def test_of_many_conditional_puts_at_once_one_stores(server):
    with ThreadPoolExecutor(20) as threads:
        puts = [
            threads.submit(ask, server, "PUT", "a", b"%d" % number, If_None_Match="*") for number in range(20)
        ]
    assert sorted(put.result()[0] for put in puts) == [200] + [412] * 19


def test_objects_are_deleted_one_by_one_and_together(server):
    server.objects.update(a=b"1", b=b"2", c=b"3", d=b"4")
    assert ask(server, "DELETE", "a")[0] == 204
    assert ask(server, "DELETE", "a")[0] == 204
    keys = "".join(f"<Object><Key>{name}</Key></Object>" for name in "bcx")
    assert ask(server, "POST", "?delete", f"<Delete>{keys}</Delete>")[0] == 200
    assert server.objects == {"d": b"4"}
    assert server.count("DELETE") == 3


def test_list_has_the_objects_of_a_prefix_page_by_page(server):
    server.objects.update({f"v/{number}": b"12" for number in range(5)}, w=b"1")
    assert listed(server) == (["v/0", "v/1", "v/2", "v/3", "v/4", "w"], None)
    names, token = listed(server, "&prefix=v/&max-keys=3")
    assert (names, token) == (["v/0", "v/1", "v/2"], "v/2")
    assert listed(server, f"&prefix=v/&continuation-token={token}") == (["v/3", "v/4"], None)
    assert (server.count("LIST"), server.count("GET")) == (3, 0)


def test_without_the_right_to_list_a_missing_object_is_a_403(server):
    server.may_list, server.objects["a"] = False, b"1"
    assert [ask(server, "GET", path)[0] for path in ("?list-type=2", "b", "a")] == [403, 403, 200]


def test_there_is_one_bucket(server):
    with LoopbackObjectServer("other") as other:
        status, _, body = ask(other, "GET", "a")
    assert (status, b"<Code>NoSuchBucket</Code>" in body) == (404, True)
    assert (server.store_url, other.store_url) == ("s3://team/voice", "s3://other/voice")


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_fails_the_first_request_and_not_the_second(server, fault):
    server.objects["a"], server.faults = b"x" * 100, [fault]
    try:
        status, _, body = ask(server, "GET", "a", timeout=0.3)
    except LOST:
        status, body = None, b""
    assert (status, body) != (200, b"x" * 100)
    assert ask(server, "GET", "a")[2] == b"x" * 100


@pytest.mark.parametrize("fault", FAULTS)
def test_put_with_a_fault_has_its_effect_or_not(server, fault):
    server.faults = fault
    with contextlib.suppress(*LOST):
        ask(server, "PUT", "a", b"1", timeout=0.3)
    assert server.wait_requests(1)
    assert server.wait_closed()
    assert list(server.objects) == ([] if fault in EFFECTLESS else ["a"])


def test_slow_reply_comes_at_ten_bytes_per_second(server):
    server.objects["a"], server.faults = b"12345", "slow"
    start = time.monotonic()
    assert ask(server, "GET", "a")[2] == b"12345"
    assert time.monotonic() - start > 0.45


def test_faults_may_be_a_function_of_the_request(server):
    server.objects["a"] = b"1"
    server.faults = lambda request: "AccessDenied" if request.method == "PUT" else None
    assert (ask(server, "PUT", "a", b"2")[0], ask(server, "GET", "a")[0]) == (403, 200)
    server.faults = lambda request: Reply(status=429)
    assert ask(server, "GET", "a")[0] == 429


def test_unknown_fault_is_refused(server):
    with pytest.raises(ValueError, match="unknown fault 'teapot'; the faults are AccessDenied, "):
        server.faults = ["reset", "teapot"]


def test_40_requests_at_once_wait_together(server):
    server.objects["a"], server.delay = b"1", 0.5
    with ThreadPoolExecutor(40) as threads:
        got = list(threads.map(lambda _: ask(server, "GET", "a")[2], range(40)))
    assert got == [b"1"] * 40
    assert server.most_active > 20
