"""Damage is a miss: never an exception, a hang or other bytes; the next put overwrites it."""

import codecs
import errno
import json
import logging
import os
import shutil
import socket
from pathlib import Path

import pytest
from xxhash import xxh3_128_hexdigest

from russo import AudioCache
from russo._store.cache import Miss
from russo._store.entry import encode_meta
from support.torture_audio import make_audio
from support.torture_work import many, snapshot, within

KEY = "k"
SMALL = make_audio(KEY, 1, 0, 40)
METADATA = {"prompt": 'Straße … 日本 \n\t"quoted"', "fields": {"voice": "a", "speed": 1.5}}
GIB = 1 << 30


@pytest.fixture(autouse=True)
def _quick(no_read_pauses):
    """No process writes during these tests."""


@pytest.fixture
def entry(cache):
    assert cache.put(KEY, SMALL, **METADATA)
    assert cache.put("other", make_audio("other", 1, 1, 60))
    return cache


def path_of(cache, suffix, key=KEY):
    return cache.directory / f"{key}.{suffix}"


def assert_exact_or_miss(cache, what=""):
    found = cache.get(KEY)
    assert found in (None, SMALL), f"{what}: {found}"
    return found


@pytest.mark.parametrize("suffix", ["audio", "meta"])
def test_every_flipped_bit_is_a_miss(entry, suffix):
    path = path_of(entry, suffix)
    whole = path.read_bytes()
    hits = 0
    with within(60):
        for position in range(len(whole)):
            for mask in (1, 2, 4, 8, 16, 32, 64, 128, 255):
                broken = bytearray(whole)
                broken[position] ^= mask
                path.write_bytes(broken)
                hits += assert_exact_or_miss(entry, f"byte {position} of {suffix} with {mask:#x}") is not None
    # White space may change into other white space, and nothing else.
    assert hits <= (0 if suffix == "audio" else 30)
    path.write_bytes(whole)
    assert entry.get(KEY) == SMALL


def test_any_random_change_of_both_files_is_exact_or_a_miss(entry, rng):
    wholes = {suffix: path_of(entry, suffix).read_bytes() for suffix in ("audio", "meta")}
    for _ in range(many(1500)):
        for suffix, whole in wholes.items():
            broken = bytearray(whole)
            for _ in range(rng.randrange(4)):
                start = rng.randrange(len(broken) + 1)
                broken[start : start + rng.randrange(9)] = rng.randbytes(rng.randrange(9))
            path_of(entry, suffix).write_bytes(broken)
        assert_exact_or_miss(entry)


@pytest.mark.parametrize("suffix", ["audio", "meta"])
def test_truncated_entry_is_a_miss_at_every_length(entry, suffix):
    path = path_of(entry, suffix)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        found = assert_exact_or_miss(entry)
        assert found is None or whole[length:].isspace(), f"{suffix} cut to {length} of {len(whole)} bytes"
        path.write_bytes(bytes(length) + whole[length:])
        assert length == 0 or assert_exact_or_miss(entry) is None


@pytest.mark.parametrize("addition", [b"\0", b"\n", b" ", b"}", b"x" * 10_000, b"same again"])
@pytest.mark.parametrize("suffix", ["audio", "meta"])
def test_extended_entry_is_exact_or_a_miss(entry, suffix, addition):
    path = path_of(entry, suffix)
    whole = path.read_bytes()
    path.write_bytes(whole + (whole if addition == b"same again" else addition))
    found = assert_exact_or_miss(entry)
    assert found is None or (suffix == "meta" and addition.isspace())


def test_entry_with_files_of_another_key_is_a_miss(entry):
    for suffixes in (["audio"], ["meta"], ["audio", "meta"]):
        for suffix in suffixes:
            path_of(entry, suffix).write_bytes(path_of(entry, suffix, "other").read_bytes())
        assert entry.get(KEY) is None, f"{suffixes} of another entry are returned for this one"
        assert entry.put(KEY, SMALL)


def test_files_of_two_puts_of_one_key_are_a_miss(tmp_path, cache):
    # The bytes are equal and only their metadata differs, or the other way round.
    variants = [make_audio(KEY, writer, 0) for writer in (1, 2)]
    variants.append(type(SMALL)(variants[0].data, "pcm", 12345, 2, 2))
    for one in variants:
        for two in variants:
            assert cache.put(KEY, one)
            meta = path_of(cache, "meta").read_bytes()
            assert cache.put(KEY, two)
            path_of(cache, "meta").write_bytes(meta)
            assert cache.get(KEY) == (one if one.data == two.data else None)


def _in_place(path, make):
    path.unlink()
    make(path)


def _sparse(path):
    with open(path, "r+b") as file:
        file.truncate(GIB)


def _sparse_behind_link(path):
    target = path.with_name("elsewhere")
    shutil.move(path, target)
    _sparse(target)
    path.symlink_to(target)


def _socket(path):
    path.unlink()
    here = Path.cwd()
    os.chdir(path.parent)  # the path of a socket must be short
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)


OBSTACLES = {
    "empty": lambda path: path.write_bytes(b""),
    "deleted": Path.unlink,
    "directory": lambda path: _in_place(path, Path.mkdir),
    "FIFO": lambda path: _in_place(path, os.mkfifo),
    "socket": _socket,
    "dangling link": lambda path: _in_place(path, lambda p: p.symlink_to("nowhere")),
    "link to itself": lambda path: _in_place(path, lambda p: p.symlink_to(p)),
    "link to a directory": lambda path: _in_place(path, lambda p: p.symlink_to("/")),
    "link to /dev/zero": lambda path: _in_place(path, lambda p: p.symlink_to("/dev/zero")),
    "link to /dev/full": lambda path: _in_place(path, lambda p: p.symlink_to("/dev/full")),
    "1 GiB, sparse": _sparse,
    "1 GiB, sparse, behind a link": _sparse_behind_link,
    "noise": lambda path: path.write_bytes(os.urandom(5000)),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "LFS pointer": lambda path: path.write_bytes(
        b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n"
    ),
}


@pytest.mark.parametrize("suffix", ["audio", "meta"])
@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_obstacle_at_the_path_is_a_miss_and_the_next_put_replaces_it(entry, obstacle, suffix, caplog):
    path = path_of(entry, suffix)
    with within(5):
        OBSTACLES[obstacle](path)
        before = snapshot(entry.directory)
        found = entry.lookup(KEY)
        assert isinstance(found, Miss)
        assert found.damaged or (suffix == "meta" and found.reason == "absent")
        assert entry.describe(KEY) is None or suffix == "audio"
        entry.size()
        assert snapshot(entry.directory) == before, "a reader changed the directory"
        assert len(caplog.records) == found.damaged
        assert {record.levelno for record in caplog.records} <= {logging.WARNING}
        new = make_audio(KEY, 2, 1)
        assert entry.put(KEY, new), "the next put does not replace it"
        assert entry.get(KEY) == new
        assert path.is_file()
        assert not path.is_symlink()
    assert entry.get("other") is not None


@pytest.mark.parametrize("suffix", ["audio", "meta"])
def test_full_directory_at_the_path_makes_the_put_fail(entry, suffix, caplog):
    path = path_of(entry, suffix)
    path.unlink()
    path.mkdir()
    (path / "of the user").write_bytes(b"precious")
    assert entry.get(KEY) is None
    assert not entry.put(KEY, SMALL)
    assert (path / "of the user").read_bytes() == b"precious"
    assert not [name for name in os.listdir(entry.directory) if name.endswith("russo-tmp")]
    assert entry.get(KEY) is None
    entry.clear()
    assert (path / "of the user").read_bytes() == b"precious"


def test_read_takes_bounded_memory(children, entry):
    for suffix in ("audio", "meta"):
        _sparse(path_of(entry, suffix))
        result = children.run("read_in_little_memory", directory=entry.directory, key=KEY, mebibytes=1500)
        assert result["miss"]
        assert result["peak"] < 150, f"{suffix} of 1 GiB took {result['peak']:.0f} MiB to refuse"


def test_entry_too_large_for_the_memory_is_a_miss(children, entry):
    forge(entry, size=GIB)
    _sparse(path_of(entry, "audio"))
    result = children.run("read_in_little_memory", directory=entry.directory, key=KEY, mebibytes=200)
    assert result["miss"]


# --- metadata with a valid check ---


def written(items):
    """Return the metadata text that the check covers; the values are JSON text already."""
    return "{" + ",".join(f"\n  {json.dumps(name)}: {items[name]}" for name in sorted(items)) + "\n}\n"


def forge(cache, raw=None, **changes):
    """Write metadata with these members and a valid check."""
    meta = json.loads(encode_meta(KEY, SMALL, **METADATA))
    del meta["check"]
    items = {
        name: json.dumps(value, sort_keys=True, indent=2).replace("\n", "\n  ")
        for name, value in meta.items()
    }
    items |= {name: json.dumps(value) for name, value in changes.items()}
    items |= raw or {}
    check = "xxh3-128:" + xxh3_128_hexdigest(written(items).encode())
    path_of(cache, "meta").write_text(written({**items, "check": json.dumps(check)}))


def test_forged_metadata_is_accepted(entry):
    forge(entry)
    assert entry.get(KEY) == SMALL
    forge(entry, sample_rate=4321)
    assert entry.get(KEY).sample_rate == 4321, (
        "the test computes another check than russo: its metadata is not accepted"
    )


VALUES = [
    "null", "true", "false", "0", "1", "-1", "1.0", "1e999", "-0", "NaN", "Infinity", "1" * 4000, "1" * 5000,
    '""', '"x"', '"' + "x" * 500_000 + '"', r'"\ud800"', r'"\u0000"', "[]", "{}", "[1]", '{"a":1}', '"wav"', "44100",
]  # fmt: skip
FIELDS = [
    "russo_cache", "key", "format", "sample_rate", "channels", "sample_width", "size", "checksum", "prompt", "fields",
    "unknown",
]  # fmt: skip


@pytest.mark.parametrize("field", FIELDS)
def test_wrong_type_with_a_valid_check_is_exact_or_a_miss(entry, field):
    allowed = {"format", "sample_rate", "channels", "sample_width"}
    for value in VALUES:
        forge(entry, raw={field: value})
        found = entry.get(KEY)
        if found is not None:
            # Metadata with a valid check is believed, but the audio bytes are always the stored ones.
            assert found.data == SMALL.data, value[:50]
            assert found == SMALL or field in allowed, value[:50]
            assert type(found.sample_rate) is int
        assert entry.put(KEY, SMALL)


@pytest.mark.parametrize("field", [*FIELDS, "check"])
def test_missing_field_is_a_miss(entry, field):
    meta = json.loads(path_of(entry, "meta").read_text("utf-8"))
    meta.pop(field, None)
    path_of(entry, "meta").write_text(json.dumps(meta))
    assert (entry.get(KEY) is None) == (field != "unknown")


@pytest.mark.parametrize("ends", [("[", "]"), ('{"a":', "}")], ids=["lists", "objects"])
@pytest.mark.parametrize("field", ["key", "format", "size", "fields", "russo_cache", "checksum"])
def test_deep_json_is_exact_or_a_miss(entry, field, ends):
    audio = entry.get(KEY)
    start, end = ends
    with within(60):
        for depth in [1, 2, 9, *range(850, 1000), 5000, 50_000, 120_000]:
            forge(entry, raw={field: start * depth + "1" + end * depth})
            assert entry.get(KEY) in (None, audio), depth
            entry.describe(KEY)
            entry.size()
        path_of(entry, "meta").write_text(start * 150_000)
        assert entry.get(KEY) is None


@pytest.mark.parametrize(
    "text",
    [
        "NaN",
        "Infinity",
        "null",
        "true",
        "[]",
        "{}",
        '""',
        "1",
        "1e999",
        "9" * 5000,
        "{",
        "}{",
        '{"a":1}',
        "nul",
        "'",
    ],
)
def test_json_that_is_not_metadata_is_a_miss(entry, text):
    path_of(entry, "meta").write_text(text)
    found = entry.lookup(KEY)
    assert isinstance(found, Miss)
    assert found.damaged


@pytest.mark.parametrize("field", ["sample_rate", "key", "check", "size", "format", "russo_cache"])
@pytest.mark.parametrize("value", ["1", '"x"', "NaN", "null"])
def test_duplicate_member_is_exact_or_a_miss(entry, field, value):
    text = path_of(entry, "meta").read_text("utf-8")
    for changed in (
        text.replace("{", f'{{"{field}": {value},', 1),
        text.rstrip().removesuffix("}") + f', "{field}": {value}}}',
    ):
        path_of(entry, "meta").write_text(changed, "utf-8")
        assert_exact_or_miss(entry, changed)


def test_byte_order_mark_line_ends_and_indentation_are_harmless(entry):
    path = path_of(entry, "meta")
    whole = path.read_bytes()
    for changed in (
        codecs.BOM_UTF8 + whole,
        whole.replace(b"\n", b"\r\n"),
        codecs.BOM_UTF8 + whole.replace(b"\n", b"\r\n"),
        json.dumps(json.loads(whole)).encode(),
        json.dumps(json.loads(whole), indent=8, ensure_ascii=False).encode(),
    ):
        path.write_bytes(changed)
        assert entry.get(KEY) == SMALL, changed[:80]
    for codec in ("utf-16", "utf-16-le", "utf-32", "utf-7"):
        path.write_bytes(whole.decode("utf-8").encode(codec))
        assert_exact_or_miss(entry, codec)


def test_newer_format_is_a_miss_and_not_damage(entry):
    forge(entry, russo_cache=2)
    found = entry.lookup(KEY)
    assert isinstance(found, Miss)
    assert not found.damaged
    assert entry.put(KEY, SMALL)
    assert entry.get(KEY) == SMALL


def test_path_that_is_not_a_directory_is_a_miss(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    with within(20):
        for name in ("file", "fifo", "dangling", "loop", "none", "x" * 300, "file/below"):
            cache = AudioCache(tmp_path / name)
            assert cache.get(KEY) is None, name
            assert cache.describe(KEY) is None


def test_reader_does_not_remove_unreadable_files(entry, monkeypatch):
    before = snapshot(entry.directory)
    real = os.read
    for number in (errno.EIO, errno.EMFILE, errno.EACCES, errno.ESTALE):

        def broken(descriptor, size, number=number):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "read", broken)
        assert entry.get(KEY) is None
        monkeypatch.setattr(os, "read", real)
        assert snapshot(entry.directory) == before
    assert entry.get(KEY) == SMALL
