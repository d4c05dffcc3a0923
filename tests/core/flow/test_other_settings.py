"""Prompts of a run that are stored with other settings, in one line."""

import os
import time

import pytest

from russo import Audio, AudioCache
from russo._flow import other_settings as module
from russo._flow.other_settings import differences, other_settings
from support.forged import HOSTILE

SOUND = Audio(b"xy" * 100, "pcm", 8000)


@pytest.fixture
def cache(tmp_path):
    return AudioCache(tmp_path / "cache")


def put(cache, number, prompt, **settings):
    key = f"{number:064x}"
    assert cache.put(key, SOUND, prompt=prompt, fields={"own": settings, "given": None})
    return key


def line_of(cache, keys, used=None, layers=None):
    """Return the line of a run that added these keys to a cache, and used them."""
    paths = [str(cache.directory / key) for key in keys]
    known = {} if layers is None else {str(cache.directory): layers}
    return other_settings(paths, known, {*keys, *(used or ())})


def test_one_changed_setting_is_named_with_both_values(cache):
    for number, prompt in enumerate(["One", "Two", "Three"]):
        put(cache, number, prompt, speed=1.0, voice="a")
    new = [
        put(cache, 10 + n, prompt, speed=1.3, voice="a") for n, prompt in enumerate(["One", "Two", "Three"])
    ]
    assert line_of(cache, new) == "3 prompts are stored with other settings (speed is 1.0, wanted 1.3)"
    assert line_of(cache, new[:1]) == "1 prompt is stored with other settings (speed is 1.0, wanted 1.3)"


def test_a_prompt_that_is_stored_with_no_other_settings_has_no_line(cache):
    put(cache, 1, "Other prompt", speed=1.0)
    new = [put(cache, 2, "One", speed=1.3)]
    assert line_of(cache, new) is None
    assert line_of(cache, []) is None


def test_an_entry_with_equal_settings_and_another_key_has_no_line(cache):
    put(cache, 1, "One", speed=1.3)
    assert line_of(cache, [put(cache, 2, "One", speed=1.3)]) is None


def test_entries_that_the_run_used_do_not_count(cache):
    used = put(cache, 1, "One", voice="b")
    new = [put(cache, 2, "One", voice="a"), put(cache, 3, "One", voice="c")]
    assert line_of(cache, new, used=[used]) is None


def test_the_entry_with_the_fewest_differences_is_compared_or_the_latest_of_two(cache):
    put(cache, 1, "One", voice="b", speed=1.0)
    put(cache, 2, "One", voice="a", speed=1.0)
    late = put(cache, 3, "One", voice="a", speed=1.1)
    os.utime(cache.directory / f"{late}.meta", (time.time() + 60,) * 2)
    new = [put(cache, 4, "One", voice="a", speed=1.3)]
    assert line_of(cache, new) == "1 prompt is stored with other settings (speed is 1.1, wanted 1.3)"


def test_three_settings_are_named_and_the_others_counted(cache):
    put(cache, 1, "One", a=1, b=1, c=1, d=1, e=1)
    line = line_of(cache, [put(cache, 2, "One", a=2, b=2, c=2, d=2, e=2)])
    shown = "a is 1, wanted 2, b is 1, wanted 2, c is 1, wanted 2, and 2 more"
    assert line == f"1 prompt is stored with other settings ({shown})"


def test_only_the_name_of_another_backend_is_shown(cache):
    put(cache, 1, "One", backend="acme", speed=1.0, voice="a")
    put(cache, 2, "One", backend="acme", speed=1.0, voice="a", more=1)
    new = [put(cache, 3, "One", backend="bell", pitch=1, a=2)]
    assert line_of(cache, new) == "1 prompt is stored with other settings (backend is 'acme', wanted 'bell')"


def test_two_groups_are_named_the_most_frequent_first(cache):
    new = []
    for number, voice in enumerate(["a", "b", "b", "c"]):
        put(cache, number, f"Prompt {number}", voice=voice)
        new.append(put(cache, 10 + number, f"Prompt {number}", voice="new"))
    a, b = ("voice is 'a', wanted 'new'", "voice is 'b', wanted 'new'")
    assert line_of(cache, new[:3]) == f"3 prompts are stored with other settings ({b}; {a})"
    assert line_of(cache, new) == f"4 prompts are stored with other settings ({b}; {a}; and other settings)"


def test_a_prompt_with_two_new_entries_is_one_prompt(cache):
    put(cache, 1, "One", voice="a", speed=1.0)
    new = [put(cache, 2, "One", voice="a", speed=1.3), put(cache, 3, "One", voice="b", speed=1.0)]
    assert line_of(cache, new).startswith("1 prompt is stored with other settings (")


def test_recordings_are_read_too(cache, tmp_path):
    recordings = AudioCache(tmp_path / "recordings")
    put(recordings, 1, "One", speed=1.0)
    new = [put(cache, 2, "One", speed=1.3)]
    layers = [AudioCache(recordings.directory, read_only=True), cache]
    assert line_of(cache, new, layers=layers) == (
        "1 prompt is stored with other settings (speed is 1.0, wanted 1.3)"
    )
    assert line_of(cache, new) is None


def test_damaged_entries_and_halves_and_missing_directories_do_not_count(cache, tmp_path):
    damaged, half = put(cache, 1, "One", speed=1.0), put(cache, 2, "One", speed=1.1)
    (cache.directory / f"{damaged}.meta").write_text("{")
    (cache.directory / f"{half}.audio").unlink()
    new = [put(cache, 3, "One", speed=1.3)]
    assert line_of(cache, new, layers=[AudioCache(tmp_path / "nowhere"), cache]) is None
    (cache.directory / f"{new[0]}.meta").unlink()
    put(cache, 4, "One", speed=1.0)
    assert line_of(cache, new) is None


def test_hostile_settings_are_escaped_and_bounded(cache):
    put(cache, 1, "One", **{HOSTILE * 100: HOSTILE * 100, "x": {HOSTILE: {"deep": [HOSTILE] * 100}}})
    line = line_of(cache, [put(cache, 2, "One", x=10**400)])
    assert line.isprintable()
    assert len(line) < 1000


@pytest.mark.parametrize("expired", ["reading", "comparing"])
def test_a_search_that_is_cut_off_says_at_least(cache, monkeypatch, expired):
    new = []
    for number in range(10):
        put(cache, number, f"Prompt {number}", speed=1.0)
        new.append(put(cache, 100 + number, f"Prompt {number}", speed=1.3))
    # Ten new entries are read, then stored ones; each look at the clock takes so much of the time.
    step = {"reading": 0.4 / 15, "comparing": 0.4 / 20.5}[expired]
    seconds = iter(range(10**6))
    monkeypatch.setattr(module, "monotonic", lambda: next(seconds) * step)
    line = line_of(cache, new)
    assert line.startswith("at least ")
    assert 0 < int(line.split()[2]) < 10


def test_no_time_at_all_gives_no_line(cache, monkeypatch):
    put(cache, 1, "One", speed=1.0)
    new = [put(cache, 2, "One", speed=1.3)]
    seconds = iter(range(10**6))
    monkeypatch.setattr(module, "monotonic", lambda: next(seconds))
    assert line_of(cache, new) is None


def test_differences_are_counted_beyond_those_that_are_named():
    found = differences({"own": {"a": 1, "b": 2}}, {"own": {"a": 2, "b": "x"}}, 1)
    assert (found.number, found.text) == (2, "a is 1, wanted 2, and 1 more")
    assert differences({"own": {"a": 1}}, {"own": {"a": 1}}, 3).number == 0
