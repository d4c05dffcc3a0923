"""Shared stores for the tests of the command, and its entries in a store."""

from types import SimpleNamespace

from russo import AudioCache
from russo._remote.objects import object_name, pack
from russo._remote.pins import LockFile, Pin
from russo._store.cache import read_entry
from support.remote.folder_project import FolderProject


def folder_store(folder, monkeypatch):
    """Register the scheme ``folder`` by a package in a project, and return its store, which cannot list."""
    project = SimpleNamespace(
        path=folder, pytester=SimpleNamespace(syspathinsert=lambda: monkeypatch.syspath_prepend(folder))
    )
    return FolderProject(project)


def put_object(root, key, cache, *, of=None):
    """Store the object of an entry in the folder of a store, under the key ``of`` if it is given."""
    path = root / object_name(of or key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pack(read_entry(cache, key)))
    return path


def put_all(root, cache):
    """Store the objects of all entries of a cache in the folder of a store."""
    for key in cache.stored_keys():
        put_object(root, key, cache)


def keys_in(directory):
    """The keys of the entries in a cache, sorted."""
    return sorted(AudioCache(directory).stored_keys())


def pin_entries(folder, *caches):
    """Write a russo.lock with the entries of caches; return its path."""
    pins = {
        key: Pin.of(cache.get(key), cache.describe(key)["prompt"])
        for cache in caches
        for key in cache.stored_keys()
    }
    LockFile(folder / "russo.lock").update(pins)
    return folder / "russo.lock"
