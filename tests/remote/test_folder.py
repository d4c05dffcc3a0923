"""`ObstoreStore` of a folder: ``file://``."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

import pytest

from russo import StoreError
from russo_remote import ObstoreStore

NAME = "v1/ab/abcd.russo"


def test_folder_that_does_not_exist_has_no_objects_until_the_first_put(tmp_path):
    folder = tmp_path / "a" / "shared"
    reader, writer = ObstoreStore(folder.as_uri()), ObstoreStore(folder.as_uri())
    assert reader.get(NAME, 10) is None
    assert list(reader.list("v1/")) == []
    reader.delete(NAME)
    assert not folder.parent.exists()  # a reader creates nothing
    writer.put(NAME, b"1", replace=False)
    assert reader.get(NAME, 10) == b"1"


def test_folder_that_is_removed_within_a_run_is_empty_and_can_be_filled_again(tmp_path):
    store = ObstoreStore((tmp_path / "shared").as_uri())
    store.put(NAME, b"1", replace=False)
    shutil.rmtree(tmp_path / "shared")
    assert store.get(NAME, 10) is None
    assert list(store.list("v1/")) == []
    assert store.put(NAME, b"2", replace=False) is True
    assert store.get(NAME, 10) == b"2"


@pytest.mark.parametrize("name", ["my voice", "100%", "a%20b", "Stimmé", "a+b", "x~[1]", "a#b"])
def test_path_of_a_url_is_percent_encoded(tmp_path, name):
    url = f"file://{quote(str(tmp_path))}/{quote(name)}"
    ObstoreStore(url).put(NAME, b"1", replace=False)
    assert (tmp_path / name / NAME).read_bytes() == b"1"
    assert ObstoreStore(url).get(NAME, 10) == b"1"


def test_letters_of_other_languages_need_no_encoding(tmp_path):
    ObstoreStore(f"file://{tmp_path}/Stimmé").put(NAME, b"1", replace=False)
    assert (tmp_path / "Stimmé" / NAME).exists()


def test_only_whole_objects_are_listed(tmp_path):
    store = ObstoreStore(tmp_path.as_uri())
    store.put(NAME, b"1", replace=False)
    (tmp_path / f"{NAME}#1").write_bytes(b"a put that was killed leaves this")
    (tmp_path / "v1" / "ab" / "broken").symlink_to(tmp_path / "nothing")
    assert [each.name for each in store.list("v1/")] == [NAME]
    assert store.put("v1/ab/abce.russo", b"1", replace=False) is True


def test_url_with_a_host_is_refused():
    with pytest.raises(StoreError, match="its URL is not valid; expected file:///FOLDER") as caught:
        ObstoreStore("file://server/voice")
    assert caught.value.kind == "refused"


def test_url_of_windows_is_a_path_below_the_root_elsewhere():
    assert ObstoreStore("file:///C:/no/such/folder").get(NAME, 10) is None


def test_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"1")
    store = ObstoreStore((tmp_path / "file").as_uri())
    for call in (lambda: store.get(NAME, 10), lambda: store.put(NAME, b"1", replace=False)):
        with pytest.raises(StoreError, match="the folder cannot be used: Not a directory") as caught:
            call()
        assert caught.value.kind == "refused"


READ_ONLY = """
import os, sys
from russo import StoreError
from russo_remote import ObstoreStore
import obstore.exceptions
store = ObstoreStore(sys.argv[1])
if os.getuid() == 0:  # root may write everywhere, so another user does it, who may not read the modules
    os.setgid(65534)
    os.setuid(65534)
print(store.get("v1/ab/abcd.russo", 10))
for name in ("v1/ab/other.russo", "v1/cd/other.russo"):
    try:
        store.put(name, b"1", replace=False)
    except StoreError as error:
        print(error.kind, error.reason)
if os.stat(sys.argv[2]).st_uid == os.getuid():
    os.chmod(sys.argv[2], 0)
try:
    ObstoreStore(sys.argv[1] + "/secret").get("v1/a", 10)
except StoreError as error:
    print(error.kind, error.reason)
try:
    ObstoreStore(sys.argv[1] + "/new").put("v1/a", b"1", replace=False)
except StoreError as error:
    print(error.kind, error.reason)
"""


def test_read_only_folder_is_read_and_refuses_puts():
    with tempfile.TemporaryDirectory() as path:  # other users cannot reach pytest's temporary folders
        shared = Path(path) / "shared"
        ObstoreStore(shared.as_uri()).put(NAME, b"1", replace=False)
        (shared / "secret").mkdir()
        for folder, mode in ((shared, 0o555), (shared / "v1" / "ab", 0o555), (shared / "secret", 0o700)):
            folder.chmod(mode)
        (shared / "v1").chmod(0o555)
        Path(path).chmod(0o755)
        command = [sys.executable, "-c", READ_ONLY, shared.as_uri(), str(shared / "secret")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        for folder in (shared, shared / "v1", shared / "v1" / "ab"):
            folder.chmod(0o755)
    denied = "refused the folder cannot be used: Permission denied"
    assert done.stdout.splitlines() == ["b'1'", denied, denied, denied, denied], done.stderr


NO_LINKS = """
#include <errno.h>
int link(const char *from, const char *to) { errno = EPERM; return -1; }
int linkat(int a, const char *from, int b, const char *to, int flags) { errno = EPERM; return -1; }
"""
CREATE = """
import sys
from russo_remote import ObstoreStore
store = ObstoreStore(sys.argv[1])
print([store.put("v1/a", data, replace=False) for data in (b"1", b"2")], store.get("v1/a", 10))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="LD_PRELOAD is Linux's")
@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler is installed")
def test_folder_without_hard_links_creates_in_two_steps(tmp_path):
    (tmp_path / "links.c").write_text(NO_LINKS)
    library = tmp_path / "links.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, tmp_path / "links.c"], check=True, timeout=60)
    done = subprocess.run(
        [sys.executable, "-c", CREATE, (tmp_path / "shared").as_uri()],
        env=os.environ | {"LD_PRELOAD": str(library)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "[True, False] b'1'"
    assert [path.name for path in (tmp_path / "shared").rglob("*") if path.is_file()] == ["a"]
