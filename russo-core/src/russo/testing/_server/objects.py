"""A small object storage on 127.0.0.1: the part of S3's API that stores of russo use, with faults on request.

It is a `LoopbackServer` that keeps objects in memory. Signatures are not checked.
"""

from __future__ import annotations

import hashlib
import itertools
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from email.utils import formatdate
from typing import Final, Literal, get_args
from urllib.parse import unquote
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from .loopback import LoopbackServer, Reply
from .request import Request

ObjectFault = Literal[
    "AccessDenied",
    "InternalError",
    "NoSuchBucket",
    "PermanentRedirect",
    "RequestTimeTooSkewed",
    "SlowDown",
    "cut",
    "lost answer",
    "page",
    "reset",
    "silent",
    "slow",
    "stalled",
]
ObjectFaults = (
    ObjectFault | None | Sequence[ObjectFault | None] | Callable[[Request], ObjectFault | Reply | None]
)

_STATUS: Final = {
    "AccessDenied": 403,
    "InternalError": 500,
    "InvalidRange": 416,
    "MethodNotAllowed": 405,
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "PermanentRedirect": 301,
    "PreconditionFailed": 412,
    "RequestTimeTooSkewed": 403,
    "SlowDown": 503,
}
_PAGE: Final = b"<!doctype html><title>Sign in</title><p>Sign in to use this network.</p>"
_MOST_LISTED: Final = 1000  # as S3: more objects need more requests


class LoopbackObjectServer(LoopbackServer):
    """Keeps objects in memory and serves them on 127.0.0.1, as S3 does, from construction until `close`.

        with LoopbackObjectServer() as server:
            for name, value in server.environment.items():
                monkeypatch.setenv(name, value)
            server.faults = ["SlowDown", None]            # the first request fails, all others succeed
            ...                                           # a store of server.store_url
            assert server.count("PUT") == 2

    It knows GET, HEAD, PUT, DELETE, DeleteObjects and ListObjectsV2, ranges, and the condition
    ``If-None-Match: *`` of a PUT. It does not check signatures. A fault is one of

    * ``AccessDenied`` (403), ``RequestTimeTooSkewed`` (403), ``NoSuchBucket`` (404), ``PermanentRedirect``
      (301), ``InternalError`` (500) or ``SlowDown`` (503): this error of S3, and the request has no effect,
    * ``reset``: the connection is reset before the reply, and the request has no effect,
    * ``silent``: the request has no effect, and no reply is sent until the client closes,
    * ``page``: the reply is an HTML page with status 200, and the request has no effect,
    * ``lost answer``: the request has its effect, and then the connection is reset,
    * ``cut``: half of the reply is sent, and the connection is closed,
    * ``stalled``: half of the reply is sent, and no more until the client closes,
    * ``slow``: the reply is sent at ten bytes per second.

    Args:
        bucket: The name of the only bucket.

    Attributes:
        objects: Names, without the bucket, to bytes; a test may change them.
        faults: One fault for each request; or a sequence with the fault of each request in order, after which
            requests succeed; or a function of the request, which may also return a `Reply`. ``None``
            means success. It may be replaced at any time; a new sequence starts at its first fault.
        delay: Seconds before each reply.
        conditional: False ignores the condition of a PUT, as some servers do: it replaces the object.
        may_list: False denies a list, and so S3 also answers 403 instead of 404 for an object that does not
            exist.
    """

    def __init__(self, bucket: str = "team") -> None:
        self.bucket: Final = bucket
        self.objects: dict[str, bytes] = {}
        self.delay = 0.0
        self.conditional = True
        self.may_list = True
        self._lock = threading.Lock()
        self._times: dict[str, float] = {}
        self._started: Final = time.time()
        self.faults: ObjectFaults = None
        super().__init__(self._reply)

    def __setattr__(self, name: str, value: object) -> None:
        if name == "faults":
            _check_faults(value)
            self._requests_since = itertools.count()
        super().__setattr__(name, value)

    @property
    def store_url(self) -> str:
        """The URL of a store in the bucket: ``s3://BUCKET/voice``."""
        return f"s3://{self.bucket}/voice"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead clients of S3 to this server, with a key that is not secret."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "loopback",
            "AWS_SECRET_ACCESS_KEY": "loopback-secret-of-tests",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def count(self, operation: str) -> int:
        """Return the number of requests of an operation: GET, HEAD, PUT, DELETE, or LIST (not a GET here)."""
        return [_operation(request) for request in list(self.requests)].count(operation)

    def _reply(self, request: Request) -> Reply:
        fault = self._fault(request)
        if isinstance(fault, Reply):
            reply = fault
        elif fault in _STATUS:
            reply = _error(str(fault))
        elif fault == "reset":
            reply = Reply(fail_at="start", fail_how="reset")
        elif fault == "silent":
            reply = Reply(fail_at="start", fail_how="hang")
        elif fault == "page":
            reply = _object(_PAGE, self._started, {"Content-Type": "text/html"})
        else:
            reply = _broken(self._answer_to(request), fault)
        if request.method == "HEAD":
            reply = replace(
                reply, headers={"Content-Length": str(len(reply.body)), **reply.headers}, body=b""
            )
        return replace(reply, delay=self.delay or reply.delay)

    def _fault(self, request: Request) -> ObjectFault | Reply | None:
        """Return the fault of a request."""
        faults, number = self.faults, next(self._requests_since)
        if callable(faults):
            return faults(request)
        if faults is None or isinstance(faults, str):
            return faults
        return faults[number] if number < len(faults) else None

    def _answer_to(self, request: Request) -> Reply:
        """Do what a request asks for; return the reply of S3."""
        bucket, _, name = unquote(request.path).removeprefix("/").partition("/")
        if bucket != self.bucket:
            return _error("NoSuchBucket")
        is_create_only = self.conditional and "if-none-match" in request.headers
        with self._lock:
            match _operation(request):
                case "LIST":
                    return self._listed(request) if self.may_list else _error("AccessDenied")
                case "GET" | "HEAD" if name in self.objects:
                    return _part(
                        _object(self.objects[name], self._times.get(name, self._started)),
                        request.headers.get("range", ""),
                    )
                case "GET" | "HEAD":
                    return _error("NoSuchKey" if self.may_list else "AccessDenied")
                case "PUT" if is_create_only and name in self.objects:
                    return _error("PreconditionFailed")
                case "PUT":
                    self.objects[name], self._times[name] = request.body, time.time()
                    return Reply(headers={"ETag": _tag(request.body)})
                case "DELETE" if request.method == "POST":
                    return self._deleted(_keys(request.body))
                case "DELETE":
                    self._deleted([name])
                    return Reply(status=204)
        return _error("MethodNotAllowed")

    def _listed(self, request: Request) -> Reply:
        """Return one page of a list: the objects after the last one of the page before."""
        prefix, after = request.query.get("prefix", ""), request.query.get("continuation-token", "")
        names = sorted(name for name in self.objects if name.startswith(prefix) and name > after)
        size = min(int(request.query.get("max-keys", _MOST_LISTED)), _MOST_LISTED)
        page, more = names[:size], len(names) > size
        following = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        listed = "".join(self._described(name) for name in page)
        return _xml(
            200,
            f"<ListBucketResult><Name>{escape(self.bucket)}</Name><Prefix>{escape(prefix)}</Prefix>"
            f"<KeyCount>{len(page)}</KeyCount><MaxKeys>{size}</MaxKeys><IsTruncated>{str(more).lower()}"
            f"</IsTruncated>{following}{listed}</ListBucketResult>",
        )

    def _deleted(self, names: list[str]) -> Reply:
        """Remove objects, which need not exist."""
        for name in names:
            self.objects.pop(name, None)
        removed = "".join(f"<Deleted><Key>{escape(name)}</Key></Deleted>" for name in names)
        return _xml(200, f"<DeleteResult>{removed}</DeleteResult>")

    def _described(self, name: str) -> str:
        """Return the XML of one object in a list."""
        data, stored = self.objects[name], time.gmtime(self._times.get(name, self._started))
        return (
            f"<Contents><Key>{escape(name)}</Key><Size>{len(data)}</Size><ETag>{escape(_tag(data))}</ETag>"
            f"<LastModified>{time.strftime('%Y-%m-%dT%H:%M:%S.000Z', stored)}</LastModified>"
            "<StorageClass>STANDARD</StorageClass></Contents>"
        )


def _check_faults(faults: object) -> None:
    """Raise a ``ValueError`` if a fault has an unknown name; otherwise the requests would succeed."""
    given = [faults] if isinstance(faults, str) or not isinstance(faults, Sequence) else faults
    for each in given:
        if isinstance(each, str) and each not in get_args(ObjectFault):
            raise ValueError(f"unknown fault {each!r}; the faults are {', '.join(get_args(ObjectFault))}")


def _operation(request: Request) -> str:
    """Return the operation of a request: its method, LIST, or DELETE for a POST that names the objects."""
    if request.method == "GET" and "list-type" in request.query:
        return "LIST"
    return "DELETE" if request.method == "POST" and "delete" in request.query else request.method


def _keys(body: bytes) -> list[str]:
    """Return the names in a request that deletes several objects."""
    return [each.text or "" for each in ElementTree.fromstring(body).iter() if each.tag.endswith("Key")]


def _tag(data: bytes) -> str:
    """Return the ETag of an object."""
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'


def _object(data: bytes, stored: float, headers: dict[str, str] | None = None) -> Reply:
    """Return the reply with an object."""
    described = {
        "ETag": _tag(data),
        "Last-Modified": formatdate(stored, usegmt=True),
        "Accept-Ranges": "bytes",
    }
    return Reply(body=data, headers=described | (headers or {}))


def _part(reply: Reply, wanted: str) -> Reply:
    """Return the part of an object for a ``Range`` header, or the whole object if the header is empty."""
    if not wanted:
        return reply
    first, _, last = wanted.removeprefix("bytes=").partition("-")
    size = len(reply.body)
    start, end = (int(first), int(last or size - 1)) if first else (max(0, size - int(last)), size - 1)
    if start >= size:
        return _error("InvalidRange")
    body = reply.body[start : end + 1]
    span = f"bytes {start}-{start + len(body) - 1}/{size}"
    return replace(reply, status=206, body=body, headers={**reply.headers, "Content-Range": span})


def _error(code: str) -> Reply:
    """Return an error of S3."""
    return _xml(_STATUS[code], f"<Error><Code>{code}</Code><Message>{code}</Message></Error>")


def _xml(status: int, text: str) -> Reply:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()
    return Reply(status=status, headers={"Content-Type": "application/xml"}, body=body)


def _broken(reply: Reply, fault: ObjectFault | None) -> Reply:
    """Return a reply that fails on the way, after the request had its effect."""
    within: Literal["body", "headers"] = "body" if reply.body else "headers"
    match fault:
        case "lost answer":
            return replace(reply, fail_at="start", fail_how="reset")
        case "cut":
            return replace(reply, fail_at=within, fail_how="close")
        case "stalled":
            return replace(reply, fail_at=within, fail_how="hang")
        case "slow":
            return replace(reply, fail_at=within if reply.body else "status", fail_how="drip", fail_after=0)
    return reply
