import os
import re
import subprocess
import sys
import time

import pytest

from russo import Audio, AudioCache
from support.command import PROMPTS, SPEAKER_FIELDS, numbered_key, russo, set_age, start, store_prompts
from support.forged import HOSTILE
from support.speakers import sound
from support.terminal import run_on_terminal


def listed_prompts(*arguments):
    return [entry["prompt"] for entry in russo("cache", "list", "--json", *arguments).json["entries"]]


def test_list_shows_a_table_of_entries(cache):
    result = russo("cache", "list")
    head, *rows = result.lines
    assert head.split() == ["prompt", "backend", "voice", "seconds", "size", "age", "key"]
    assert [row[:17].rstrip() for row in rows] == ["Book a flight", "book a table", "Turn on the light"]
    assert all(" speaker  anna " in row for row in rows)
    assert len(result.err.splitlines()) == 1


def test_terminal_shows_backend_and_voice_of_all_entries_above_the_table(folder):
    for number, prompt in enumerate(PROMPTS):
        store(folder, prompt, number, backend="speaker", voice="anna")
    shown = run_on_terminal("cache", "list").splitlines()
    assert shown[-6] == "every entry below: backend speaker, voice anna"
    assert shown[-5].split() == ["prompt", "seconds", "size", "age", "key"]


def test_list_as_json_shows_every_field(cache):
    found = russo("cache", "list", "--json").json
    entry = found["entries"][0]
    size = sum(
        (cache.directory / f"{numbered_key(1)}{suffix}").stat().st_size for suffix in (".audio", ".meta")
    )
    assert entry.pop("stored") == pytest.approx(time.time(), abs=60)
    assert entry == {
        "key": numbered_key(1),
        "layer": "cache",
        "prompt": "Book a flight",
        "backend": "speaker",
        "voice": "anna",
        "seconds": sound("Book a flight").duration,
        "bytes": size,
        "settings": SPEAKER_FIELDS,
    }
    assert found["cache"]["directory"] == str(cache.directory)


def test_list_is_filtered(folder, cache):
    store_prompts(folder / ".russo_cache", "Book a train", backend="other", first=4)
    assert listed_prompts("--grep", "^book") == ["Book a flight", "book a table", "Book a train"]
    assert listed_prompts("--backend", "other") == ["Book a train"]
    assert listed_prompts("--backend", "speaker", "--grep", "LIGHT$") == [
        "Book a flight",
        "Turn on the light",
    ]
    assert russo("cache", "list", "--grep", "nothing").err.endswith("no entries that match\n")
    assert russo("cache", "list", "--grep", "(").code == 2


def test_list_is_sorted(cache):
    now = time.time()
    for number, age in ((1, 300), (2, 100), (3, 200)):
        set_age(cache, number, age, now)
    assert listed_prompts("--sort", "age") == ["Turn on the light", "book a table", "Book a flight"]
    assert listed_prompts("--sort", "size") == ["Turn on the light", "Book a flight", "book a table"]
    assert listed_prompts() == ["Book a flight", "book a table", "Turn on the light"]


def test_length_is_shown_for_every_format_that_contains_it(folder):
    cache = AudioCache(folder / ".russo_cache")
    odd = bytearray(sound("streamed").data)
    odd[4:8] = odd[40:44] = b"\xff\xff\xff\xff"
    stored = {
        "pcm": Audio(b"\1\2" * 12000, "pcm", 24000),
        "ulaw": Audio(b"\1" * 8000, "ulaw", 8000),
        "streamed": Audio(bytes(odd)),
        "mp3": Audio(b"\xff\xfb" * 100, "mp3"),
        "no wav": Audio(b"RIFFxxxxWAVE" + bytes(60)),
    }
    for number, (name, audio) in enumerate(stored.items(), 1):
        cache.put(numbered_key(number), audio, prompt=name)
    found = {each["prompt"]: each["seconds"] for each in russo("cache", "list", "--json").json["entries"]}
    assert found == {name: audio.known_duration for name, audio in stored.items()}
    assert found["pcm"] == 0.5
    assert found["ulaw"] == 1.0
    assert found["mp3"] is found["no wav"] is None


def test_recordings_are_listed_with_the_name_of_their_layer(cache, recordings):
    found = russo("cache", "list", "--json").json["entries"]
    assert {entry["prompt"]: entry["layer"] for entry in found} == {
        **dict.fromkeys(PROMPTS, "cache"),
        "Recorded prompt": "recordings",
    }
    assert russo("cache", "list").lines[0].split()[-1] == "in"


def test_entry_with_damaged_metadata_is_listed_as_unknown(cache):
    (cache.directory / f"{numbered_key(1)}.meta").write_text("{")
    assert russo("cache", "list").lines[-1].startswith("(unknown)")
    assert listed_prompts("--sort", "seconds").count(None) == 1


def test_hostile_prompts_are_escaped(folder):
    store_prompts(
        folder / ".russo_cache",
        "\x1b[2J\x1b]0;title\x07",
        "two\nlines\r\t",
        "a\u202eexe.txt",
        "\x9b31m",
        "[red]:smile:",
    )
    out = russo("cache", "list").out
    assert len(out.splitlines()) == 6
    assert not set(out) & {"\x1b", "\x07", "\r", "\t", "\u202e", "\x9b"}
    for shown in (
        "\\x1b[2J\\x1b]0;title\\x07",
        "two\\nlines\\r\\t",
        "a\\u202eexe.txt",
        "\\x9b31m",
        "[red]:smile:",
    ):
        assert shown in out


def test_output_to_a_file_is_plain_text_with_unwrapped_lines(folder, monkeypatch):
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    store_prompts(folder / ".russo_cache", "word " * 15 + "end", "long " * 10_000)
    out, _ = start("cache", "list", env={"COLUMNS": "20"}).communicate(timeout=60)
    lines = out.decode().splitlines()
    assert any(line.startswith("word " * 15 + "end") for line in lines)
    assert len(lines) == 3
    assert max(map(len, lines)) < 240
    assert b"\x1b" not in out


@pytest.mark.parametrize("columns", [80, 200, 40])
def test_output_to_a_terminal_is_one_line_per_entry_that_fits(folder, columns):
    for number, prompt in enumerate(("word " * 60, "日本語" * 60, "short")):
        store(folder, prompt, number, backend="speaker", voice="anna")
    shown = run_on_terminal("cache", "list", columns=columns)
    lines = shown.splitlines()
    assert lines[0].startswith("cache: ")
    table = lines[-5:]
    facts = ["seconds", "size"] if columns == 40 else ["seconds", "size", "age"]
    assert table[0].split() == ["prompt", *facts, "key"]
    assert set(table[1].strip()) <= {"─"}
    assert max(map(len, table)) <= columns
    assert sum("…" in line for line in table[2:]) == 2
    assert sorted(line.split()[-1] for line in table[2:]) == ["00" * 4, "01" * 4, "02" * 4]


def test_terminal_without_unicode_gets_ascii(folder, cache):
    shown = run_on_terminal("cache", "list", env={"PYTHONIOENCODING": "ascii", "TERM": "dumb"})
    assert shown.isascii()
    assert "Book a flight" in shown


def test_no_color_and_dumb_terminals_get_no_colour(cache):
    assert "\x1b[" in run_on_terminal("cache", "list", env={"TERM": "xterm"})
    assert "\x1b[3" not in run_on_terminal("cache", "list", env={"TERM": "xterm", "NO_COLOR": "1"})
    assert "\x1b" not in run_on_terminal("cache", "list", env={"TERM": "dumb"})


def test_closed_pipe_prints_no_error(folder):
    store_prompts(folder / ".russo_cache", *(f"prompt {number} " * 20 for number in range(400)))
    script = f"set -o pipefail; {sys.executable} -m russo cache list --cache-dir .russo_cache | head -1"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 1)
    assert done.stderr.splitlines() == [f"cache: {folder / '.russo_cache'} (command line)"]


# -- settings that differ


def store(folder, prompt, number, **settings):
    """Store a prompt with these settings under a key that begins with its number."""
    cache = AudioCache(folder / ".russo_cache")
    key = f"{number:02x}" * 32
    assert cache.put(key, sound(prompt), prompt=prompt, fields={"own": settings, "given": None})
    return key


def columns(result):
    """Return the titles of the columns of settings after backend and voice, which a file always has."""
    titles = re.split(r" {2,}", result.lines[0])[1:-4]
    assert titles[:2] == ["backend", "voice"]
    return titles[2:]


def columns_on_terminal(*arguments, width=200):
    """Return the titles of the columns of settings on a terminal."""
    lines = run_on_terminal("cache", "list", *arguments, columns=width).splitlines()
    (head,) = (line for line in lines if line.startswith("prompt  "))
    return re.split(r" {2,}", head)[1:-4]


def test_settings_that_differ_have_columns(folder):
    for number, speed in enumerate((1, 1.0, 1.2, True, None)):
        store(folder, "hello", number, backend="local", voice="anna", speed=speed, seed=0)
    result = russo("cache", "list")
    assert columns(result) == ["speed"]
    cells = [re.split(r" {2,}", line)[3] for line in result.lines[1:]]
    assert cells[:4] == ["1", "1.0", "1.2", "true"]
    assert cells[4].startswith("0.")  # the setting is not set, so the next cell is the length
    assert "every entry below: backend local, voice anna" in run_on_terminal("cache", "list")


def test_backend_and_voice_have_columns_on_a_terminal_only_if_they_differ(folder):
    store(folder, "one", 1, backend="a", voice="x")
    store(folder, "two", 2, backend="a", voice="y")
    assert columns_on_terminal() == ["voice"]
    assert columns_on_terminal("--grep", "one") == []
    store(folder, "three", 3, backend="b", voice="x")
    assert columns_on_terminal() == ["backend", "voice"]
    assert columns_on_terminal("--grep", "^t") == ["backend", "voice"]


def test_settings_that_only_tell_backends_apart_have_no_column(folder):
    store(folder, "one", 1, backend="a", model="a-1", stability=0.5)
    store(folder, "two", 2, backend="b", model="b-1", temperature=1)
    assert columns_on_terminal() == ["backend"]


def test_entry_that_cannot_be_read_does_not_add_columns(folder):
    store(folder, "one", 1, backend="a", voice="x", speed=1)
    store(folder, "two", 2, backend="a", voice="x", speed=1)
    (folder / ".russo_cache" / f"{'02' * 32}.meta").write_text("{")
    assert columns(russo("cache", "list")) == []


def test_settings_of_a_wrapper_and_nested_settings_are_compared(folder):
    cache = AudioCache(folder / ".russo_cache")
    for number, (style, take) in enumerate((("calm", 1), ("glad", 2)), 1):
        inner = {"own": {"backend": "a", "deep": {"style": style, "same": 1}}, "given": {"take": take}}
        assert cache.put(f"{number}" * 64, sound("x"), prompt="x", fields={"own": inner, "given": {"n": 0}})
    assert columns(russo("cache", "list")) == ["deep.style", "take"]


def test_differing_settings_of_one_prompt_come_first_if_there_are_too_many(folder):
    for number in range(4):
        many = {f"other{index}": number for index in range(9)}
        store(folder, f"prompt {number}", number, backend="a", speed=1, **many)
    store(folder, "prompt 3", 9, backend="a", speed=2, **{f"other{index}": 3 for index in range(9)})
    result = russo("cache", "list")
    assert columns(result) == ["other0", "other1", "other2", "other3", "speed"]
    assert result.err.endswith(
        "also different: other4, other5, other6, other7, other8; russo cache show KEY shows all settings\n"
    )
    for index in range(3):
        store(folder, "more", 20 + index, backend="a", **{f"new{name}": index for name in range(5)})
    assert " and 5 more; russo cache show KEY" in russo("cache", "list").err


@pytest.mark.parametrize(("width", "most"), [(80, 2), (100, 4), (66, 1), (250, 5)])
def test_columns_of_settings_fit_the_terminal(folder, width, most):
    for number in range(3):
        settings = {f"set{index}": f"{number}a" * 10 for index in range(7)}
        store(folder, f"prompt {number} " * 9, number, backend="a", **settings)
    lines = run_on_terminal("cache", "list", columns=width).splitlines()
    (head,) = (line for line in lines if line.startswith("prompt  "))
    assert re.findall(r"set\d", head) == [f"set{index}" for index in range(most)]
    rows = lines[lines.index(head) : -1]
    assert len(rows) == 5
    assert all(len(line) <= width for line in rows)
    assert all(line.endswith(f"0{number}" * 4) for number, line in enumerate(rows[2:]))


@pytest.mark.parametrize(
    ("width", "titles"),
    [
        (40, ["prompt", "speed", "key", "in"]),
        (60, ["prompt", "speed", "seconds", "size", "age", "key", "in"]),
        (80, ["prompt", "backend", "speed", "seconds", "size", "age", "key", "in"]),
    ],
)
def test_narrow_terminal_keeps_prompts_keys_and_what_makes_rows_different(folder, recordings, width, titles):
    for number in range(8):
        settings = {
            "backend": "elevenlabs" if number < 4 else "openai",
            "voice": f"a-long-name-of-a-voice-{number // 4}",
            "model": f"a_long_name_of_a_model-{number % 2}",
            "speed": 1 + number / 10,
        }
        store(folder, "Turn on the kitchen light and set it to warm white.", number, **settings)
        for suffix in (".meta", ".audio"):
            os.utime(folder / ".russo_cache" / f"{f'{number:02x}' * 32}{suffix}", (time.time() - 2700,) * 2)
    lines = run_on_terminal("cache", "list", "--grep", "kitchen", columns=width).splitlines()
    (head,) = (line for line in lines if line.startswith("prompt  "))
    assert head.split() == titles
    rows = lines[lines.index(head) + 2 :][:8]
    assert max(map(len, rows)) <= width
    assert all(row.startswith("Turn on ") for row in rows)
    assert [f"{number:02x}" * 4 in row for number, row in enumerate(rows)] == [True] * 8
    assert [f" {1 + number / 10} " in row for number, row in enumerate(rows)] == [True] * 8


def test_rows_of_one_prompt_are_sorted_by_the_settings_that_are_shown(folder):
    for number, speed in enumerate((10, 1.5, None, 1.0, "fast")):
        store(folder, "hello", number, backend="ab"[speed == 1.0], speed=speed)
    store(folder, "bye", 9, backend="c", speed=2)
    speeds = [1.5, 10, "fast", None, 1.0]
    found = russo("cache", "list", "--json").json["entries"]
    assert [entry["settings"].get("speed") for entry in found] == [2, *speeds]
    rows = russo("cache", "list").lines[1:]
    assert [row.split()[2] for row in [*rows[1:4], rows[5]]] == ["1.5", "10", "fast", "1.0"]
    # Without the column of the backend, the speed alone decides.
    rows = run_on_terminal("cache", "list", columns=30).splitlines()
    assert [row.split()[1] for row in rows if row.startswith("hello")][:4] == ["1.0", "1.5", "10", "fast"]
    first = russo("cache", "list", "--limit", "2", "--json").json["entries"]
    assert [entry["prompt"] for entry in first] == ["bye", "hello"]


def test_settings_of_one_prompt_are_wide_enough_to_be_different(folder):
    for number in range(3):
        store(folder, "hello " * 20, number, backend="a", model=f"the_same_beginning_{number}_and_end")
    shown = run_on_terminal("cache", "list", columns=60)
    assert [f"the_same_beginning_{number}" in shown for number in range(3)] == [True] * 3


def test_long_key_is_whole_on_a_narrow_terminal(folder):
    AudioCache(folder / ".russo_cache").put("a-" * 30, sound("x"), prompt="word " * 30)
    AudioCache(folder / ".russo_cache").put("a-" * 30 + "b", sound("x"), prompt="word " * 30)
    shown = run_on_terminal("cache", "list", columns=40)
    assert "a-" * 30 + "b" in shown
    assert sum(line.startswith("word word…") for line in shown.splitlines()) == 2


def test_setting_with_the_name_of_a_column_is_marked(folder):
    for number, size in enumerate(("big", "small")):
        store(folder, "x", number, backend="a", size=size)
    assert columns(russo("cache", "list")) == ["size (setting)"]


def test_long_name_of_a_setting_is_cut(folder):
    for number in range(2):
        store(folder, "x", number, backend="a", **{"n" * 30: number})
    assert columns(russo("cache", "list")) == ["n" * 23 + "…"]


def test_hostile_settings_are_escaped_and_bounded(folder):
    for number in range(2):
        settings = {
            HOSTILE: f"{HOSTILE}{number}",
            "n" * 5000: "v" * 90_000 + str(number),
            "list": [number] * 9999,
        }
        store(folder, "x", number, backend=HOSTILE, voice=f"{number}" * 9000, **settings)
    for result in (russo("cache", "list"), russo("cache", "list", "--sort", "voice")):
        assert len(result.lines) == 3
        assert all(
            line.isprintable() and len(line) < 1000 for line in [*result.lines, *result.err.split("\n")]
        )
    shown = run_on_terminal("cache", "list").splitlines()
    assert [line for line in shown if not line.isprintable()] == []
    head = next(number for number, line in enumerate(shown) if line.startswith("prompt"))
    assert max(map(len, shown[head : head + 4])) <= 80


# -- keys, limit, pipes


def test_list_shows_the_first_characters_of_keys(folder):
    keys = [store(folder, "hello", number, backend="a") for number in (0x1A, 0x2B)]
    assert [line.split()[-1] for line in russo("cache", "list").lines[1:]] == [key[:8] for key in keys]
    for line in russo("cache", "list").lines[1:]:
        key = line.split()[-1]
        assert russo("cache", "show", key, "--json").json["entries"][0]["key"].startswith(key)


def test_shown_keys_are_long_enough_to_be_different(folder):
    cache = AudioCache(folder / ".russo_cache")
    for key in ("ab" * 20 + "cd" * 12, "ab" * 20 + "cf" * 12, "by-hand"):
        cache.put(key, sound("x"), prompt=key)
    shown = [line.split()[-1] for line in russo("cache", "list").lines[1:]]
    assert shown == ["ab" * 20 + "cd", "ab" * 20 + "cf", "by-hand"]
    assert [line.split()[-1] for line in russo("cache", "list", "--grep", "cd").lines[1:]] == ["abababab"]


def test_limit_shows_the_first_entries_and_counts_the_others(cache):
    now = time.time()
    for number, age in ((1, 300), (2, 100), (3, 200)):
        set_age(cache, number, age, now)
    result = russo("cache", "list", "--sort", "age", "--limit", "2")
    assert [line[:12] for line in result.lines[1:]] == ["Turn on the ", "book a table"]
    assert result.err.endswith("\nand 1 more; --limit 2 is set\n")
    found = russo("cache", "list", "--limit", "1", "--json").json
    assert ([each["prompt"] for each in found["entries"]], found["more"]) == (["Book a flight"], 2)
    for limit in (3, 4):
        assert "more" not in russo("cache", "list", "--limit", str(limit)).err
        assert russo("cache", "list", "--limit", str(limit), "--json").json["more"] == 0
    for limit in ("0", "-1", "x"):
        assert russo("cache", "list", "--limit", limit).code == 2


@pytest.mark.parametrize(
    "variables",
    [{"FORCE_COLOR": "1"}, {"CLICOLOR_FORCE": "1"}, {"TTY_COMPATIBLE": "1", "TTY_INTERACTIVE": "1"}],
)
@pytest.mark.parametrize("command", ["list", "info", "show", "rm", "verify"])
def test_rows_in_a_pipe_are_whole_and_plain(folder, variables, command):
    prompt = "word " * 30 + "end"
    key = store(folder, prompt, 1, backend="b" * 110, voice="a")
    arguments = {"show": [key], "rm": [key, "--dry-run"]}.get(command, [])
    if command == "verify":
        (folder / ".russo_cache" / f"{key}.audio").write_bytes(b"short")
    process = start("cache", command, *arguments, env={"COLUMNS": "40", **variables})
    out = process.communicate(timeout=60)[0].decode()
    assert "\x1b" not in out
    long = "b" * 110 if command == "info" else prompt[:100]
    assert any(long in line for line in out.splitlines())
