import os
import stat
import sys

import pytest

from russo import Audio, AudioCache
from support.command import damage_audio, numbered_key, russo, start, store_prompts
from support.forged import HOSTILE, forge
from support.speakers import sound

ONE, TWO = "1a" * 32, "1b" * 32


@pytest.fixture(autouse=True)
def player(folder, tmp_path, monkeypatch):
    """Remove the players of the system; return a function that installs one, which copies what it plays."""
    bin = tmp_path / "bin"
    bin.mkdir()
    monkeypatch.setenv("PATH", str(bin))

    def install(script="open('played', 'ab').write(open(sys.argv[-1], 'rb').read())"):
        path = bin / "play"
        path.write_text(f"#!{sys.executable}\nimport sys\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    return install


@pytest.fixture
def takes(folder):
    """The project's cache with two takes of "hello"."""
    cache = AudioCache(folder / ".russo_cache")
    for number, (key, speed) in enumerate(((TWO, 1.0), (ONE, 1.3))):
        fields = {"own": {"backend": "a", "voice": "v", "speed": speed, "seed": 0}, "given": None}
        assert cache.put(key, sound("hello", f"{speed}"), prompt="hello", fields=fields)
        for suffix in (".meta", ".audio"):
            os.utime(cache.directory / f"{key}{suffix}", (10**9 + number, 10**9 + number))
    return cache


def test_play_plays_the_stored_audio(folder, cache, player):
    player()
    result = russo("cache", "play", "Book a flight")
    assert (result.code, result.lines) == (
        0,
        ["'Book a flight': backend speaker, voice anna, 0.2 s, key 00000000"],
    )
    assert (folder / "played").read_bytes() == sound("Book a flight").data


def test_several_takes_are_played_one_after_the_other(folder, takes, player):
    player()
    result = russo("cache", "play", "hello")
    assert result.lines == [
        "1 of 2: speed 1.0, 0.1 s, key 1b1b1b1b",
        "2 of 2: speed 1.3, 0.1 s, key 1a1a1a1a",
    ]
    assert (folder / "played").read_bytes() == sound("hello", "1.0").data + sound("hello", "1.3").data


def test_a_key_chooses_one_take(folder, takes, player):
    player()
    assert russo("cache", "play", ONE[:8]).lines == ["'hello': backend a, voice v, 0.1 s, key 1a1a1a1a"]
    assert (folder / "played").read_bytes() == sound("hello", "1.3").data


def test_without_a_player_a_file_is_written(folder, takes):
    result = russo("cache", "play", "hello")
    assert result.code == 0
    why = "no audio player is installed (looked for aplay, paplay, afplay, ffplay, play)"
    assert result.lines[1] == f"{why}; written to hello-1b1b1b1b.wav"
    assert result.lines[3] == f"{why}; written to hello-1a1a1a1a.wav"
    assert (folder / "hello-1a1a1a1a.wav").read_bytes() == sound("hello", "1.3").data
    assert russo("cache", "play", ONE).lines[1] == f"{why}; the audio is already in hello-1a1a1a1a.wav"


@pytest.mark.parametrize(
    ("audio", "name"),
    [
        (Audio(b"\xff\xfb" * 100, "mp3"), "hi-1a1a1a1a.mp3"),
        (Audio(bytes(800), "ulaw", 8000), "hi-1a1a1a1a.wav"),
    ],
)
def test_file_has_the_ending_of_its_format(folder, audio, name):
    AudioCache(folder / ".russo_cache").put(ONE, audio, prompt="hi")
    assert russo("cache", "play", "hi").lines[1].endswith(f"; written to {name}")
    assert (folder / name).is_file()


def test_failing_player_leads_to_a_file(folder, takes, player):
    player("sys.exit('no sound card')")
    result = russo("cache", "play", ONE)
    assert (result.code, result.lines[1]) == (
        0,
        "play could not play it: no sound card; written to hello-1a1a1a1a.wav",
    )


def test_play_writes_the_file_that_is_named(folder, takes, player):
    player()
    result = russo("cache", "play", ONE, "-o", "a/out.wav")
    assert (result.code, result.lines[1:]) == (0, ["written to a/out.wav"])
    assert (folder / "a" / "out.wav").read_bytes() == sound("hello", "1.3").data
    assert not (folder / "played").exists()
    (folder / "link.wav").symlink_to("pytest.ini")
    assert russo("cache", "play", TWO, "-o", "a/out.wav").lines[1] == (
        "written to a/out.wav (an existing file was replaced)"
    )
    assert (
        russo("cache", "play", TWO, "-o", "link.wav").lines[1] == "written to link.wav (a link was replaced)"
    )
    assert (folder / "a" / "out.wav").read_bytes() == (folder / "link.wav").read_bytes()
    assert (folder / "pytest.ini").read_text() == "[pytest]\n"


def test_play_writes_only_audio_to_standard_output(takes):
    process = start("cache", "play", ONE, "-o", "-")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, sound("hello", "1.3").data)
    assert "'hello': backend a, voice v, 0.1 s, key 1a1a1a1a\n" in err.decode()


def test_one_file_for_several_takes_is_refused(folder, takes):
    for arguments in (["-o", "out.wav"], ["-o", "-"], ["-o", "out.wav", "--json"]):
        result = russo("cache", "play", "hello", *arguments)
        assert (result.code, result.out) == (2, "")
        assert result.err.splitlines() == [
            "russo: 2 entries have this prompt; choose one for -o by its key:",
            "  1b1b1b1b  hello, speed 1.0",
            "  1a1a1a1a  hello, speed 1.3",
        ]
    assert not (folder / "out.wav").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([ONE, "-o", ""], 2, "-o names the directory .; name a file"),
        ([ONE, "-o", "-", "--json"], 2, "standard output cannot take both audio and JSON; name a file"),
        ([ONE, "-o", "out.mp3"], 2, "out.mp3"),
        ([ONE, "-o", "away/out.wav"], 2, "away is a link that leads out of"),
        (["nothing"], 1, "no entry has the key or the prompt 'nothing'"),
        (["1a1"], 1, "a key needs at least its first 4 characters"),
        ([], 2, "Missing argument"),
    ],
)
@pytest.mark.usefixtures("takes")
def test_an_error_of_play_is_one_line(folder, arguments, code, message):
    (folder / "away").symlink_to("..")
    result = russo("cache", "play", *arguments)
    assert (result.code, result.out) == (code, "")
    assert message in result.err.splitlines()[-1]
    assert not (folder.parent / "out.wav").exists()


def test_ambiguous_key_is_not_played(folder, cache, player):
    player()
    result = russo("cache", "play", "0000")
    assert result.code == 2
    assert "'0000' is ambiguous: the keys of 3 prompts begin with it" in result.err
    assert "Book a flight" in result.err
    assert not (folder / "played").exists()


def test_play_plays_what_a_test_replays(folder, cache, recordings, player):
    player()
    store_prompts(recordings.directory, "Book a flight", voice="bert")
    result = russo("cache", "play", "Book a flight")
    assert result.lines == ["'Book a flight': backend speaker, voice bert, 0.2 s, key 00000000"]
    assert (folder / "played").read_bytes() == sound("Book a flight", "bert").data


def test_play_uses_the_cache_if_the_recording_is_damaged(folder, cache, recordings, player):
    player()
    store_prompts(recordings.directory, "Book a flight", voice="bert")
    damage_audio(recordings, 1)
    result = russo("cache", "play", "Book a flight")
    assert result.lines == ["'Book a flight': backend speaker, voice anna, 0.2 s, key 00000000"]
    assert (folder / "played").read_bytes() == sound("Book a flight", "anna").data


def test_damaged_entry_is_not_played(folder, cache, player):
    player()
    damage_audio(cache, 1)
    result = russo("cache", "play", "Book a flight")
    assert (result.code, result.out) == (1, "")
    assert result.err.splitlines()[-1] == (
        "russo: 'Book a flight' (key 000000000000) cannot be played: its audio fails its checksum"
    )
    (cache.directory / f"{numbered_key(2)}.meta").unlink()
    assert "cannot be played: its metadata is missing" in russo("cache", "play", numbered_key(2)).err
    assert not (folder / "played").exists()


def test_damaged_take_does_not_stop_the_others(folder, takes, player):
    player()
    (takes.directory / f"{TWO}.audio").write_bytes(b"short")
    result = russo("cache", "play", "hello")
    assert result.code == 1
    assert (folder / "played").read_bytes() == sound("hello", "1.3").data


def test_raw_samples_declared_as_wav_are_an_error(folder, player):
    player()
    forge(folder / ".russo_cache", ONE, Audio(b"ab" * 900, "wav"))
    for arguments in ([], ["-o", "out.wav"]):
        result = russo("cache", "play", ONE, *arguments)
        assert (result.code, result.out) == (1, "")
        assert (
            "(key 1a1a1a1a1a1a) cannot be played: Audio of format 'wav' is not a WAV file"
            in result.err.splitlines()[-1]
        )
    assert not (folder / "out.wav").exists()


def test_play_with_json_plays_nothing(folder, takes, player):
    player()
    found = russo("cache", "play", "hello", "--json").json["entries"]
    assert [(each["key"], each["settings"]["speed"], each["format"]) for each in found] == [
        (TWO, 1.0, "wav"),
        (ONE, 1.3, "wav"),
    ]
    assert russo("cache", "play", ONE, "-o", "out.wav", "--json").json["entries"][0]["output"] == str(
        folder / "out.wav"
    )
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == ["out.wav", "pytest.ini"]
    damaged = takes.directory / f"{TWO}.audio"
    damaged.write_bytes(b"short")
    result = russo("cache", "play", TWO, "--json")
    assert (result.code, result.json["entries"][0]["problem"][:9]) == (1, "its audio")


def test_hostile_settings_are_escaped_before_they_are_shown(folder):
    cache = AudioCache(folder / ".russo_cache")
    for number in range(2):
        own = {"backend": HOSTILE, "voice": HOSTILE, HOSTILE: f"{number}{HOSTILE}", "n" * 9000: number}
        cache.put(f"{number}" * 64, sound("x"), prompt=HOSTILE, fields={"own": own, "given": None})
    for wanted in (HOSTILE, "0" * 8):
        result = russo("cache", "play", wanted)
        assert result.code == 0
        for line in [*result.lines, *result.err.splitlines()]:
            assert line.isprintable()
            assert len(line) < 400
    assert sorted(path.suffix for path in folder.iterdir() if path.is_file()) == [".ini", ".wav", ".wav"]
