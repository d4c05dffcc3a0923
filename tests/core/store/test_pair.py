import threading

import pytest

from russo._store import pair
from support.cache_files import AUDIO, KEY
from support.speakers import sound


def test_concurrent_readers_of_one_key_see_complete_entries(cache):
    spoken = [sound(f"version {number}" * 200) for number in range(4)]
    cache.put(KEY, spoken[0])
    done, seen = threading.Event(), []

    def write(audio):
        for _ in range(40):
            assert cache.put(KEY, audio)

    def read():
        while not done.is_set():
            seen.append(cache.get(KEY))

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(audio,)) for audio in spoken]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert {audio for audio in seen if audio is not None} <= set(spoken)
    assert cache.get(KEY) in spoken


@pytest.mark.parametrize("error", [FileNotFoundError, PermissionError])
def test_entry_that_can_never_be_written_is_not_stored(cache, monkeypatch, caplog, error):
    calls = []

    def vanish(*_):
        calls.append(1)
        raise error(2, "No such file or directory")

    monkeypatch.setattr(pair, "write_temporary", vanish)
    assert cache.put(KEY, AUDIO) is False
    assert len(calls) == (8 if error is FileNotFoundError else 1)
    assert [record.getMessage().partition(": ")[2] for record in caplog.records] == [
        "No such file or directory"
    ]
    assert cache.get(KEY) is None
