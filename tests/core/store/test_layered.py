import pytest

from russo import AudioCache, CachedSynthesizer, LayeredCache
from support.speakers import PROMPT, Speaker, sound, synthesize

OLD, NEW, OWN = sound("old"), sound("new"), sound("own")


@pytest.fixture
def recordings(tmp_path):
    """Two committed directories: key ``both`` is in each directory, every other key is in one."""
    first, second = AudioCache(tmp_path / "first"), AudioCache(tmp_path / "second")
    first.put("both", OLD)
    first.put("first", OLD)
    second.put("both", NEW)
    second.put("second", NEW)
    return [AudioCache(each.directory, read_only=True) for each in (first, second)]


@pytest.fixture
def layered(cache, recordings):
    return LayeredCache(cache, recordings)


def files(*caches):
    return {
        path: path.read_bytes() for each in caches for path in each.directory.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize(
    ("key", "audio"), [("both", OLD), ("first", OLD), ("second", NEW), ("private", OWN), ("nowhere", None)]
)
def test_recordings_are_read_in_order_and_before_the_cache(layered, cache, key, audio):
    cache.put("private", OWN)
    cache.put("both", OWN)
    assert layered.get(key) == audio


def test_recordings_may_be_a_keyword_argument(cache, recordings):
    layered = LayeredCache(cache, recordings=recordings)
    assert layered.recordings == tuple(recordings)
    assert layered.layers == (*recordings, cache)
    assert repr(cache) in repr(layered)


def test_find_returns_the_layer_of_the_entry(layered, cache, recordings):
    assert layered.find("second") == (NEW, recordings[1])
    cache.put("private", OWN)
    assert layered.find("private") == (OWN, cache)


def test_put_writes_only_to_the_cache(layered, cache, recordings):
    before = files(*recordings)
    assert layered.put("fresh", OWN, prompt="p", fields={"a": 1})
    assert cache.get("fresh") == OWN
    assert cache.describe("fresh")["prompt"] == "p"
    assert files(*recordings) == before


def test_size_counts_every_key_once(layered, cache):
    assert layered.size() == 3
    cache.put("both", OWN)
    cache.put("private", OWN)
    assert layered.size() == 4


def test_clear_never_changes_recordings(layered, cache, recordings):
    before = files(*recordings)
    cache.put("private", OWN)
    assert layered.clear() == 1
    assert files(*recordings) == before
    assert layered.size() == 3
    assert cache.size() == 0


def test_writable_recordings_are_never_changed(tmp_path, cache):
    writable = AudioCache(tmp_path / "recordings")
    writable.put("a", OLD)
    layered = LayeredCache(cache, [writable])
    layered.put("b", NEW)
    layered.clear()
    assert writable.get("a") == OLD
    assert writable.size() == 1


def damage(cache, key):
    (cache.directory / f"{key}.audio").write_bytes(b"damaged")


def test_damaged_recording_is_replaced_by_the_entry_of_the_next_layer(layered, recordings):
    damage(recordings[0], "both")
    assert layered.find("both") == (NEW, recordings[1])


def test_miss_names_only_the_damaged_layer(layered, recordings):
    damage(recordings[1], "second")
    miss, layer = layered.find("second")
    assert layer is recordings[1]
    assert "its audio has 7 bytes" in miss.reason
    assert miss.damaged
    assert layered.lookup("second") == miss
    assert layered.get("second") is None


def test_missing_recordings_directory_is_empty(tmp_path, cache):
    missing = AudioCache(tmp_path / "missing", read_only=True)
    layered = LayeredCache(cache, [missing])
    assert layered.get("a") is None
    assert layered.size() == 0
    layered.put("a", OWN)
    assert layered.get("a") == OWN
    assert not missing.directory.exists()


def test_bad_key_is_refused(layered):
    for call in (layered.get, layered.lookup, lambda key: layered.put(key, OWN)):
        with pytest.raises(ValueError, match="is not a key"):
            call("../escape")


def test_synthesizer_replays_recordings_and_records_into_the_cache(layered, cache, recordings, tmp_path):
    recorder, speaker = Speaker(), Speaker()
    synthesize(CachedSynthesizer(recorder, cache=AudioCache(tmp_path / "first")), "recorded")
    before = files(*recordings)
    cached = CachedSynthesizer(speaker, cache=layered)
    assert synthesize(cached, "recorded") == sound("recorded")
    assert speaker.texts == []
    synthesize(cached)
    synthesize(cached)
    assert speaker.texts == [PROMPT]
    assert cache.size() == 1
    assert files(*recordings) == before


def test_synthesizer_replaces_a_damaged_recording_in_the_cache(layered, cache, recordings, tmp_path):
    speaker = Speaker()
    synthesize(CachedSynthesizer(speaker, cache=AudioCache(tmp_path / "first")), "recorded")
    (key,) = set(recordings[0].stored_keys()) - {"both", "first"}
    damage(recordings[0], key)
    cached = CachedSynthesizer(speaker, cache=layered)
    for _ in range(3):
        assert synthesize(cached, "recorded") == sound("recorded")
    assert speaker.texts == ["recorded"] * 2
    assert cache.get(key) == sound("recorded")
    assert recordings[0].get(key) is None
