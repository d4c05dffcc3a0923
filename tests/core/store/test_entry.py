import json

import pytest
import xxhash

from russo import Audio
from russo._store.entry import (
    DamagedEntryError,
    NewerEntryError,
    _remembered,
    build_audio,
    checksum,
    decode_meta,
    decode_stated,
    encode_meta,
)

AUDIO = Audio(b"\x01\x02\x03\x04", "pcm", 8000, 2, 1)
FIELDS = {"own": {"backend": "x", "speed": 1.0}, "given": None}
# Made without russo: only with xxhash and json.
GOLDEN = """\
{
  "channels": 2,
  "check": "xxh3-128:2192b39be103947d830ef0c193d083ac",
  "checksum": "xxh3-128:49a04899597a3567537653a0d9955b86",
  "fields": {
    "given": null,
    "own": {
      "backend": "x",
      "speed": 1.0
    }
  },
  "format": "pcm",
  "key": "abc123",
  "prompt": "Grüße\\n👋",
  "russo_cache": 1,
  "sample_rate": 8000,
  "sample_width": 1,
  "size": 4
}
""".encode()
LISTED = {
    "russo_cache",
    "key",
    "format",
    "sample_rate",
    "channels",
    "sample_width",
    "prompt",
    "fields",
    "size",
    "checksum",
    "check",
}


def meta(**changes):
    """Return the golden metadata with changes (``...`` omits a field) and a new valid check."""
    fields = json.loads(GOLDEN) | changes
    fields = {name: value for name, value in fields.items() if name != "check" and value is not ...}
    rest = json.dumps(fields, sort_keys=True, indent=2, ensure_ascii=False).encode() + b"\n"
    return json.dumps(fields | {"check": "xxh3-128:" + xxhash.xxh3_128_hexdigest(rest)}).encode()


def read(data, audio=AUDIO.data, key="abc123"):
    return build_audio(decode_stated(data, key), audio)


def test_metadata_is_encoded_to_the_pinned_bytes():
    assert encode_meta("abc123", AUDIO, prompt="Grüße\n👋", fields=FIELDS) == GOLDEN


def test_pinned_bytes_are_decoded():
    assert read(GOLDEN) == AUDIO


def test_metadata_holds_only_the_listed_fields():
    described = json.loads(encode_meta("abc123", AUDIO, prompt=None, fields=None))
    assert set(described) == LISTED
    assert described["prompt"] is None
    assert described["fields"] is None


def test_order_of_fields_does_not_change_the_bytes():
    turned = {"given": None, "own": {"speed": 1.0, "backend": "x"}}
    assert encode_meta("abc123", AUDIO, prompt="Grüße\n👋", fields=turned) == GOLDEN


@pytest.mark.parametrize(
    ("data", "digest"),
    [(b"", "99aa06d3014798d86001c324468d497f"), (b"hello", "b5e9c1ad071b3e7fc779cfaa5e523818")],
)
def test_checksum_is_xxh3_of_128_bits(data, digest):
    assert checksum(data) == f"xxh3-128:{digest}"


@pytest.mark.parametrize("prompt", ["\ud800", "a\udfffb", "\x00\x1f\x7f\u2028", "👋" * 100, 'q"\\', "\r\n"])
def test_every_prompt_is_read_back_unchanged(prompt):
    data = encode_meta("abc123", AUDIO, prompt=prompt, fields={"own": {"p": prompt}})
    data.decode("utf-8")
    described = decode_meta(data, "abc123")
    assert described["prompt"] == prompt
    assert described["fields"] == {"own": {"p": prompt}}


@pytest.mark.parametrize("character", ["a", "👋", "\x00", "\ud800"])
def test_prompt_is_cut_at_65536_characters(character):
    data = encode_meta("abc123", AUDIO, prompt=character * 100_000, fields=FIELDS)
    assert decode_meta(data, "abc123")["prompt"] == character * 65536


def test_metadata_larger_than_one_mib_is_refused():
    with pytest.raises(ValueError, match=r"fields of key abc123 take \d+ bytes; the limit is 1048576"):
        encode_meta("abc123", AUDIO, prompt=None, fields={"style": "x" * (1 << 20)})
    assert len(encode_meta("abc123", AUDIO, prompt=None, fields={"style": "x" * 1_000_000})) < 1 << 20


@pytest.mark.parametrize(
    ("fields", "kind"),
    [({"a": object()}, TypeError), ({1: "a"}, TypeError), ({"a": float("nan")}, ValueError)],
)
def test_fields_that_json_cannot_hold_are_refused(fields, kind):
    with pytest.raises(kind, match="cache_key_extra"):
        encode_meta("abc123", AUDIO, prompt=None, fields=fields)


@pytest.mark.parametrize(
    "changed",
    [
        GOLDEN.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + GOLDEN,
        GOLDEN.rstrip(),
        json.dumps(json.loads(GOLDEN)).encode(),
        json.dumps(json.loads(GOLDEN), indent=8, ensure_ascii=False).encode(),
    ],
)
def test_line_endings_bom_and_indentation_are_not_damage(changed):
    assert read(changed) == AUDIO


@pytest.mark.parametrize("extra", [{"note": "by a newer russo"}, {"gain": 1.5, "tags": [1, {"a": None}]}])
def test_unknown_fields_are_ignored(extra):
    assert read(meta(**extra)) == AUDIO


def test_unknown_fields_are_covered_by_the_check():
    with pytest.raises(DamagedEntryError, match="fails its own check"):
        read(meta(note="old").replace(b"old", b"new"))


@pytest.mark.parametrize("version", [2, 3, 10**30])
def test_newer_version_is_not_damage(version):
    with pytest.raises(NewerEntryError, match=f"it has format version {version}; this russo reads version 1"):
        read(meta(russo_cache=version))


@pytest.mark.parametrize("version", [0, -1, 1.5, "1", None, [1], ...])
def test_invalid_version_is_damage(version):
    with pytest.raises(DamagedEntryError, match="its metadata belongs to key"):
        read(meta(russo_cache=version))


@pytest.mark.parametrize("key", ["abc124", "ABC123", "", None, 123, ...])
def test_metadata_of_another_key_is_damage(key):
    with pytest.raises(DamagedEntryError, match="its metadata belongs to key"):
        read(meta(key=key))


@pytest.mark.parametrize("name", sorted(LISTED - {"russo_cache", "key", "prompt", "fields", "check"}))
def test_missing_field_is_damage(name):
    with pytest.raises(DamagedEntryError):
        read(meta(**{name: ...}))


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "mp4"},
        {"format": None},
        {"format": ["wav"]},
        {"sample_rate": 0},
        {"sample_rate": 8000.0},
        {"sample_rate": "8000"},
        {"channels": True},
        {"sample_width": 9},
        {"size": 3},
        {"size": 5},
        {"size": 0},
        {"size": -4},
        {"size": True},
        {"size": 4.0},
        {"size": 1 << 31},
        {"checksum": "xxh3-128:" + "0" * 32},
        {"checksum": None},
        {"checksum": "sha256:" + "0" * 64},
    ],
)
def test_field_that_is_invalid_for_audio_is_damage(changes):
    with pytest.raises(DamagedEntryError):
        read(meta(**changes))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        GOLDEN[:-3],
        b"\xff\xfe" + GOLDEN,
        GOLDEN.decode().encode("utf-16"),
        b"[" * 100_000,
        b'{"russo_cache": 1, "key": "abc123", "a": ' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"russo_cache": 1, "key": "abc123", "n": ' + b"9" * 5000 + b"}",
        b'{"russo_cache": 1, "key": "abc123", "n": NaN}',
        GOLDEN.replace(b"8000", b"Infinity"),
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    ],
    ids=range(14),
)
def test_content_that_is_not_metadata_is_damage(data):
    with pytest.raises(DamagedEntryError):
        read(data)


def test_every_changed_byte_is_damage():
    for at in range(len(GOLDEN)):
        for bit in (0x01, 0x20, 0x80):
            changed = bytearray(GOLDEN)
            changed[at] ^= bit
            try:
                assert read(bytes(changed)) == AUDIO
                same = json.loads(changed.decode()) == json.loads(GOLDEN)
            except (DamagedEntryError, NewerEntryError):
                continue
            assert same, changed  # white space outside strings


@pytest.mark.parametrize("data", [b"", b"\x01\x02\x03", b"\x01\x02\x03\x05", AUDIO.data + b"\0"])
def test_audio_that_does_not_match_its_metadata_is_damage(data):
    with pytest.raises(DamagedEntryError, match="its audio"):
        read(GOLDEN, data)


def test_git_lfs_pointer_is_reported():
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 4\n"
    with pytest.raises(
        DamagedEntryError, match="its audio is a pointer of Git LFS, which `git lfs pull` replaces"
    ):
        read(GOLDEN, pointer)


def test_boolean_size_is_damage():
    assert decode_stated(meta(size=1), "abc123").size == 1
    with pytest.raises(DamagedEntryError, match="invalid size of the audio: True bytes"):
        decode_stated(meta(size=True), "abc123")


def test_long_metadata_is_decoded_but_not_remembered():
    long = encode_meta("abc123", AUDIO, prompt="x" * 10_000, fields=FIELDS)
    remembered = _remembered.cache_info().currsize
    for _ in range(2):
        assert read(long) == AUDIO
        with pytest.raises(DamagedEntryError):
            read(long.replace(b"8000", b"8001"))
    assert _remembered.cache_info().currsize == remembered  # long metadata would waste memory


def test_decoded_metadata_is_remembered_by_bytes_and_key():
    assert read(GOLDEN) == AUDIO
    with pytest.raises(DamagedEntryError):
        read(GOLDEN.replace(b"8000", b"8001"))
    with pytest.raises(DamagedEntryError):
        read(GOLDEN, key="abc124")
    assert read(GOLDEN) == AUDIO
