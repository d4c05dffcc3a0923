"""`ObstoreStore` of a static web server: ``http://`` and ``https://``, which are only read."""

import pytest

from russo import StoreError
from russo.testing import LoopbackServer, Reply
from russo_remote import ObstoreStore
from support.remote.servers import web_server

NAME = "v1/ab/abcd.russo"


def refusal(call, *arguments, **options):
    with pytest.raises(StoreError) as caught:
        call(*arguments, **options)
    assert caught.value.kind == "refused"
    return caught.value.reason


@pytest.fixture
def served(tmp_path):
    ObstoreStore((tmp_path / "my voice").as_uri()).put(NAME, b"1", replace=False)
    with web_server(tmp_path) as url:
        yield url


def test_web_server_of_a_shared_folder_is_read(served):
    store = ObstoreStore(f"{served}/my%20voice")
    assert store.get(NAME, 10) == b"1"
    assert store.get("v1/ab/none.russo", 10) is None
    assert store.get("v1/none/none.russo", 10) is None


def test_web_server_is_not_written_to_and_cannot_list(tmp_path):
    with LoopbackServer(Reply(status=200)) as server:
        store = ObstoreStore(f"{server.url}/voice")
        assert (
            refusal(store.put, NAME, b"1", replace=True)
            == "a web server is only read; use another URL to write"
        )
        assert refusal(store.delete, NAME) == "a web server is only read; use another URL to write"
        assert refusal(lambda: list(store.list("v1/"))) == "a web server cannot list its objects"
        assert server.requests == []


@pytest.mark.parametrize(
    "host", ["team.s3.eu-west-1.amazonaws.com", "s3.eu-west-1.amazonaws.com", "team.blob.core.windows.net"]
)
def test_server_of_a_cloud_gets_no_credentials_over_https(host, setenv):
    keys = {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AZURE_STORAGE_ACCOUNT_KEY": "a2V5",
    }
    setenv(keys)
    store = ObstoreStore(f"https://{host}/voice/tests")
    assert type(store._store).__name__ == "HTTPStore"


def test_redirect_is_followed_and_a_loop_ends():
    def reply(request):
        if request.path.startswith("/loop/"):
            return Reply(status=302, headers={"Location": "/loop/again"})
        if request.path.startswith("/old/"):
            return Reply(status=301, headers={"Location": request.path.replace("/old/", "/new/")})
        return Reply(body=b"1")

    with LoopbackServer(reply) as server:
        assert ObstoreStore(f"{server.url}/old").get(NAME, 10) == b"1"
        with pytest.raises(StoreError, match="it redirects too often"):
            ObstoreStore(f"{server.url}/loop").get(NAME, 10)
        assert len(server.requests) < 50


def test_reply_without_a_length_is_an_outage_that_says_so():
    with LoopbackServer(Reply(body=b"1", chunked=True)) as server:
        with pytest.raises(StoreError, match="its answer has no header Content-Length") as caught:
            ObstoreStore(server.url + "/voice").get(NAME, 10)
        assert caught.value.kind == "outage"
