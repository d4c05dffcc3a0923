import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
import wave

import pytest

from russo import Audio, AudioCache
from support.command import (
    SPEAKER_FIELDS,
    damage_audio,
    enter_project,
    numbered_key,
    russo,
    set_age,
    start,
    store_prompts,
)
from support.speakers import sound

PROMPTS = ("Book a flight", "Turn on the light", "book a table")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    return enter_project(tmp_path, monkeypatch)


@pytest.fixture
def cache(folder):
    return store_prompts(folder / ".russo_cache", *PROMPTS)


@pytest.fixture
def kept(folder):
    """Recordings beside the cache."""
    (folder / "pytest.ini").write_text("[pytest]\nrusso_recordings_dir = kept\n")
    return store_prompts(folder / "kept", "Recorded prompt", voice="bert", first=8)


def keys(cache):
    return sorted(cache.stored_keys())


def files(cache):
    return {path.name: path.read_bytes() for path in cache.directory.iterdir() if path.is_file()}


def prompts(*arguments):
    return [entry["prompt"] for entry in russo("cache", "list", "--json", *arguments).json["entries"]]


# -- list and info


def test_list_shows_what_people_ask_for(cache):
    head, *rows = russo("cache", "list").lines
    assert head.split() == ["prompt", "backend", "voice", "seconds", "size", "age"]
    assert [row[:17].rstrip() for row in rows] == ["Book a flight", "book a table", "Turn on the light"]
    assert rows[0].split()[3:5] == ["speaker", "anna"]


def test_list_gives_programs_everything(cache):
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
    assert prompts("--grep", "^book") == ["Book a flight", "book a table", "Book a train"]
    assert prompts("--backend", "other") == ["Book a train"]
    assert prompts("--backend", "speaker", "--grep", "LIGHT$") == ["Book a flight", "Turn on the light"]
    assert russo("cache", "list", "--grep", "nothing").err.endswith("no entries that match\n")
    assert russo("cache", "list", "--grep", "(").code == 2


def test_list_is_sorted(cache):
    now = time.time()
    for number, age in ((1, 300), (2, 100), (3, 200)):
        set_age(cache, number, age, now)
    assert prompts("--sort", "age") == ["Turn on the light", "book a table", "Book a flight"]
    assert prompts("--sort", "size") == ["Turn on the light", "Book a flight", "book a table"]
    assert prompts() == ["Book a flight", "book a table", "Turn on the light"]


def test_the_length_is_told_for_every_format_that_tells_it(folder):
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
    assert found == {name: audio.duration for name, audio in stored.items()}
    assert found["pcm"] == 0.5
    assert found["ulaw"] == 1.0
    assert found["mp3"] is found["no wav"] is None


def test_a_cache_that_does_not_exist_is_empty(folder):
    for command in ("list", "info", "verify", "clear", "dir"):
        result = russo("cache", command, "--cache-dir", "nowhere")
        assert result.code == 0, result.err
    assert russo("cache", "list", "--json").json["entries"] == []
    assert not (folder / "nowhere").exists()


def test_recordings_are_listed_with_their_layer(cache, kept):
    found = russo("cache", "list", "--json").json["entries"]
    assert {entry["prompt"]: entry["layer"] for entry in found} == {
        **dict.fromkeys(PROMPTS, "cache"),
        "Recorded prompt": "recordings",
    }
    assert russo("cache", "list").lines[0].split()[-1] == "in"


def test_an_entry_whose_metadata_is_damaged_is_listed_as_unknown(cache):
    (cache.directory / f"{numbered_key(1)}.meta").write_text("{")
    assert russo("cache", "list").lines[-1].startswith("(unknown)")
    assert prompts("--sort", "seconds").count(None) == 1


def test_hostile_prompts_are_safe(folder):
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


def test_a_file_gets_plain_text_and_whole_lines(folder, monkeypatch):
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    store_prompts(folder / ".russo_cache", "word " * 15 + "end", "long " * 10_000)
    out, _ = start("cache", "list", env={"COLUMNS": "20"}).communicate(timeout=60)
    lines = out.decode().splitlines()
    assert any(line.startswith("word " * 15 + "end") for line in lines)
    assert len(lines) == 3
    assert max(map(len, lines)) < 200
    assert b"\x1b" not in out


@pytest.mark.parametrize("columns", [80, 200, 40])
def test_a_terminal_gets_one_line_per_entry_and_none_too_long(folder, columns):
    store_prompts(folder / ".russo_cache", "word " * 60, "日本語" * 60, "short")
    shown = on_terminal("cache", "list", columns=columns)
    lines = shown.splitlines()
    assert lines[0].startswith("cache: ")
    table = lines[-5:]
    assert table[0].split() == ["prompt", "backend", "voice", "seconds", "size", "age"] or columns == 40
    assert set(table[1].strip()) <= {"─"}
    assert max(map(len, table)) <= columns
    assert sum("…" in line for line in table[2:]) >= 2


def test_a_terminal_without_unicode_gets_none(folder, cache):
    shown = on_terminal("cache", "list", env={"PYTHONIOENCODING": "ascii", "TERM": "dumb"})
    assert shown.isascii()
    assert "Book a flight" in shown


def test_no_color_means_none(cache):
    assert "\x1b[" in on_terminal("cache", "list", env={"TERM": "xterm"})
    assert "\x1b[3" not in on_terminal("cache", "list", env={"TERM": "xterm", "NO_COLOR": "1"})
    assert "\x1b" not in on_terminal("cache", "list", env={"TERM": "dumb"})


def test_a_closed_pipe_is_quiet(folder):
    store_prompts(folder / ".russo_cache", *(f"prompt {number} " * 20 for number in range(400)))
    script = f"set -o pipefail; {sys.executable} -m russo cache list --cache-dir .russo_cache | head -1"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 1)
    assert done.stderr.splitlines() == [f"cache: {folder / '.russo_cache'} (command line)"]


def test_info_counts_by_backend_and_layer(folder, cache, kept):
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


# -- show and export


@pytest.mark.parametrize("wanted", ["Turn on the light", numbered_key(2)])
def test_show_tells_all_the_metadata_and_draws_the_sound(cache, wanted):
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


def test_show_takes_the_beginning_of_a_key_and_a_prompt_of_many_voices(folder):
    store_prompts(folder / ".russo_cache", "hello")
    store_prompts(folder / ".russo_cache", "hello", voice="bert", first=2)
    assert len(russo("cache", "show", "hello", "--json").json["entries"]) == 2
    assert len(russo("cache", "show", numbered_key(1)[:-1], "--json").json["entries"]) == 2
    assert russo("cache", "show", "000").code == 1


def test_show_of_nothing_says_how_to_search(cache):
    result = russo("cache", "show", "no such \x1b prompt")
    assert result.code == 1
    assert "no entry has the key or the prompt 'no such \\x1b prompt'" in result.err
    assert "russo cache list --grep PATTERN searches" in result.err


def test_show_says_that_an_entry_is_damaged(cache):
    damage_audio(cache, 1)
    assert russo("cache", "show", "Book a flight").lines[-1] == (
        "damaged, and counts as a miss: its audio fails its checksum"
    )


def test_show_says_why_there_is_no_waveform(folder):
    AudioCache(folder / ".russo_cache").put(numbered_key(1), Audio(b"\xff\xfb", "mp3"), prompt="hi")
    assert russo("cache", "show", "hi").lines[-1].startswith("no waveform: mp3 is a compressed format")


def test_the_waveform_is_loud_where_the_sound_is():
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
def test_names_of_exported_files_are_harmless(prompt, name):
    from russo._cli.cache_views import slug

    assert slug(prompt, numbered_key(1)) == name


def test_names_of_exported_files_fit_every_file_system():
    from russo._cli.cache_views import slug

    for prompt in ("word " * 1000, "日本語" * 1000, "𒀀" * 1000):
        assert 9 < len(slug(prompt, numbered_key(1)).encode()) <= 200


def test_prompts_of_one_name_do_not_overwrite_each_other(folder):
    cache = AudioCache(folder / ".russo_cache")
    for number, prompt in enumerate(("Hello!", "hello"), 1):
        cache.put(f"{number:x}" * 64, sound(prompt), prompt=prompt)
    russo("cache", "export", "out")
    assert len(list((folder / "out").iterdir())) == 2


def test_export_leaves_out_what_is_damaged_and_fails(folder, cache):
    damage_audio(cache, 1)
    result = russo("cache", "export", "out", "--grep", "book")
    assert result.code == 1
    assert len(list((folder / "out").iterdir())) == 1
    assert "'Book a flight' is not exported: its audio fails its checksum" in result.err


def test_export_to_a_file_is_wrong_usage(folder, cache):
    (folder / "out").touch()
    assert russo("cache", "export", "out").code == 2


# -- verify


def test_verify_of_whole_entries_exits_with_0(cache):
    result = russo("cache", "verify")
    assert (result.code, result.out) == (0, "3 entries are whole, 0 not\n")


def test_verify_finds_every_kind_of_damage(cache):
    damage_audio(cache, 1)
    (cache.directory / f"{numbered_key(2)}.audio").unlink()
    (cache.directory / f"{numbered_key(3)}.meta").unlink()
    result = russo("cache", "verify", "--json")
    assert result.code == 1
    assert result.json["checked"] == 3
    assert {each["key"]: each["reason"] for each in result.json["damaged"]} == {
        numbered_key(1): "its audio fails its checksum",
        numbered_key(2): "its audio file is missing",
        numbered_key(3): "its metadata is missing",
    }
    assert "its audio fails its checksum" in russo("cache", "verify").out


def test_repair_removes_the_damaged_and_nothing_else(cache):
    damage_audio(cache, 1)
    (cache.directory / f"{numbered_key(2)}.audio").unlink()
    (cache.directory / "notes.txt").write_text("mine")
    assert russo("cache", "verify", "--repair", "--dry-run").code == 1
    refused = russo("cache", "verify", "--repair")
    assert refused.code == 2
    assert "add --yes to remove" in refused.err
    assert numbered_key(1) in keys(cache)
    assert russo("cache", "verify", "--repair", "--yes").code == 0
    assert sorted(files(cache)) == [
        ".gitattributes",
        ".gitignore",
        f"{numbered_key(3)}.audio",
        f"{numbered_key(3)}.meta",
        "notes.txt",
    ]
    assert russo("cache", "verify").code == 0


def test_repair_leaves_entries_of_a_newer_russo(cache):
    path = cache.directory / f"{numbered_key(1)}.meta"
    path.write_text(json.dumps({**json.loads(path.read_text()), "russo_cache": 99}))
    result = russo("cache", "verify", "--repair", "--yes", "--json")
    assert result.code == 1
    assert result.json["damaged"][0]["removed"] is False
    assert path.exists()


def test_damaged_recordings_are_told_and_stay(cache, kept):
    damage_audio(kept, 8)
    before = files(kept)
    result = russo("cache", "verify", "--repair", "--yes", "--json")
    assert (result.code, result.json["damaged"][0]["layer"]) == (1, "recordings")
    assert files(kept) == before


# -- prune and clear


@pytest.fixture
def aged(cache):
    """Entries stored 3, 2 and 1 days ago."""
    now = time.time()
    for number in (1, 2, 3):
        set_age(cache, number, (4 - number) * 86400 + 60, now)
    return cache


@pytest.mark.parametrize(
    ("age", "left"), [("36h", [3]), ("2d", [3]), ("3d", [2, 3]), ("1w", [1, 2, 3]), ("1min", [])]
)
def test_prune_removes_what_is_older(aged, age, left):
    assert russo("cache", "prune", "--older-than", age, "--yes").code == 0
    assert keys(aged) == [numbered_key(number) for number in left]


def test_prune_removes_the_oldest_until_the_rest_is_small_enough(aged):
    sizes = [entry["bytes"] for entry in russo("cache", "list", "--sort", "age", "--json").json["entries"]]
    assert russo("cache", "prune", "--max-size", str(sum(sizes)), "--yes").code == 0
    assert len(keys(aged)) == 3
    assert russo("cache", "prune", "--max-size", str(sum(sizes) - 1), "--yes").code == 0
    assert keys(aged) == [numbered_key(2), numbered_key(3)]
    assert russo("cache", "prune", "--max-size", f"{sizes[0]}B", "--yes").code == 0
    assert keys(aged) == [numbered_key(3)]


def test_prune_shows_what_would_go_and_removes_nothing(aged):
    before = files(aged)
    result = russo("cache", "prune", "--older-than", "2d", "--dry-run")
    assert result.code == 0
    assert result.lines[-1].startswith("2 entries (")
    assert result.lines[-1].endswith(" would be removed")
    assert [line[:13] for line in result.lines[1:3]] == ["Book a flight", "Turn on the l"]
    assert files(aged) == before
    assert russo("cache", "prune", "--older-than", "2d", "--dry-run", "--json").json["removed"] == 0


@pytest.mark.parametrize("marker", ["folder", "file"])
def test_prune_refuses_inside_a_git_work_tree_unless_forced(folder, aged, marker):
    if marker == "folder":
        (folder / ".git").mkdir()
    else:
        (folder / ".git").write_text("gitdir: elsewhere\n")
    for option in (["--older-than", "1min"], ["--max-size", "0"]):
        result = russo("cache", "prune", *option, "--yes")
        assert result.code == 2
        assert f"is inside the git work tree {folder}" in result.err
    assert len(keys(aged)) == 3
    assert russo("cache", "prune", "--older-than", "1min", "--yes", "--force").code == 0
    assert keys(aged) == []


@pytest.mark.parametrize(
    "arguments", [[], ["--older-than", "soon"], ["--older-than", "-1d"], ["--max-size", "5 apples"]]
)
def test_prune_without_a_sensible_limit_is_wrong_usage(aged, arguments):
    assert russo("cache", "prune", *arguments, "--yes").code == 2
    assert len(keys(aged)) == 3


@pytest.mark.parametrize("command", [["clear"], ["prune", "--older-than", "1min"]])
def test_without_a_terminal_nothing_goes_unless_yes_is_said(aged, command):
    result = russo("cache", *command)
    assert result.code == 2
    assert "there is no terminal to ask on, so nothing was removed" in result.err
    assert len(keys(aged)) == 3
    result = russo("cache", *command, "--yes", "--json")
    assert (result.code, result.json["removed"], len(result.json["entries"])) == (0, 3, 3)
    assert keys(aged) == []


@pytest.mark.parametrize(
    ("answer", "code", "left"), [("y\n", 0, 0), ("n\n", 1, 3), ("\n", 1, 3), ("\3", 130, 3)]
)
def test_on_a_terminal_it_asks(cache, answer, code, left):
    shown = on_terminal("cache", "clear", answer=answer, code=code)
    assert "Remove 3 entries (" in shown
    assert len(keys(cache)) == left


def test_clear_leaves_recordings_and_files_of_others(cache, kept):
    (cache.directory / "notes.txt").write_text("mine")
    before = files(kept)
    assert russo("cache", "clear", "--yes").code == 0
    assert (keys(cache), files(kept)) == ([], before)
    assert (cache.directory / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("command", [["clear"], ["prune", "--older-than", "1s"], ["verify", "--repair"]])
@pytest.mark.parametrize("path", ["kept", "link"])
def test_nothing_is_removed_where_the_cache_is_the_recordings(folder, kept, command, path):
    (folder / "link").symlink_to("kept")
    damage_audio(kept, 8)
    set_age(kept, 8, 1000, time.time())
    before = files(kept)
    result = russo("cache", *command, "--cache-dir", path, "--yes")
    assert result.code == 2
    assert "holds the recordings" in result.err
    assert files(kept) == before


def test_clear_of_nothing_asks_nothing():
    result = russo("cache", "clear")
    assert (result.code, result.out) == (0, "0 entries removed (0 B)\n")


def test_long_lists_of_what_goes_are_cut(folder):
    store_prompts(folder / ".russo_cache", *(f"prompt {number}" for number in range(25)))
    lines = russo("cache", "clear", "--dry-run").lines
    assert len(lines) == 1 + 20 + 2
    assert lines[-2] == "and 5 more"


# -- promote


def test_promote_copies_what_is_not_recorded_yet(cache, kept):
    before = files(kept)
    result = russo("cache", "promote", "--grep", "book")
    assert (result.code, result.lines[-1]) == (0, "2 entries copied to the recordings")
    assert keys(kept) == [numbered_key(1), numbered_key(3), numbered_key(8)]
    assert {**files(kept), **before} == files(kept)
    for number in (1, 3):
        for suffix in (".audio", ".meta"):
            name = f"{numbered_key(number)}{suffix}"
            assert (kept.directory / name).read_bytes() == (cache.directory / name).read_bytes()
    assert russo("cache", "promote", "--grep", "book").lines[-1] == "0 entries copied to the recordings"
    assert len(keys(cache)) == 3


def test_promote_heals_a_damaged_recording_and_keeps_a_whole_one(folder, cache, kept):
    kept.put(
        numbered_key(1),
        sound("of the team"),
        prompt="Book a flight",
        fields={"own": SPEAKER_FIELDS, "given": None},
    )
    kept.put(numbered_key(2), sound("Turn on the light"), prompt="Turn on the light")
    damage_audio(kept, 2)
    assert russo("cache", "promote", "--json").json["copied"] == 2
    assert kept.get(numbered_key(1)) == sound("of the team")
    assert kept.get(numbered_key(2)) == sound("Turn on the light")


def test_promote_can_be_tried(cache, kept):
    before = files(kept)
    result = russo("cache", "promote", "--dry-run")
    assert (result.code, result.lines[-1]) == (0, "3 entries would be copied")
    assert files(kept) == before


def test_promote_makes_the_recordings_directory(folder, cache):
    assert russo("cache", "promote", "--recordings-dir", "new/kept").code == 0
    assert AudioCache(folder / "new" / "kept").size() == 3


def test_promote_without_recordings_is_wrong_usage(folder, cache):
    result = russo("cache", "promote")
    assert result.code == 2
    assert "give --recordings-dir DIR, or set russo_recordings_dir" in result.err
    assert russo("cache", "promote", "--recordings-dir", ".russo_cache").code == 2


def test_promote_fails_where_an_entry_is_damaged(cache, kept):
    damage_audio(cache, 1)
    result = russo("cache", "promote")
    assert (result.code, result.lines[-1]) == (1, "2 entries copied to the recordings")
    assert "1 entry could not be copied" in result.err


# -- the group


@pytest.mark.parametrize("arguments", [["nonsense"], ["cache", "nonsense"], ["cache", "list", "--nonsense"]])
def test_unknown_words_are_wrong_usage(arguments):
    result = russo(*arguments)
    assert (result.code, result.out) == (2, "")
    assert "No such" in result.err


def test_every_command_has_help():
    for command in ([], ["say"], ["record"], ["backends"], ["cache"], ["cache", "prune"], ["cache", "show"]):
        result = russo(*command, "--help")
        assert result.code == 0
        assert result.out.startswith("Usage: russo")


def interrupt(process):
    """Press Ctrl-C, and again: what comes between the question and the wait for its answer wakes nobody."""
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=1)


def on_terminal(*arguments, columns=80, answer=None, code=0, env=None):
    """Run the command on a pseudo-terminal, type the answer where it asks, and return what it shows."""
    primary, secondary = pty.openpty()
    environment = {"COLUMNS": str(columns), "TERM": "dumb", **(env or {})}
    process = start(*arguments, env=environment, stdin=secondary, stdout=secondary, stderr=secondary)
    os.close(secondary)
    shown = b""
    patience = threading.Timer(60, process.kill)  # a command that waits for ever fails, and hangs nobody
    patience.start()
    try:
        while piece := os.read(primary, 4096):
            shown += piece
            if answer is not None and b"[y/N]" in shown:
                if answer == "\3":  # what the terminal makes of Ctrl-C
                    threading.Thread(target=interrupt, args=(process,)).start()
                else:
                    os.write(primary, answer.encode())
                answer = None
    except OSError:  # Linux: the other end is closed
        pass
    os.close(primary)
    assert process.wait(timeout=30) == code
    patience.cancel()
    return shown.decode().replace("\r\n", "\n")
