import subprocess
import sys
import time
import wave

import pytest

from russo import Audio, AudioCache
from support.command import PROMPTS, damage_audio, numbered_key, russo, set_age, start, store_prompts
from support.speakers import sound
from support.terminal import run_on_terminal


def listed_prompts(*arguments):
    return [entry["prompt"] for entry in russo("cache", "list", "--json", *arguments).json["entries"]]


def test_list_shows_a_table_of_entries(cache):
    head, *rows = russo("cache", "list").lines
    assert head.split() == ["prompt", "backend", "voice", "seconds", "size", "age"]
    assert [row[:17].rstrip() for row in rows] == ["Book a flight", "book a table", "Turn on the light"]
    assert rows[0].split()[3:5] == ["speaker", "anna"]


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


def test_missing_cache_is_listed_as_empty(folder):
    for command in ("list", "info", "verify", "clear", "dir"):
        result = russo("cache", command, "--cache-dir", "nowhere")
        assert result.code == 0, result.err
    assert russo("cache", "list", "--json").json["entries"] == []
    assert not (folder / "nowhere").exists()


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
    assert max(map(len, lines)) < 200
    assert b"\x1b" not in out


@pytest.mark.parametrize("columns", [80, 200, 40])
def test_output_to_a_terminal_is_one_line_per_entry_that_fits(folder, columns):
    store_prompts(folder / ".russo_cache", "word " * 60, "日本語" * 60, "short")
    shown = run_on_terminal("cache", "list", columns=columns)
    lines = shown.splitlines()
    assert lines[0].startswith("cache: ")
    table = lines[-5:]
    assert table[0].split() == ["prompt", "backend", "voice", "seconds", "size", "age"] or columns == 40
    assert set(table[1].strip()) <= {"─"}
    assert max(map(len, table)) <= columns
    assert sum("…" in line for line in table[2:]) >= 2


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


def test_info_counts_entries_by_backend_and_layer(folder, cache, recordings):
    store_prompts(folder / ".russo_cache", "another", backend="other", first=4)
    found = russo("cache", "info", "--json").json
    assert [(row["layer"], row["backend"], row["entries"]) for row in found["backends"]] == [
        ("cache", "other", 1),
        ("cache", "speaker", 3),
        ("recordings", "speaker", 1),
    ]
    assert found["entries"] == 5
    assert found["bytes"] == sum(row["bytes"] for row in found["backends"]) > 1000
    seconds = sum(sound(prompt).duration for prompt in PROMPTS)
    assert found["backends"][1]["seconds"] == pytest.approx(seconds, abs=0.001)
    assert russo("cache", "info").lines[-1].split()[:2] == ["total", "5"]


def test_info_counts_the_entries_whose_length_is_not_known(folder, cache):
    fields = {"own": {"backend": "speaker"}}
    for number in (7, 8):
        cache.put(numbered_key(number), Audio(b"\xff\xfb" * 100, "mp3"), prompt="mp3", fields=fields)
    cache.put(
        numbered_key(9), Audio(b"\xff\xfb" * 100, "mp3"), prompt="mp3", fields={"own": {"backend": "mp3"}}
    )
    damage_audio(cache, 7)  # `info` does not read the audio, so it counts this entry, too
    (cache.directory / f"{numbered_key(1)}.meta").write_text("{")
    found = russo("cache", "info", "--json").json
    lengths = {row["backend"]: row["of_unknown_length"] for row in found["backends"]}
    assert lengths == {"": 0, "mp3": 1, "speaker": 2}
    assert found["of_unknown_length"] == 3
    seconds = sum(sound(prompt).duration for prompt in PROMPTS[1:])
    lines = {line.split()[1]: line.strip() for line in russo("cache", "info").lines[1:]}
    assert lines["mp3"].endswith("?")
    assert lines["speaker"].endswith(f"{seconds:.1f} (2 unknown)")
    assert russo("cache", "info").lines[-1].strip().endswith(f"{seconds:.1f} (3 unknown)")


@pytest.mark.parametrize("wanted", ["Turn on the light", numbered_key(2)])
def test_show_prints_all_metadata_and_a_waveform(cache, wanted):
    result = russo("cache", "show", wanted)
    rows = dict(
        line.split(maxsplit=1)
        for line in result.lines
        if line.startswith(("key", "fields.own.voice", "checksum"))
    )
    assert rows == {
        "key": numbered_key(2),
        "fields.own.voice": "anna",
        "checksum": cache.describe(numbered_key(2))["checksum"],
    }
    assert any("█" in line for line in result.lines)
    assert russo("cache", "show", wanted, "--json").json["entries"][0]["meta"] == cache.describe(
        numbered_key(2)
    )


def test_show_accepts_a_key_prefix_and_a_prompt_in_several_voices(folder):
    store_prompts(folder / ".russo_cache", "hello")
    store_prompts(folder / ".russo_cache", "hello", voice="bert", first=2)
    assert len(russo("cache", "show", "hello", "--json").json["entries"]) == 2
    assert len(russo("cache", "show", numbered_key(1)[:-1], "--json").json["entries"]) == 2
    assert russo("cache", "show", "000").code == 1


def test_show_of_an_unknown_prompt_advises_to_search(cache):
    result = russo("cache", "show", "no such \x1b prompt")
    assert result.code == 1
    assert "no entry has the key or the prompt 'no such \\x1b prompt'" in result.err
    assert "russo cache list --grep PATTERN searches" in result.err


def test_show_reports_a_damaged_entry(cache):
    damage_audio(cache, 1)
    assert russo("cache", "show", "Book a flight").lines[-1] == (
        "damaged, and counts as a miss: its audio fails its checksum"
    )


def test_show_gives_the_reason_for_a_missing_waveform(folder):
    AudioCache(folder / ".russo_cache").put(numbered_key(1), Audio(b"\xff\xfb", "mp3"), prompt="hi")
    assert russo("cache", "show", "hi").lines[-1].startswith("no waveform: mp3 is a compressed format")


def test_waveform_follows_the_loudness_of_the_audio():
    from russo._cli.waveform import draw

    samples = bytes(2000) + b"\xff\x7f" * 1000 + b"\x00\x80" * 1000 + b"\xff\x3f" * 1000
    *rest, lowest = draw(samples, 4)
    assert lowest == " ███"
    assert rest[0] == " ██"
    assert draw(samples, 4, plain=True)[-1] == " ###"
    assert draw(bytes(20), 4)[-1] == ""
    assert len(draw(b"\1\1", 80)[-1]) == 1


def test_export_writes_playable_files_with_readable_names(folder, cache):
    result = russo("cache", "export", "out/review")
    assert (result.code, result.out) == (0, "3 files written to out/review\n")
    names = sorted(path.name for path in (folder / "out" / "review").iterdir())
    assert names == [
        "book-a-flight-00000000.wav",
        "book-a-table-00000000.wav",
        "turn-on-the-light-00000000.wav",
    ]
    with wave.open(str(folder / "out" / "review" / names[0])) as file:
        assert file.getnframes() == len(sound("Book a flight").pcm()) // 2


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("../../etc/passwd", "etc-passwd-00000000"),
        ("con", "con-00000000"),
        ("?!", "prompt-00000000"),
        (None, "prompt-00000000"),
        ("Grüße, \u202e日本\x1b[2J", "grüße-日本-2j-00000000"),
        ("\ud800x", "x-00000000"),
    ],
)
def test_names_of_exported_files_are_safe(prompt, name):
    from russo._cli.output import slug

    assert slug(prompt, numbered_key(1)) == name


def test_names_of_exported_files_fit_every_file_system():
    from russo._cli.output import slug

    for prompt in ("word " * 1000, "日本語" * 1000, "𒀀" * 1000):
        assert 9 < len(slug(prompt, numbered_key(1)).encode()) <= 200


def test_prompts_with_the_same_file_name_do_not_overwrite_each_other(folder):
    cache = AudioCache(folder / ".russo_cache")
    for number, prompt in enumerate(("Hello!", "hello"), 1):
        cache.put(f"{number:x}" * 64, sound(prompt), prompt=prompt)
    russo("cache", "export", "out")
    assert len(list((folder / "out").iterdir())) == 2


def test_export_omits_damaged_entries_and_fails(folder, cache):
    damage_audio(cache, 1)
    result = russo("cache", "export", "out", "--grep", "book")
    assert result.code == 1
    assert len(list((folder / "out").iterdir())) == 1
    assert "'Book a flight' is not exported: its audio fails its checksum" in result.err


def test_export_to_a_file_is_wrong_usage(folder, cache):
    (folder / "out").touch()
    assert russo("cache", "export", "out").code == 2
