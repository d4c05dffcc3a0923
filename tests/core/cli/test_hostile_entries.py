"""For any entry, no command ends with a traceback, hides the entry or prints it unescaped."""

import json
import os
import struct
import sys
import time
import tracemalloc

import pytest

from russo import Audio, AudioCache, cache_key
from support.command import numbered_key, russo, store_prompts
from support.forged import HOSTILE, forge, nested
from support.speakers import sound

PCM = Audio(b"\1\2" * 2400, "pcm", 24000)
WAV = sound("hello")
KEY = "ab" * 32


def wav(*, channels=1, rate=24000, bits=16, align=None, size=None, data=b"\1\2" * 240):
    """Return a WAV file with any values in its header."""
    align = channels * bits // 8 if align is None else align
    head = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, 0, align & 0xFFFF, bits)
    body = (
        b"WAVE" + head + struct.pack("<4sI", b"data", len(data) if size is None else size & 0xFFFFFFFF) + data
    )
    return Audio(b"RIFF" + struct.pack("<I", len(body)) + body, "wav", 24000)


ENTRIES = {
    "great rate": (PCM, {"sample_rate": 10**400}),
    "great channels": (WAV, {"channels": 10**400}),
    "negative rate": (PCM, {"sample_rate": -1}),
    "no rate": (PCM, {"sample_rate": 0}),
    "rate beyond audio": (PCM, {"sample_rate": 10**12}),
    "long format": (WAV, {"format": "x" * 500_000}),
    "list of formats": (WAV, {"format": [1]}),
    "deep fields": (WAV, {"fields": {"own": nested(300)}}),
    "deepest fields": (WAV, {"fields": {"own": nested(97)}}),
    "deep backend": (WAV, {"fields": {"own": {"backend": nested(90, list)}}}),
    "wide fields": (WAV, {"fields": {"own": {f"n{number:05}": number for number in range(40_000)}}}),
    "long names": (WAV, {"fields": {"own": {"n" * 400_000: {f"{number:05}": 0 for number in range(20_000)}}}}),
    "long value": (WAV, {"fields": {"own": {"backend": "b" * 400_000, "voice": ["v" * 400_000]}}}),
    "prompt is a number": (WAV, {"prompt": 5}),
    "prompt is a list": (WAV, {"prompt": ["x"]}),
    "long prompt": (WAV, {"prompt": "p " * 400_000}),
    "longest prompt": (WAV, {"prompt": "p " * 32_768}),
    "fields are a list": (WAV, {"fields": [1, 2]}),
    "great backend": (WAV, {"fields": {"own": {"backend": 10**300, "voice": 10**300}}}),
    "great size": (WAV, {"size": 10**12}),
    "negative size": (WAV, {"size": -1}),
    "size of a GiB": (WAV, {"size": 1 << 30}),
    "controls": (WAV, {"prompt": HOSTILE, "fields": {"own": {"backend": HOSTILE, "voice": HOSTILE, HOSTILE: HOSTILE}}}),
    "controls nested": (WAV, {"fields": {"own": {HOSTILE: {HOSTILE: [HOSTILE, {HOSTILE: 1}]}}, "given": [HOSTILE]}}),
    "controls in damage": (WAV, {"format": HOSTILE, "sample_rate": HOSTILE}),
    "unknown fields": (WAV, {HOSTILE: HOSTILE, "later": {HOSTILE: [1]}}),
    "odd samples": (Audio(b"\1\2\3", "pcm"), {}),
    "samples of no frame": (Audio(b"\1\2" * 10, "pcm", 8000, 7, 4), {}),
    "noise called mp3": (Audio(bytes(range(256)), "mp3"), {}),
    "not WAV": (Audio(b"RIFFxxxxWAVE" + bytes(60), "wav"), {}),
    "header rate": (wav(rate=0xFFFFFFFF), {}),
    "header channels": (wav(channels=65535, data=b"\1\2" * 65535 * 2), {}),
    "header align": (wav(align=0), {}),
    "header size of 4 GB": (wav(size=0xFFFFFFFE), {}),
    "header size of 2 GB": (wav(size=0x7FFFEFFF), {}),
    "header without channels": (wav(channels=0), {}),
    "header bits": (wav(bits=65528), {}),
}  # fmt: skip
COMMANDS = [
    ["list"], ["list", "--json"], ["list", "--sort", "seconds"], ["info"], ["info", "--json"],
    ["show", KEY], ["show", KEY, "--json"], ["list", "--limit", "1"], ["play", KEY, "--json"], ["verify"], ["verify", "--json"],
    ["promote", "--recordings-dir", "kept"], ["prune", "--older-than", "1s", "--dry-run"], ["export", "out"],
    ["dir"], ["rm", KEY, "--dry-run"], ["verify", "--repair", "--yes"], ["prune", "--max-size", "1", "--yes"], ["clear", "--yes"],
]  # fmt: skip


def assert_is_clean(result, *, longest=60_000):
    assert result.code in {0, 1}, result.err
    text = result.out + result.err
    assert "Traceback" not in text
    assert all(line.isprintable() for line in text.split("\n"))
    assert not [line for line in text.split("\n") if line.lstrip().startswith("::")]
    assert longest is None or len(text) < longest


@pytest.mark.parametrize("name", ENTRIES)
def test_no_command_fails_or_prints_raw_text_for_a_hostile_entry(folder, name):
    audio, changes = ENTRIES[name]
    good = store_prompts(folder / ".russo_cache", "good")
    forge(good.directory, KEY, audio, **changes)
    start = time.process_time()
    for command in COMMANDS:
        result = russo("cache", *command)
        longest = None if "--json" in command else 150_000 if command[0] == "show" else 20_000
        assert_is_clean(result, longest=longest)
        if command == ["list"]:
            is_damaged = AudioCache(good.directory).describe(KEY) is None
            assert len(result.lines) == 3
            assert ("damaged: " in result.out) == is_damaged or "size" in changes
    assert time.process_time() - start < 20


def test_show_takes_bounded_memory(folder):
    audio, changes = ENTRIES["long names"]
    forge(folder / ".russo_cache", KEY, audio, **changes)
    russo("cache", "show", KEY)
    tracemalloc.start()
    try:
        result = russo("cache", "show", KEY)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100 << 20
    # Of 20,000 settings, 200 are shown.
    assert "and 19,800 more; --json shows all" in result.out


def test_list_shows_a_damaged_entry_as_damaged(folder, cache):
    forge(cache.directory, numbered_key(1), WAV, prompt="Book a flight", sample_rate=0)
    (cache.directory / f"{numbered_key(2)}.audio").write_bytes(b"short")
    result = russo("cache", "list")
    assert any(
        line.startswith("(unknown) damaged: its metadata does not describe audio") for line in result.lines
    )
    found = {entry["key"]: entry.get("problem") for entry in russo("cache", "list", "--json").json["entries"]}
    assert found == {
        numbered_key(number): None if number == 3 else cache.lookup(numbered_key(number)).reason
        for number in (1, 2, 3)
    }


# -- list, export and verify agree with replay


def test_entry_hidden_by_a_recording_is_marked_as_not_replayed(folder, cache, recordings):
    store_prompts(recordings.directory, "Book a flight", voice="bert")
    by_layer = {
        entry["layer"]: entry
        for entry in russo("cache", "list", "--json").json["entries"]
        if entry["key"] == numbered_key(1)
    }
    assert by_layer["cache"]["replayed"] is False
    assert "replayed" not in by_layer["recordings"]
    (row,) = (line for line in russo("cache", "list").lines if line.endswith("cache (not replayed)"))
    assert row.startswith("Book a flight")
    assert "bert" not in row
    rows = [line for line in russo("cache", "show", numbered_key(1)).lines if line.startswith("replayed")]
    assert [row.split(maxsplit=1)[1] for row in rows] == [
        "yes",
        "no, because the recordings have the same key",
    ]


@pytest.mark.parametrize("damage", ["none", "size", "bytes", "metadata"])
def test_export_writes_the_audio_that_a_test_replays(folder, cache, recordings, damage):
    store_prompts(recordings.directory, "Book a flight", voice="bert")
    path = recordings.directory / f"{numbered_key(1)}.audio"
    if damage == "size":
        path.write_bytes(b"short")
    elif damage == "bytes":
        path.write_bytes(bytes(len(path.read_bytes())))
    elif damage == "metadata":
        path.with_suffix(".meta").write_bytes(b"{")
    assert russo("cache", "export", "out", "--grep", "flight").code == 0
    (file,) = (folder / "out").iterdir()
    voice = "bert" if damage == "none" else "anna"
    assert file.read_bytes() == sound("Book a flight", voice).data


def test_failed_export_of_one_entry_does_not_stop_the_others(folder):
    forge(folder / ".russo_cache", KEY, Audio(b"\1\2\3", "pcm"), prompt="a bad one")
    store_prompts(folder / ".russo_cache", "good")
    result = russo("cache", "export", "out")
    assert result.code == 1
    assert "'a bad one' is not exported: 3 bytes of pcm are not whole samples" in result.err
    assert [path.name[:4] for path in (folder / "out").iterdir()] == ["good"]


def test_symlinked_entries_are_listed_and_never_removed(folder, cache):
    linked = folder / "linked"
    linked.mkdir()
    for path in cache.directory.glob("*.*"):
        (linked / path.name).symlink_to(path)
    linked_cache = AudioCache(linked)
    assert linked_cache.get(numbered_key(1)) is not None
    for command in (["list", "--json"], ["verify", "--json"], ["info", "--json"]):
        result = russo("cache", *command, "--cache-dir", "linked").json
        number = result["checked"] if "checked" in result else result["entries"]
        assert (number if isinstance(number, int) else len(number)) == 3
    for command in (["clear"], ["prune", "--max-size", "0"]):
        assert russo("cache", *command, "--cache-dir", "linked", "--yes").code == 0
    assert linked_cache.get(numbered_key(1)) is not None
    assert cache.size() == 3


@pytest.mark.parametrize(
    ("own", "given", "prompt", "is_right"),
    [
        ({"voice": "a"}, None, "hello", True),
        ({"voice": "a", "deep": {"x": [1, 1.0, True, None]}}, {"speed": 1.5}, "hello", True),
        ({"own": {"voice": "a"}, "given": {"x": 1}}, None, "hello \ud800\udc00", True),
        ({"voice": "b"}, None, "hello", False),
        ({"voice": "a"}, {}, "hello", False),
        ({"voice": "a"}, None, "hello ", False),
        (["voice"], None, "hello", False),
        ({"voice": "a"}, 3, "hello", False),
    ],
)
def test_verify_derives_the_key_from_prompt_and_fields(folder, own, given, prompt, is_right):
    key = cache_key(prompt, own, given) if is_right else cache_key("hello", {"voice": "a"}, None)
    forge(folder / ".russo_cache", key, WAV, prompt=prompt, fields={"own": own, "given": given})
    result = russo("cache", "verify", "--json")
    reasons = [each["reason"] for each in result.json["damaged"]]
    assert reasons == ([] if is_right else ["the key does not belong to this prompt and settings"])
    assert result.code == (0 if is_right else 1)


@pytest.mark.parametrize(
    ("key", "fields", "prompt"),
    [
        ("by-hand", {"own": {"voice": "a"}, "given": None}, "hello"),
        (KEY, {"voice": "a"}, "hello"),
        (KEY, None, "hello"),
        (KEY, {"own": {"voice": "a"}, "given": None}, None),
        (KEY, {"own": {"voice": "a"}, "given": None}, "x" * 70_000),
    ],
)
def test_verify_does_not_check_a_key_that_the_metadata_cannot_derive(folder, key, fields, prompt):
    AudioCache(folder / ".russo_cache").put(key, WAV, prompt=prompt, fields=fields)
    assert russo("cache", "verify").code == 0


def test_stored_entry_has_the_key_that_verify_derives(folder):
    from russo import CachedSynthesizer
    from support.speakers import Speaker, synthesize

    cache = AudioCache(folder / ".russo_cache")
    inner = CachedSynthesizer(Speaker(voice="a", speed=1.0), cache=cache, cache_key_extra={"take": 1})
    for prompt in ("hello", "Grüße \ud800\udc00\udfff\n", "x" * 3000):
        synthesize(CachedSynthesizer(inner, cache=cache, cache_key_extra={"outer": [1, {"a": None}]}), prompt)
    assert cache.size() == 6
    assert russo("cache", "verify").code == 0


# -- names of directories, files and times


def test_hostile_directory_names_are_escaped(folder):
    name = HOSTILE.replace("\0", "").replace("/", "")
    store_prompts(folder / name, "hello")
    for command in COMMANDS[:-3]:
        assert_is_clean(russo("cache", *command, "--cache-dir", name))
    (folder / ".git").mkdir()
    for command in (["show", "nothing"], ["prune", "--max-size", "1"], ["promote"], ["promote", "--recordings-dir", name],
                    ["verify", "--repair", "--recordings-dir", name], ["clear", "--recordings-dir", name],
                    ["list", "--cache-dir", f"{name}/.git"], ["export", f"{name}/out"]):  # fmt: skip
        result = russo("cache", *command, *([] if "--cache-dir" in command else ["--cache-dir", name]))
        assert all(line.isprintable() for line in (result.out + result.err).split("\n"))
        assert "\n::" not in result.err


@pytest.mark.parametrize("stored", [-(10**9), 0, 2**33, 10**12])
def test_any_file_time_is_shown(folder, cache, stored):
    try:
        for suffix in ("meta", "audio"):
            os.utime(cache.directory / f"{numbered_key(1)}.{suffix}", (stored, stored))
    except (OSError, OverflowError):
        pytest.skip("this file system cannot store this time")
    for command in COMMANDS[:-3]:
        assert_is_clean(russo("cache", *(numbered_key(1) if part == KEY else part for part in command)))


@pytest.mark.parametrize("seconds", [1e18, -1e18, 1e300])
def test_time_outside_the_calendar_is_shown(seconds):
    from russo._cli.cache_show import _date

    assert _date(seconds) == "at an impossible time"


@pytest.mark.parametrize("number", ["EACCES", "EIO", "ELOOP", "ESTALE", "ENAMETOOLONG"])
def test_directory_that_cannot_be_listed_ends_a_command_cleanly(folder, cache, monkeypatch, number):
    import errno

    code = getattr(errno, number)
    real = os.scandir

    def refusing(path):
        if str(path) == str(cache.directory):
            raise OSError(code, os.strerror(code), str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", refusing)
    for command in COMMANDS:
        if command != ["dir"]:
            result = russo("cache", *command)
            assert result.code == 1, command
            assert os.strerror(code) in result.err


def test_file_that_cannot_be_read_is_listed(folder, cache, monkeypatch):
    import errno

    real = os.open

    def refusing(path, *more, **options):
        if str(path).endswith(f"{numbered_key(1)}.meta"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, *more, **options)

    monkeypatch.setattr(os, "open", refusing)
    assert any("(unknown) unusable: Permission denied" in line for line in russo("cache", "list").lines)
    for command in COMMANDS[:-3]:
        assert_is_clean(russo("cache", *(numbered_key(1) if part == KEY else part for part in command)))
    result = russo("cache", "verify", "--repair", "--yes", "--json")
    assert [(each["reason"], each["removed"]) for each in result.json["damaged"]] == [
        ("Permission denied", False)
    ]


def test_json_output_of_hostile_entries_is_valid(folder):
    audio, changes = ENTRIES["controls"]
    forge(folder / ".russo_cache", KEY, audio, **changes)
    found = json.loads(russo("cache", "list", "--json").out)["entries"][0]
    assert found["prompt"] == HOSTILE
    assert json.loads(russo("cache", "show", KEY, "--json").out)["entries"][0]["meta"]["prompt"] == HOSTILE


@pytest.mark.parametrize(
    "failure", ["", "ServiceError(HOSTILE, backend=HOSTILE, prompt=text)", "ValueError(HOSTILE)"]
)
@pytest.mark.parametrize("command", ["record", "say", "record --json"])
def test_say_and_record_escape_hostile_prompts_and_errors(folder, monkeypatch, command, failure):
    name = HOSTILE.replace("\0", "").replace("/", "")
    (folder / "hostile_voice.py").write_text(
        "from russo import ServiceError\n"
        "from support.speakers import sound\n"
        f"HOSTILE = {HOSTILE!r}\n"
        "class Voice:\n"
        "    cache_key_extra = {'backend': HOSTILE, HOSTILE: HOSTILE}\n"
        "    async def synthesize(self, text):\n"
        f"        {f'raise {failure}' if failure else 'return sound(text)'}\n"
    )
    monkeypatch.delitem(sys.modules, "hostile_voice", raising=False)
    prompts = folder / f"{name[:20]}.jsonl"
    prompts.write_text(json.dumps({"prompt": HOSTILE}) + "\n" + json.dumps({"prompt": "x" * 100_000}) + "\n")
    words = command.split()
    if words[0] == "say" and failure.startswith("ValueError"):
        pytest.skip("an error of the user's own code keeps its traceback")
    text = [str(prompts)] if words[0] == "record" else [HOSTILE.replace("\0", ""), "-o", f"{name}.wav"]
    result = russo(*words, *text, "--synth", "hostile_voice:Voice", "--cache-dir", name)
    assert result.code == bool(failure), result.err
    assert_is_clean(result, longest=None if "--json" in command else 60_000)
