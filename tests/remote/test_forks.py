"""A forked child of a process that used obstore: obstore would hang there, so it is not asked."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")

# The parent uses the store; then the child uses the same store, another store, and the access of the parent.
FORK = """
import os, sys
from russo import StoreError
from russo._remote.access import StoreAccess
from russo_remote import ObstoreStore

store = ObstoreStore(sys.argv[1])
access = StoreAccess(store, write=True, lock_file=None)
if sys.argv[2] == "used":
    print(store.get("v1/ab/abcd.russo", 10), flush=True)
pid = os.fork()
if not pid:
    def other():
        return ObstoreStore(sys.argv[1])
    calls = [
        lambda: access.fetch("a" * 64).outcome,
        lambda: store.get("v1/ab/abcd.russo", 10),
        lambda: store.put("v1/ab/abcd.russo", b"2", replace=True),
        lambda: list(store.list("v1/")),
        lambda: store.delete("v1/ab/abce.russo"),
        lambda: other().get("v1/ab/abcd.russo", 10),
    ]
    for call in calls:
        try:
            print(call(), flush=True)
        except StoreError as error:
            print(error.kind, error.reason, flush=True)
    os._exit(0)
os.waitpid(pid, 0)
print(store.get("v1/ab/abcd.russo", 10))
"""


def fork(url, *arguments):
    """Run the parent and its child; a child that hangs fails the test by a timeout."""
    done = subprocess.run(
        [sys.executable, "-c", FORK, url, *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("use", ["used", "opened"])
def test_child_of_a_process_that_used_the_store_is_refused_at_once(s3, use):
    s3.objects["voice/v1/ab/abcd.russo"] = b"1"
    refused = "refused a forked process has no shared store"
    first = ["b'1'"] if use == "used" else []
    assert fork(s3.store_url, use) == [*first, "skipped", *[refused] * 5, "b'1'"]
    assert s3.count("PUT") == 0


def test_child_may_use_a_store_that_its_parent_never_opened(s3):
    s3.objects["voice/v1/ab/abcd.russo"] = b"1"
    code = FORK.replace(
        "store = ObstoreStore(sys.argv[1])\n", "class Lazy:\n    get = put = None\nstore = Lazy()\n", 1
    )
    code = (
        code.split("    calls = [")[0]
        + "    print(other().get('v1/ab/abcd.russo', 10), flush=True)\n    os._exit(0)\n"
    )
    code += "print(os.waitpid(pid, 0)[1])\n"
    done = subprocess.run(
        [sys.executable, "-c", code, s3.store_url, "unused"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines() == ["b'1'", "0"]
