"""Metadata written by hand: the check is valid, and every other field has any content."""

import json
import time
import tracemalloc

import pytest

from russo import Audio, AudioCache
from russo._audio import FORMATS
from russo._store.entry import DEPTH_LIMIT, META_LIMIT, DamagedEntryError, decode_entry, encode_meta
from support.forged import forge, forged_meta, nested

AUDIO = Audio(b"\1\2" * 40, "pcm", 8000, 2, 1)
KEY = "abc123"
LIMITS = {"sample_rate": 0xFFFFFFFF, "channels": 0xFFFF, "sample_width": 4, "size": 1 << 30}
ODD = {
    **{f"{name} {value!r:.20}": {name: value} for name in LIMITS
       for value in (0, -1, 10**400, LIMITS[name] + 1, True, 1.0, "1", None, [1], {"a": 1})},
    **{f"{name} of another type {number}": {name: value}
       for name in ("format", "checksum") for number, value in enumerate((1, [1], {"a": []}, None, "x" * 500_000))},
    **{f"prompt {value!r:.20}": {"prompt": value} for value in (5, ["x"], {"a": 1}, True, "x" * 65_537)},
    **{f"fields {value!r:.20}": {"fields": value} for value in (5, ["x"], "x", True, [1, 2])},
    "deep lists": {"fields": {"own": nested(DEPTH_LIMIT, list)}},
    "deep objects": {"fields": {"own": nested(300)}},
    "deep unknown field": {"new": nested(900)},
}  # fmt: skip


@pytest.mark.parametrize("changes", ODD.values(), ids=ODD)
def test_replay_and_describe_accept_the_same_entries(tmp_path, changes):
    forge(tmp_path, KEY, AUDIO, **changes)
    found = AudioCache(tmp_path).lookup(KEY)
    described = AudioCache(tmp_path).describe(KEY)
    if "size" in changes or "checksum" in changes or not isinstance(found, Audio):
        assert not isinstance(found, Audio)
        assert found.damaged
        assert len(found.reason) < 300
        assert found.reason.isprintable()
    assert described is None or isinstance(found, Audio) or changes.keys() & {"size", "checksum"}
    assert (
        described is None or "x" * 500_000 in changes.values()
    )  # a checksum that is a string, but belongs to other audio


@pytest.mark.parametrize("name", sorted(LIMITS))
@pytest.mark.parametrize("form", sorted(FORMATS))
def test_audio_fields_follow_the_rules_of_audio(name, form):
    for value in (1, LIMITS[name]):
        assert decode_entry(forged_meta(KEY, AUDIO, **{"format": form, name: value}), KEY)[name] == value
        if name != "size":
            Audio(b"x", **{"format": form, name: value})
    if name != "size":
        with pytest.raises(ValueError, match=name):
            Audio(b"x", **{"format": form, name: LIMITS[name] + 1})


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999", "-1e400"])
def test_number_that_json_does_not_allow_is_damage(number):
    data = forged_meta(KEY, AUDIO, raw={"fields": f'{{"own": {number}}}'})
    with pytest.raises(DamagedEntryError, match="not JSON"):
        decode_entry(data, KEY)


@pytest.mark.parametrize("kind", [list, dict])
def test_fields_may_be_nested_up_to_the_documented_depth(tmp_path, kind):
    cache = AudioCache(tmp_path)
    deepest = {
        "own": nested(DEPTH_LIMIT - 2, kind),
        "given": None,
    }  # the file and `fields` count as two levels
    assert cache.put(KEY, AUDIO, fields=deepest)
    assert cache.describe(KEY)["fields"] == deepest
    changed = (tmp_path / f"{KEY}.meta").read_bytes().replace(b"\n", b"\r\n")
    (tmp_path / f"{KEY}.meta").write_bytes(changed)
    assert cache.get(KEY) == AUDIO
    with pytest.raises(ValueError, match="nested deeper than 100"):
        cache.put(KEY, AUDIO, fields={"own": nested(DEPTH_LIMIT - 1, kind), "given": None})


def test_metadata_of_maximum_size_is_read_in_every_layout(tmp_path):
    own = {f"word {number:05}": [number, {"say": "x"}] for number in range(12_000)}
    data = encode_meta(KEY, AUDIO, prompt="p", fields={"own": own, "given": None})
    assert META_LIMIT * 0.8 < len(data) <= META_LIMIT
    for layout in (data, data.replace(b"\n", b"\r\n"), json.dumps(json.loads(data)).encode()):
        assert decode_entry(layout, KEY)["fields"]["own"] == own


def compact(leaves, depth, **changes):
    """Return metadata below 1 MiB that is huge when it is indented."""
    rest = {"f": "@", "check": "x", "checksum": "x", "russo_cache": 1, "key": KEY, **changes}
    inner = "[" * depth + ",".join("1" * leaves) + "]" * depth
    return json.dumps(rest, separators=(",", ":")).replace('"@"', inner).encode()


BOMBS = {
    "many leaves, deep": compact(400_000, 100),
    "fewer leaves, deeper": compact(100_000, 900),
    "just deep enough": compact(500_000, 90),
    "flat": compact(520_000, 1),
    "empty objects": b'{"russo_cache":1,"key":"abc123","f":[%s1]}' % (b"{}," * 340_000),
    "nested and wide": b'{"russo_cache":1,"key":"abc123","f":[%s1]}' % (b'[[[[{"":1}]]]],' * 70_000),
    "long names": b'{"russo_cache":1,"key":"abc123","f":{"%s":1}}' % (b"x" * 1_000_000),
    "escapes": b'{"russo_cache":1,"key":"abc123","f":"%s"}' % (rb"\ud800" * 170_000),
    "digits": b'{"russo_cache":1,"key":"abc123","f":[%s1]}' % (b"9" * 4000 + b",") * 250,
    "forged check": forged_meta(KEY, AUDIO, raw={"f": "[" * 90 + ",".join("1" * 400_000) + "]" * 90}),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_hostile_metadata_takes_bounded_memory_and_time(name):
    start = time.process_time()
    with pytest.raises(DamagedEntryError):
        decode_entry(BOMBS[name], KEY)
    took = time.process_time() - start
    tracemalloc.start()
    try:
        with pytest.raises(DamagedEntryError):
            decode_entry(BOMBS[name], KEY)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100 << 20, f"{peak >> 20} MiB"
    assert took < 2


@pytest.mark.parametrize("suffix", ["meta", "audio"])
@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n", "`git lfs pull`"),
        (b"/annex/objects/SHA256E-s44--0.audio\n", "`git annex get`"),
        (b"../.git/annex/objects/xx/yy/SHA256E-s44--0/SHA256E-s44--0", "`git annex get`"),
        (b'<<<<<<< HEAD\n{\n=======\n{"a": 1}\n>>>>>>> other\n', "merge conflict"),
        (b'{\n  "channels": 1,\n<<<<<<< HEAD\n=======\n>>>>>>> other\n}', "merge conflict"),
        (b"<!DOCTYPE html>\n<html><body>Sign in</body></html>", "web page"),
        (b"\n <html lang=en>404</html>", "web page"),
    ],
)
def test_git_pointer_merge_conflict_or_web_page_is_reported(tmp_path, suffix, content, hint):
    cache = AudioCache(tmp_path)
    cache.put(KEY, AUDIO)
    (tmp_path / f"{KEY}.{suffix}").write_bytes(content)
    found = cache.lookup(KEY)
    assert found.damaged
    assert hint in found.reason
    assert found.reason.startswith("its metadata " if suffix == "meta" else "its audio ")


def test_empty_audio_is_damage(tmp_path):
    forge(tmp_path, KEY, Audio(b"", "pcm"), size=0)
    found = AudioCache(tmp_path).lookup(KEY)
    assert found.damaged
    assert found.reason == "its metadata has an invalid size of the audio: 0 bytes"
