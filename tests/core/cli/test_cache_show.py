import re

import pytest

from russo import Audio, AudioCache
from support.command import damage_audio, numbered_key, russo, store_prompts
from support.forged import forge
from support.speakers import sound
from support.terminal import run_on_terminal

KEY = "ab" * 32


@pytest.mark.parametrize("wanted", ["Turn on the light", numbered_key(2)])
def test_show_prints_a_table_and_a_waveform(cache, wanted):
    result = russo("cache", "show", wanted)
    rows = dict(re.split(r" {2,}", line, maxsplit=1) for line in result.lines[:12])
    assert re.fullmatch(r"[\d.]+ kB on disk", rows.pop("size"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \((now|\d+ s) ago\)", rows.pop("stored"))
    assert rows == {
        "prompt": "Turn on the light",
        "key": numbered_key(2),
        "backend": "speaker",
        "voice": "anna",
        "format": "wav",
        "sample rate": "24,000 Hz",
        "channels": "1 (mono)",
        "seconds": f"{sound('Turn on the light').duration:.1f}",
        "in": str(cache.directory),
        "replayed": "yes",
    }
    assert any("█" in line for line in result.lines)
    assert russo("cache", "show", wanted, "--json").json["entries"][0]["meta"] == cache.describe(
        numbered_key(2)
    )


def show_settings(folder, fields):
    """Store an entry with these fields; return the rows that `show` prints."""
    AudioCache(folder / ".russo_cache").put(KEY, sound("x"), prompt="x", fields=fields)
    lines = russo("cache", "show", KEY).lines
    return dict(
        re.split(r" {2,}", line, maxsplit=1)
        for line in lines[: lines.index("") if "" in lines else 20]
        if "  " in line
    )


def test_settings_have_plain_names(folder):
    inner = {
        "own": {"backend": "a", "voice": "v", "speed": 1.0, "deep": {"b": [1, "x"]}, "off": None},
        "given": {"on": True},
    }
    rows = show_settings(
        folder, {"own": inner, "given": {"speed": 1.5, "empty": {}, "text": "", "format": "f"}}
    )
    settings = {
        "backend": "a",
        "voice": "v",
        "speed": "1.5",
        "deep.b": "[1, 'x']",
        "off": "not set",
        "on": "true",
    }
    settings |= {"empty": "{}", "text": '""', "format (setting)": "f"}
    assert {name: rows.get(name) for name in settings} == settings
    assert rows["format"] == "wav"


@pytest.mark.parametrize(
    "fields", [{"voice": "v", "own": 3}, {"own": {"voice": "v"}, "own2": 1, "given": [1]}]
)
def test_fields_without_wrappers_are_shown(folder, fields):
    rows = show_settings(folder, fields)
    assert rows["voice"] == "v"
    assert ("own" in rows) != ("own2" in rows)


def test_facts_about_the_sound_come_from_the_audio(folder):
    forge(folder / ".russo_cache", KEY, sound("x"), sample_rate=8000, channels=2)
    lines = russo("cache", "show", KEY).lines
    assert any(line.split() == ["sample", "rate", "24,000", "Hz"] for line in lines)
    AudioCache(folder / ".russo_cache").put(KEY, Audio(b"\xff\xfb" * 9, "mp3"), prompt="x")
    out = russo("cache", "show", KEY).out
    assert "sample rate" not in out
    assert re.search(r"^format +mp3$", out, re.MULTILINE)
    assert re.search(r"^seconds +\?$", out, re.MULTILINE)
    AudioCache(folder / ".russo_cache").put(KEY, Audio(bytes(8000), "ulaw", 8000, 2), prompt="x")
    assert re.search(
        r"^sample rate +8,000 Hz\nchannels +2 \(stereo\)\n", russo("cache", "show", KEY).out, re.MULTILINE
    )


def test_show_on_a_terminal_wraps_a_long_prompt_and_fits(folder):
    prompt = "word " * 40 + "end"
    store_prompts(folder / ".russo_cache", prompt)
    lines = run_on_terminal("cache", "show", numbered_key(1)).splitlines()[1:]
    assert max(map(len, lines)) <= 80
    assert sum("word word" in line for line in lines) >= 3
    assert any(line.rstrip().endswith("end") for line in lines)


def test_show_accepts_a_key_prefix_and_a_prompt_in_several_voices(folder):
    store_prompts(folder / ".russo_cache", "hello")
    store_prompts(folder / ".russo_cache", "hello", voice="bert", first=2)
    assert len(russo("cache", "show", "hello", "--json").json["entries"]) == 2
    assert russo("cache", "show", "hello").out.count("\n\nprompt ") == 1
    assert len(russo("cache", "show", numbered_key(1)[:-1], "--json").json["entries"]) == 2
    assert russo("cache", "show", "000").code == 1


def test_show_of_an_unknown_prompt_advises_to_search(cache):
    result = russo("cache", "show", "no such \x1b prompt")
    assert result.code == 1
    assert "no entry has the key or the prompt 'no such \\x1b prompt'" in result.err
    assert "russo cache list --grep PATTERN searches" in result.err


def test_show_reports_a_damaged_entry(cache):
    damage_audio(cache, 1)
    lines = russo("cache", "show", "Book a flight").lines
    assert lines[-1] == "damaged, and counts as a miss: its audio fails its checksum"
    assert lines[-2].split() == ["replayed", "no"]


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
