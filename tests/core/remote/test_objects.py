"""The packed form of an entry: golden bytes, versions, and nothing accepted that is not whole."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from russo import Audio
from russo._remote import objects
from russo._remote.objects import MARKER, MOST_BYTES, key_of_object, object_name, pack, unpack
from russo._store.entry import DamagedEntryError, NewerEntryError
from russo._store.pair import Pair
from support.cache_files import KEY
from support.remote.stores import pair_of
from support.speakers import sound

OTHER_KEY = KEY[:-1] + ("0" if KEY[-1] != "0" else "1")
# Written out, and made without russo, because the stores of teams hold such bytes.
GOLDEN_META = b"""{
  "channels": 1,
  "check": "xxh3-128:335033bac60dba644f351af37affe179",
  "checksum": "xxh3-128:2ab463fddb09a0b83e8675c57268fb02",
  "fields": {
    "own": {
      "voice": "anna"
    }
  },
  "format": "pcm",
  "key": "3f9ab2c1",
  "prompt": "Hello",
  "russo_cache": 1,
  "sample_rate": 24000,
  "sample_width": 2,
  "size": 8
}
"""
GOLDEN_AUDIO = b"\x01\x02\x03\x04\x05\x06\x07\x08"


def changed(packed, at, value):
    return packed[:at] + bytes([value]) + packed[at + 1 :]


@pytest.fixture(scope="module")
def packed():
    return pack(pair_of())


# -- names


def test_an_object_is_named_by_its_key():
    assert object_name("3f9ab2c1") == "v1/3f/3f9ab2c1.russo"


def test_the_marker_is_not_an_entry():
    assert (MARKER, key_of_object(MARKER)) == ("v1/russo", None)


@pytest.mark.parametrize("key", ["", "../x", "A" * 64, "a/b", "con", "x" * 300, "a.b"])
def test_a_key_that_is_not_a_file_name_has_no_object(key):
    with pytest.raises(ValueError, match="key"):
        object_name(key)


def test_the_key_of_an_object_is_read_from_its_name():
    assert key_of_object(object_name(KEY)) == KEY


@pytest.mark.parametrize(
    "name",
    [
        f"v1/zz/{KEY}.russo",
        f"v2/{KEY[:2]}/{KEY}.russo",
        f"v1/{KEY[:2]}/{KEY}",
        f"v1/{KEY[:2]}/{KEY}.russo.russo",
        f"other/v1/{KEY[:2]}/{KEY}.russo",
        "v1/../../etc/passwd.russo",
        "v1/",
        "",
    ],
)
def test_another_name_is_not_an_entry(name):
    assert key_of_object(name) is None


# -- the golden bytes


def test_packed_form_is_the_golden_bytes():
    audio = Audio(GOLDEN_AUDIO, "pcm", 24000, 1, 2)
    expected = b"russo\x01\x00\x00\x00\x01\x4e" + GOLDEN_META + GOLDEN_AUDIO
    assert pack(Pair(GOLDEN_META, GOLDEN_AUDIO, audio)) == expected
    assert unpack(expected, "3f9ab2c1") == Pair(GOLDEN_META, GOLDEN_AUDIO, audio)


def test_unpacked_entry_has_both_files_byte_for_byte(packed):
    assert unpack(packed, KEY) == pair_of()


def test_the_limit_holds_the_largest_entry():
    assert MOST_BYTES == 11 + (1 << 20) + (1 << 30)


# -- versions


@pytest.mark.parametrize(("at", "value"), [(5, 2), (5, 255), (6, 1), (6, 128)])
def test_unknown_version_or_flags_are_newer_not_damaged(packed, at, value):
    with pytest.raises(NewerEntryError, match=r"its object has version \d+, flags \d+"):
        unpack(changed(packed, at, value), KEY)


def test_version_0_is_damaged(packed):
    with pytest.raises(DamagedEntryError):
        unpack(changed(packed, 5, 0), KEY)


def test_newer_metadata_in_a_known_object_is_newer():
    meta = pair_of().meta.replace(b'"russo_cache": 1', b'"russo_cache": 2')
    with pytest.raises(NewerEntryError, match="format version 2"):
        unpack(pack(Pair(meta, b"x", sound("x"))), KEY)


# -- damage


def refuse(damaged):
    with pytest.raises((DamagedEntryError, NewerEntryError)):
        unpack(damaged, KEY)


def test_no_flipped_bit_of_head_and_metadata_is_accepted(packed):
    for at in range(11 + len(pair_of().meta)):
        for bit in range(8):
            refuse(changed(packed, at, packed[at] ^ (1 << bit)))


def test_no_flipped_bit_of_the_audio_is_accepted(packed):
    picks = random.Random(17)
    start = 11 + len(pair_of().meta)
    for _ in range(1000):
        at = picks.randrange(start, len(packed))
        refuse(changed(packed, at, packed[at] ^ (1 << picks.randrange(8))))


def test_no_truncation_is_accepted(packed):
    for length in [*range(600), *range(600, len(packed), 97), len(packed) - 1]:
        refuse(packed[:length])


@given(st.binary(min_size=1, max_size=40))
def test_no_added_bytes_are_accepted(more):
    refuse(pack(pair_of()) + more)


@given(st.binary(max_size=200))
def test_no_random_bytes_are_accepted(data):
    refuse(data)
    refuse(b"russo\x01\x00" + data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"russo",
        b"russo\x01\x00\xff\xff\xff\xff",
        b"russo\x01\x00\x00\x00\x00\x00",
        b"<!DOCTYPE html><html><body>Sign in to the network</body></html>",
        b'<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>',
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n",
    ],
)
def test_what_is_not_an_entry_is_damaged(data):
    with pytest.raises(DamagedEntryError):
        unpack(data, KEY)


def test_an_object_of_another_key_is_damaged():
    with pytest.raises(DamagedEntryError, match="belongs to key"):
        unpack(pack(pair_of(OTHER_KEY)), KEY)


def test_audio_of_another_entry_is_damaged():
    mixed = pack(pair_of())[: -len(sound("a").data)] + sound("a").data
    with pytest.raises(DamagedEntryError):
        unpack(mixed, KEY)


def test_metadata_larger_than_its_limit_is_damaged(monkeypatch):
    monkeypatch.setattr(objects, "META_LIMIT", len(pair_of().meta) - 1)
    with pytest.raises(DamagedEntryError, match="incomplete"):
        unpack(pack(pair_of()), KEY)
