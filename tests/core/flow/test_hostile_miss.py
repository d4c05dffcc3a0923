"""The message of a miss in mode replay about hostile entries, and its cost in time and memory."""

import logging
import os
import time
import tracemalloc

import pytest

from russo import AudioCache, CachedSynthesizer, CacheMissError, cache_key
from russo._store.prompt_index import PromptIndex, prompts_in
from support.forged import HOSTILE, forge
from support.speakers import PROMPT, Speaker, sound, synthesize


def message_of(cache, prompt=PROMPT, **fields):
    with pytest.raises(CacheMissError) as caught:
        synthesize(CachedSynthesizer(Speaker(**fields), cache=cache, mode="replay"), prompt)
    return str(caught.value)


def put(cache, number, own, prompt=PROMPT):
    forge(cache.directory, f"{number:064x}", sound(prompt), prompt=prompt, fields={"own": own, "given": None})


WIDE = {f"n{number:05}": number for number in range(40_000)}
OWN = {
    "hostile name": {HOSTILE: "v"},
    "hostile value": {"voice": HOSTILE},
    "hostile nested": {HOSTILE: {HOSTILE: [HOSTILE, {HOSTILE: HOSTILE}]}},
    "wide": WIDE,
    "wide below a long name": {"n" * 400_000: {f"{number:05}": 0 for number in range(20_000)}},
    "long value": {"voice": "x" * 900_000},
    "long list": {"voice": list(range(50_000))},
    "great number": {"voice": 10**4000},
    "surrogates": {"\ud800" * 50: "\udfff" * 50},
}


@pytest.mark.parametrize("name", OWN)
def test_message_is_escaped_and_bounded(cache, monkeypatch, name):
    monkeypatch.setattr("russo._flow.explain._SEARCH_SECONDS", 60.0)  # memory tracing takes ten times as long
    for number in range(5):
        put(cache, number, OWN[name])
    start = time.process_time()
    tracemalloc.start()
    try:
        message = message_of(cache)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert time.process_time() - start < 30
    assert peak < 120 << 20
    lines = message.split("\n")
    assert all(line.isprintable() for line in lines)
    assert len(message) < 8000
    assert len(lines) == 7
    assert not [line for line in lines if line.lstrip().startswith("::")]


def test_differences_are_counted(cache):
    put(cache, 1, WIDE)
    assert ", and 39,994 more" in message_of(cache)  # the settings of the request are counted too


@pytest.mark.parametrize(
    ("old", "new", "reported"),
    [
        (1, 1.0, "voice is 1, wanted 1.0"),
        (1, True, "voice is 1, wanted True"),
        ("a", {"name": "a"}, "voice is 'a', wanted None, voice.name is None, wanted 'a'"),
        ({"name": "a"}, "a", "voice is None, wanted 'a', voice.name is 'a', wanted None"),
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, "…: voice.b is 2, wanted 3\n"),
    ],
)
def test_settings_of_different_types_are_reported_as_different(cache, old, new, reported):
    put(cache, 1, {**Speaker(voice=old).cache_key_extra})
    assert reported in message_of(cache, voice=new)


def test_hostile_directory_is_escaped(tmp_path):
    cache = AudioCache(tmp_path / HOSTILE.replace("\0", "").replace("/", ""))
    cache.put("named", sound(PROMPT), prompt=PROMPT)
    message = message_of(cache)
    assert all(line.isprintable() for line in message.split("\n"))
    assert len(message.split("\n")) == 4


def test_entry_in_two_layers_is_listed_once(cache, tmp_path):
    from russo import LayeredCache

    recordings = AudioCache(tmp_path / "recordings")
    put(recordings, 1, {"voice": "recorded"})
    put(cache, 1, {"voice": "cached"})
    message = message_of(LayeredCache(cache, [recordings]))
    assert "'recorded'" in message
    assert "'cached'" not in message
    assert "more" not in message


def test_metadata_that_is_a_dangling_link_is_reported(cache):
    synthesize(CachedSynthesizer(Speaker(), cache=cache), PROMPT)
    (meta,) = cache.directory.glob("*.meta")
    meta.unlink()
    meta.symlink_to("../.git/annex/objects/xx/yy/SHA256E-s1--0/SHA256E-s1--0")
    assert "its metadata is a link to a file that does not exist" in message_of(cache)


# -- the total cost of a run's misses


def test_thousand_misses_read_each_of_a_thousand_entries_once(cache, monkeypatch):
    fields, audio = {"own": {"voice": "other"}, "given": None}, sound("any")
    for number in range(1000):
        cache.put(f"{number:064x}", audio, prompt=f"prompt {number}", fields=fields)
    cached = CachedSynthesizer(Speaker(), cache=cache, mode="replay")
    read, listed = [], []
    describe, scandir = AudioCache.describe, os.scandir
    monkeypatch.setattr(AudioCache, "describe", lambda self, key: read.append(key) or describe(self, key))
    monkeypatch.setattr(os, "scandir", lambda path: listed.append(path) or scandir(path))
    start = time.process_time()
    for number in range(1000):
        with pytest.raises(CacheMissError, match="with other settings:\n  key 0"):
            cached.synthesize_sync(f"prompt {number}")
    took = time.process_time() - start
    assert len(read) == 2000  # once for the index and once for the message
    assert len(listed) < 100 + 20 * took
    assert took < 10


def test_index_follows_entries_added_replaced_or_removed_during_the_run(cache):
    index = PromptIndex(cache.directory)
    assert index.keys_of("p", 9, seconds=1) == ([], 0)
    for number in range(1, 50):
        put(cache, number, {}, "p")
        assert index.keys_of("p", 9, seconds=1)[1] == number
    (cache.directory / f"{1:064x}.meta").write_bytes(b"damaged")
    put(cache, 50, {}, "p")
    index.keys_of("p", 9, seconds=1)
    (cache.directory / f"{1:064x}.meta").unlink()
    assert cache.put(f"{1:064x}", sound("q"), prompt="q")
    assert index.keys_of("q", 9, seconds=1) == ([f"{1:064x}"], 1)
    cache.clear()
    assert "other settings" not in message_of(cache, "p")


def test_damaged_entries_are_not_read_again_at_every_miss(cache, monkeypatch):
    cache.directory.mkdir()
    for number in range(300):
        (cache.directory / f"{number:064x}.meta").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    read = []
    describe = AudioCache.describe
    monkeypatch.setattr(AudioCache, "describe", lambda self, key: read.append(key) or describe(self, key))
    for number in range(300):
        message_of(cache, f"prompt {number}")
    assert len(read) == 300


def test_search_of_a_miss_is_bounded_and_continues_at_the_next_miss(cache):
    for number in range(200):
        put(cache, number, {}, "p")
    index = PromptIndex(cache.directory)
    assert index.keys_of("p", 9, seconds=0)[1] == 0
    while index.keys_of("p", 9, seconds=0.002)[1] < 200:
        pass
    keys, number = index.keys_of("p", 9, seconds=1)
    assert (len(keys), number) == (9, 200)


def test_miss_does_not_wait_for_the_search_of_another_thread(cache):
    index = prompts_in(cache.directory)
    with index._lock:
        start = time.monotonic()
        assert "record it once" in message_of(cache)
    assert time.monotonic() - start < 5


# -- directories that russo may not read


@pytest.mark.parametrize("number", ["EACCES", "EIO", "ESTALE", "ENOTDIR", "ELOOP", "ENAMETOOLONG", "EPERM"])
@pytest.mark.parametrize("mode", ["replay", "auto", "refresh", "off"])
def test_unreadable_directory_is_a_miss_that_names_the_cause(cache, monkeypatch, caplog, mode, number):
    import errno

    error = OSError(getattr(errno, number), os.strerror(getattr(errno, number)))
    synthesize(CachedSynthesizer(Speaker(), cache=cache), PROMPT)
    for name in ("open", "scandir", "stat", "lstat", "listdir", "unlink", "replace", "mkdir"):
        real = getattr(os, name)

        def refusing(path, *more, real=real, **options):
            if isinstance(path, (str, os.PathLike)) and os.fspath(path).startswith(str(cache.directory)):
                raise type(error)(error.errno, error.strerror, str(path))
            return real(path, *more, **options)

        monkeypatch.setattr(os, name, refusing)
    speaker = Speaker()
    cached = CachedSynthesizer(speaker, cache=cache, mode=mode)
    with caplog.at_level(logging.WARNING, "russo"):
        if mode == "replay":
            message = message_of(cache)
            if number != "ENOTDIR":
                assert os.strerror(error.errno) in message
            if number in {"EACCES", "EIO", "ESTALE", "EPERM"}:  # the directory may hold a valid entry
                assert "the cache cannot be read: " in message
                assert "readable for this user" in message
                assert "record it once with" not in message
        else:
            assert synthesize(cached, PROMPT) == sound(PROMPT)
            reported = os.strerror(error.errno) in caplog.text
            assert reported or mode == "off"
    assert cache.size() == 0
    assert list(cache.stored_keys()) == []
    assert cache.describe(cache_key(PROMPT, None, None)) is None
