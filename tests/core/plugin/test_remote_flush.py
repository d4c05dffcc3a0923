"""The end of a run waits for the uploads to all its shared stores, with one limit."""

import threading
from types import SimpleNamespace

from russo import AudioCache, RemoteCache
from russo._plugin.run_remotes import RunRemotes
from russo._remote import uploads as uploads_module
from russo._remote.remote import access_of
from russo._remote.uploads import Upload
from russo._store.cache import store_entry
from support.cache_files import KEY
from support.remote.stores import MemoryStore, pair_of


def test_all_stores_of_a_run_have_30_s_together(tmp_path, monkeypatch):
    monkeypatch.setattr(uploads_module, "FLUSH_SECONDS", 0.0)
    release, results = threading.Event(), []
    stores = []
    for _ in range(2):
        store = MemoryStore()
        store.before = lambda operation, name: release.wait(30)
        stores.append(RemoteCache(store, write=True))
        stored = AudioCache(tmp_path)
        store_entry(stored, KEY, pair_of())
        access_of(stores[-1]).uploads.add(Upload(KEY, stored, False, results.append))
    workers = SimpleNamespace(is_controller=True, send=lambda name, take: None, received=lambda name: [])
    RunRemotes(None, set(stores), workers).end()
    release.set()
    assert [result.reason for result in results] == ["not finished 0 s after the end of the run"] * 2
