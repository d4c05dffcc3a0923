"""Source of a small store that passes the contract; the tests of the kit patch faults into it."""

STORE = '''
import os
import tempfile
from pathlib import Path

from russo import StoredObject, StoreError


class BoxStore:
    """Keeps objects in a folder, which a token in BOX_TOKEN opens."""

    def __init__(self, url):
        self.url = url
        self._root = Path(url.removeprefix("box://"))
        self._token = os.environ.get("BOX_TOKEN", "")

    def __repr__(self):
        return f"BoxStore({self.url!r})"

    def get(self, name, limit):
        path = self._path(name)
        try:
            with path.open("rb") as file:
                return file.read(limit)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._outage(error) from None

    def put(self, name, data, *, replace):
        path = self._path(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._root, delete=False) as file:
                file.write(data)
            if replace:
                os.replace(file.name, path)
                return True
            return self._created(file.name, path)
        except OSError as error:
            raise self._outage(error) from None

    def _created(self, temporary, path):
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        finally:
            os.unlink(temporary)
        return True

    def list(self, prefix):
        self._path(prefix)
        for path in sorted(self._root.glob("v1/**/*")):
            name = path.relative_to(self._root).as_posix()
            if path.is_file() and name.startswith(prefix):
                about = path.stat()
                yield StoredObject(name, about.st_size, about.st_mtime)

    def delete(self, name):
        self._path(name).unlink(missing_ok=True)

    def close(self):
        pass

    def _path(self, name):
        lock = self._root / "token"
        try:
            token = lock.read_text()
        except FileNotFoundError:
            token = self._token
        except OSError as error:
            raise self._outage(error) from None
        if token != self._token:
            raise StoreError("the token is wrong", kind="refused")
        return self._root / name

    def _outage(self, error):
        return StoreError(error.strerror or "it failed")
'''
STORE_TEST = """
import pytest
from russo.testing import StoreContract
from box import BoxStore


class TestBox(StoreContract):
    patience = 10.0
    page_size = 30
    secrets = ("planted-token-of-the-box",)

    @pytest.fixture(autouse=True)
    def token(self, monkeypatch):
        monkeypatch.setenv("BOX_TOKEN", "planted-token-of-the-box")

    @pytest.fixture
    def store_url(self, tmp_path):
        return f"box://{tmp_path}/shared"

    @pytest.fixture
    def make_store(self, store_url):
        return lambda: BoxStore(store_url)

    @pytest.fixture
    def make_unreachable_store(self, tmp_path):
        (tmp_path / "file").touch()
        return lambda: BoxStore(f"box://{tmp_path}/file")

    @pytest.fixture
    def make_refusing_store(self, tmp_path):
        (tmp_path / "token").write_text("another token")
        return lambda: BoxStore(f"box://{tmp_path}")
"""
BARE = '''
import threading


class BareStore:
    """Keeps objects in a dictionary that all stores share; it has the two required methods only."""

    def __init__(self, objects, lock):
        self._objects = objects
        self._lock = lock

    def get(self, name, limit):
        data = self._objects.get(name)
        return None if data is None else data[:limit]

    def put(self, name, data, *, replace):
        with self._lock:
            if name in self._objects and not replace:
                return False
            self._objects[name] = data
        return True
'''
BARE_TEST = """
import threading
import pytest
from russo.testing import StoreContract
from box import BareStore


class TestBare(StoreContract):
    @pytest.fixture
    def make_store(self):
        objects, lock = {}, threading.Lock()
        return lambda: BareStore(objects, lock)
"""
