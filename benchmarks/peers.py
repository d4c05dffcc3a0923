"""The alternatives: other ways to keep audio between runs, and the raw files as the limit for all.

Each is used as its documentation recommends for this purpose, without fsync if that is an option. Only russo
detects damaged audio. diskcache can also limit its size and sqlite can query; neither is measured.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import pickle
import sqlite3
import threading
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final, Protocol

from russo import Audio, AudioCache

from .entries import FIELDS, SIZES, noise, read, write
from .figures import Figure, Place, ratios
from .puts import new_files
from .rounds import calls, measure

_RAW: Final = "raw pair"
_SOUND: Final = {"format": "wav", "sample_rate": 24000, "channels": 1, "sample_width": 2}
_PROMPT: Final = "Book a flight from Berlin to Rome, please, and a seat at the window."


class Peer(Protocol):
    """A way to keep audio in a directory."""

    def put(self, key: str, data: bytes) -> object:
        """Store the audio."""

    def get(self, key: str) -> object:
        """Return the audio."""


class Raw:
    """The two files, written and read without checks."""

    def __init__(self, directory: Path) -> None:
        self._root = f"{directory}/"
        self._meta = b"x" * 640

    def put(self, key: str, data: bytes) -> None:
        """Write two new files."""
        write(f"{self._root}{key}.audio", data)
        write(f"{self._root}{key}.meta", self._meta)

    def get(self, key: str) -> object:
        """Read both files."""
        return read(f"{self._root}{key}.meta"), read(f"{self._root}{key}.audio")


class Russo:
    """The cache, which verifies every byte of a hit."""

    def __init__(self, directory: Path) -> None:
        self._cache = AudioCache(directory)
        self.get = self._cache.get

    def put(self, key: str, data: bytes) -> object:
        """Store the audio as `CachedSynthesizer` does."""
        return self._cache.put(key, Audio(data, "pcm"), prompt=_PROMPT, fields={"own": FIELDS, "given": None})


class Pickle:
    """A file per key with a pickled mapping in it."""

    def __init__(self, directory: Path) -> None:
        self._root = f"{directory}/"

    def put(self, key: str, data: bytes) -> None:
        """Write the file."""
        with open(f"{self._root}{key}.audio", "wb") as file:
            pickle.dump({"data": data, **_SOUND}, file, pickle.HIGHEST_PROTOCOL)

    def get(self, key: str) -> object:
        """Load the file."""
        with open(f"{self._root}{key}.audio", "rb") as file:
            return pickle.load(file)


class Sqlite:
    """A table with a BLOB per key; a write-ahead log, no fsync, a transaction per entry."""

    def __init__(self, directory: Path) -> None:
        self._database = sqlite3.connect(directory / "audio.db", isolation_level=None)
        self._database.execute("pragma journal_mode = wal")
        self._database.execute("pragma synchronous = off")
        columns = (
            "key text primary key, data blob, format text, rate integer, channels integer, width integer"
        )
        self._database.execute(f"create table entry ({columns})")

    def put(self, key: str, data: bytes) -> None:
        """Insert a row."""
        self._database.execute("insert into entry values (?, ?, ?, ?, ?, ?)", (key, data, *_SOUND.values()))

    def get(self, key: str) -> object:
        """Select the row."""
        return self._database.execute("select * from entry where key = ?", (key,)).fetchone()


class Diskcache:
    """``diskcache.Cache`` with its defaults; it evicts nothing below 1 GB."""

    def __init__(self, directory: Path) -> None:
        self._cache = importlib.import_module("diskcache").Cache(str(directory))
        self.get = self._cache.get

    def put(self, key: str, data: bytes) -> object:
        """Set the value."""
        return self._cache.set(key, data)


class Joblib:
    """``joblib.Memory`` around the function that synthesizes."""

    def __init__(self, directory: Path) -> None:
        self._said = b""

        def speak(key: str) -> bytes:
            return self._said

        self.get = importlib.import_module("joblib").Memory(str(directory), verbose=0).cache(speak)

    def put(self, key: str, data: bytes) -> object:
        """Call the function for the first time."""
        self._said = data
        return self.get(key)


class Vcrpy:
    """A cassette per key with a loopback server's answer to one request; only the playback is measured."""

    def __init__(self, directory: Path) -> None:
        self._use = importlib.import_module("vcr").use_cassette
        self._root = f"{directory}/"
        self._address = ""

    def put(self, key: str, data: bytes) -> None:
        """Record an answer."""
        with _answering(data) as self._address:
            self._ask(key, "once")

    def get(self, key: str) -> object:
        """Play the cassette back, without a server."""
        return self._ask(key, "none")

    def _ask(self, key: str, mode: str) -> bytes:
        with (
            self._use(f"{self._root}{key}.yaml", record_mode=mode),
            urllib.request.urlopen(f"{self._address}/{key}") as reply,
        ):
            body: bytes = reply.read()
            return body


PEERS: Final[dict[str, Callable[[Path], Peer]]] = {
    _RAW: Raw,
    "russo": Russo,
    "pickle": Pickle,
    "sqlite": Sqlite,
    "diskcache": Diskcache,
    "joblib": Joblib,
    "vcrpy": Vcrpy,
}


@contextlib.contextmanager
def _answering(data: bytes) -> Iterator[str]:
    """Serve the data at every path of a loopback server; yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "audio/wav")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def made(place: Place) -> dict[str, Peer]:
    """Create every installed peer."""
    found = {}
    for name, make in PEERS.items():
        with contextlib.suppress(ModuleNotFoundError):
            found[name] = make(place.fresh(name.replace(" ", "-")))
    return found


def peers(place: Place) -> Iterator[Figure]:
    """Measure hits, then puts, of russo and of every alternative over the raw pair."""
    for case, size in SIZES.items():
        everyone = made(place)
        data = noise(case, size)
        keys = [f"{number:064x}" for number in range(8)]
        for name, peer in everyone.items():
            for key in keys[:1] if name == "vcrpy" else keys:
                peer.put(key, data)
        gets = {
            name: calls(peer.get, keys[:1] if name == "vcrpy" else keys) for name, peer in everyone.items()
        }
        rounds = measure(gets, base=_RAW, seconds=1.5 * place.seconds, least=5)
        yield from ratios("peers hit", case, rounds, _RAW, [name for name in gets if name != _RAW])
        if case != "5 MB" or place.full:
            yield from _puts(place, case, everyone, data)


def _puts(place: Place, case: str, everyone: dict[str, Peer], data: bytes) -> Iterator[Figure]:
    numbers = itertools.count(1000)

    def writer(peer: Peer) -> Callable[[str], object]:
        return lambda _: peer.put(f"{next(numbers):064x}", data)

    names = [name for name in everyone if name != "vcrpy"]
    subjects = {name: new_files(place.directory, writer(everyone[name]), tidy=False) for name in names}
    rounds = measure(subjects, base=_RAW, seconds=1.5 * place.seconds, most=40)
    yield from ratios("peers put", case, rounds, _RAW, [name for name in names if name != _RAW])
