"""`ObstoreStore` against rclone, which checks signatures and the clock, and ignores conditions of puts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from russo import StoreError
from russo_remote import ObstoreStore
from support.remote.processes import KEY, rclone

NAME = "v1/ab/abcd.russo"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with rclone(tmp_path_factory.mktemp("rclone")) as url:
        yield url


@pytest.fixture(autouse=True)
def _variables(server, setenv):
    keys = {"AWS_ACCESS_KEY_ID": KEY[0], "AWS_SECRET_ACCESS_KEY": KEY[1]}
    setenv(keys | {"AWS_ENDPOINT_URL": server, "AWS_REGION": "us-east-1"})


@pytest.fixture
def store():
    return ObstoreStore("s3://team/voice")


def refusal(call, *arguments, **options):
    with pytest.raises(StoreError) as caught:
        call(*arguments, **options)
    assert caught.value.kind == "refused"
    return caught.value.reason


def test_signed_requests_store_list_and_delete(store):
    store.delete(NAME)
    assert store.get(NAME, 100) is None
    assert store.put(NAME, b"first", replace=False) is True
    assert store.get(NAME, 100) == b"first"
    assert [(each.name, each.size) for each in store.list("v1/")] == [(NAME, 5)]
    store.delete(NAME)
    assert store.get(NAME, 100) is None


def test_server_that_ignores_the_condition_keeps_a_whole_object(store):
    store.put(NAME, b"first", replace=False)
    assert store.put(NAME, b"second", replace=False) is True
    assert store.get(NAME, 100) == b"second"


@pytest.mark.parametrize(
    ("variable", "reason"),
    [
        ("AWS_SECRET_ACCESS_KEY", "the secret key is wrong (403 SignatureDoesNotMatch)"),
        ("AWS_ACCESS_KEY_ID", "the service does not know the access key (403 InvalidAccessKeyId)"),
    ],
)
def test_wrong_key_is_refused_and_named(setenv, variable, reason):
    setenv({variable: "PLANTED"})
    store = ObstoreStore("s3://team/voice")
    assert refusal(store.get, NAME, 100) == reason
    assert refusal(store.put, NAME, b"1", replace=False) == reason
    assert refusal(lambda: list(store.list("v1/"))) == reason


LATER = """
import sys
from russo import StoreError
from russo_remote import ObstoreStore
for call in (lambda store: store.get("v1/a", 10), lambda store: store.put("v1/a", b"1", replace=False)):
    try:
        print(call(ObstoreStore("s3://team/voice")))
    except StoreError as error:
        print(error.kind, error.reason)
"""


@pytest.mark.parametrize(("hours", "reply"), [("-1", "400 AccessDenied"), ("+1", "403 RequestTimeTooSkewed")])
def test_clock_that_is_off_by_an_hour_is_named(hours, reply):
    faketime = pytest.importorskip("libfaketime", reason="libfaketime is not installed")
    library = next(Path(faketime.__file__).parent.rglob("libfaketime.so.1"))
    done = subprocess.run(
        [sys.executable, "-c", LATER],
        env=os.environ | {"LD_PRELOAD": str(library), "FAKETIME": f"{hours}h", "DONT_FAKE_MONOTONIC": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    named = f"refused the clock of this machine is wrong ({reply})"
    assert done.stdout.splitlines() == [named, named], done.stderr
