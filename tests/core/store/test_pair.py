import threading

from support.cache_files import KEY
from support.speakers import sound


def test_readers_and_writers_of_one_key_see_whole_entries(cache):
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
