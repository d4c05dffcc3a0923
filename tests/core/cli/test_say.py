import os
import re
import stat
import sys

import pytest

from russo import Audio, AudioCache, cache_key
from support.command import SPEAKER, enter_project, russo
from support.forged import forge
from support.speakers import sound


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return enter_project(tmp_path, monkeypatch, f"[pytest]\nrusso_synth = {SPEAKER}\n")


def install_player(tmp_path, name, script):
    path = tmp_path / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!{sys.executable}\nimport shutil, sys\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_say_writes_a_playable_file_and_reports_hit_or_miss(folder):
    first = russo("say", "Book a flight", "-o", "out.wav")
    assert (first.code, first.lines) == (
        0,
        ["miss: 0.2 s of speech, 1 backend call (13 characters), stored", "written to out.wav"],
    )
    assert (folder / "out.wav").read_bytes() == sound("Book a flight").data
    (folder / "out.wav").unlink()
    second = russo("say", "Book a flight", "-o", "out.wav")
    assert second.lines == ["hit: 0.2 s of speech, no backend call", "written to out.wav"]
    assert (folder / "out.wav").read_bytes() == sound("Book a flight").data


def test_a_length_that_is_not_known_is_not_a_number(folder):
    (folder / "packed.py").write_text(
        "from russo import Audio\n"
        "class Voice:\n    cache_key_extra = {}\n"
        "    async def synthesize(self, text): return Audio(b'\\xff\\xfb' * 100, 'mp3')\n"
    )
    arguments = ("say", "hi", "--synth", "packed:Voice", "-o", "out.mp3")
    assert (
        russo(*arguments).lines[0] == "miss: speech of unknown length, 1 backend call (2 characters), stored"
    )
    assert russo(*arguments).lines[0] == "hit: speech of unknown length, no backend call"


def test_standard_error_names_backend_and_cache(folder):
    assert russo("say", "hi").err.splitlines()[:2] == [
        f"backend: {SPEAKER} (pytest.ini, russo_synth)",
        f"cache: {folder / '.russo_cache'} (default, in the rootdir {folder})",
    ]


def test_option_changes_the_voice_and_the_entry(folder):
    assert russo("say", "hi", "-o", "a.wav").code == 0
    assert (
        russo("say", "hi", "--synth-option", "custom.voice=bert", "-o", "b.wav").lines[0].startswith("miss")
    )
    assert (folder / "b.wav").read_bytes() == sound("hi", "bert").data
    assert AudioCache(folder / ".russo_cache").size() == 2


@pytest.mark.parametrize(
    ("data", "prompt"),
    [
        (b"hi there\n", "hi there"),
        (b"hi there\r\n", "hi there"),
        (b" two\nlines\n\n", " two\nlines\n"),
        ("\ufeffzażółć".encode(), "zażółć"),
    ],
)
def test_dash_reads_standard_input_unchanged(data, prompt):
    assert russo("say", "-", "--json", stdin=data).json["prompt"] == prompt


@pytest.mark.parametrize(
    ("arguments", "prompt"),
    [
        (["hello", "world"], "hello world"),
        (["--json", "hello", "--synth", SPEAKER, "world"], "hello world"),
        (["hello  world "], "hello  world "),
        (["hello ", "world"], "hello  world"),
        (["hello", "-"], "hello -"),
        (["--", "--json", "-5"], "--json -5"),
        (["hello", "--", "-o", "x"], "hello -o x"),
    ],
)
def test_words_are_joined_by_one_space_and_one_text_is_unchanged(arguments, prompt):
    options = ("--json",) if arguments[0] != "--json" else ()
    assert russo("say", *options, *arguments).json["prompt"] == prompt


def test_standard_input_that_is_not_utf8_is_wrong_usage():
    assert (
        russo("say", "-", stdin=b"ab\xff").err
        == "russo: standard input is not UTF-8: invalid start byte at byte 2\n"
    )


def test_say_without_a_player_writes_a_new_file_with_the_right_ending(folder):
    result = russo("say", "Book a flight")
    assert result.code == 0
    problem, _, name = result.lines[1].partition("; written to ")
    assert problem == "no audio player is installed (looked for aplay, paplay, afplay, ffplay, play)"
    assert re.fullmatch(r"book-a-flight-[0-9a-f]{8}\.wav", name)
    assert (folder / name).read_bytes() == sound("Book a flight").data
    assert russo("say", "Book a flight").lines[1] == f"{problem}; the audio is already in {name}"


def test_player_gets_a_playable_file(folder, tmp_path):
    install_player(tmp_path, "play", "shutil.copy(sys.argv[-1], 'played.wav')")
    result = russo("say", "hi")
    assert result.lines == ["miss: 0.1 s of speech, 1 backend call (2 characters), stored"]
    assert (folder / "played.wav").read_bytes() == sound("hi").data


def test_failing_player_is_reported_and_a_file_is_written(folder, tmp_path):
    install_player(tmp_path, "aplay", "sys.exit('no sound card')")
    result = russo("say", "hi")
    assert result.code == 0
    problem, _, name = result.lines[1].partition("; written to ")
    assert problem == "aplay could not play it: no sound card"
    assert (folder / name).read_bytes() == sound("hi").data


def test_say_plays_nothing_with_json_output(folder, tmp_path):
    install_player(tmp_path, "play", "open('played', 'w')")
    found = russo("say", "hi", "--json").json
    assert not (folder / "played").exists()
    with open(found["audio"], "rb") as file:
        assert len(file.read()) == found["bytes"]
    assert (found["hit"], found["backend_calls"], found["backend_characters"]) == (False, 1, 2)


def test_say_reads_recordings_first(folder):
    assert russo("say", "hi", "--cache-dir", "kept").code == 0
    found = russo("say", "hi", "--recordings-dir", "kept", "--json").json
    assert found["hit"]
    assert os.path.dirname(found["audio"]) == str(folder / "kept")


def test_audio_that_cannot_be_stored_is_still_written_to_the_file(folder):
    (folder / "locked").mkdir()
    (folder / "locked" / "cache").symlink_to("/proc/nowhere/at/all")
    result = russo("say", "hi", "--cache-dir", "locked/cache", "-o", "out.wav")
    assert result.code == 0
    assert "not stored: " in result.lines[0]
    assert (folder / "out.wav").read_bytes() == sound("hi").data
    assert "; written to hi-" in russo("say", "hi", "--cache-dir", "locked/cache").lines[1]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["hi", "--synth", "nobody-has-this"], 2, "no backend is named 'nobody-has-this'"),
        (["hi", "--synth", "local", "--synth-option", "local.voce=x"], 2, "did you mean 'voice'?"),
        (
            ["hi", "--synth", "local", "--synth-option=local.speed=sk-SECRET0123456"],
            2,
            "must be a number, not a text",
        ),
        (["hi", "--option", "speed=1.2"], 2, "No such option '--option'"),
        (["-5", "degrees"], 2, "'-5'. If it is not an option, write \"--\" before it."),
        (["hi", "--synth-option", "locl.speed=2"], 2, "'locl'; did you mean 'local'? (--synth-option)"),
        (["hi", "--synth-option", "zzz.speed=2"], 2, "no backend is named 'zzz'; installed: "),
        ([""], 1, "the prompt is empty"),
        (["hi", "-o", "pytest.ini/out.wav"], 1, "pytest.ini/out.wav: File exists"),
        (["hi", "-o", ""], 2, "-o names the directory .; name a file"),
        ([], 2, 'no text to speak: write it after "say", or "-" to read standard input'),
        (["--json"], 2, 'no text to speak: write it after "say", or "-" to read standard input'),
    ],
)
def test_an_error_is_one_line(arguments, code, message):
    result = russo("say", *arguments)
    assert result.code == code
    assert message in result.err.splitlines()[-1]
    assert "SECRET" not in result.out + result.err
    assert "Traceback" not in result.err


FORM = "does not have the form NAME.OPTION=VALUE"


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("speed=1.2", f"backend option 'speed=…' {FORM}; write local.speed=1.2"),
        (" speed = 1.2 ", f"backend option 'speed …' {FORM}; write local.speed=1.2"),
        ("voice", f"backend option 'voice' {FORM}, such as local.speed=1.2"),
        ("api_key=SECRET0", f"backend option 'api_key=…' {FORM}; write local.api_key=…"),
        (
            "base_url=http://a:SECRET0@b.example",
            f"backend option 'base_url=…' {FORM}; write local.base_url=…",
        ),
        ("api_key:sk-SECRET0", f"backend option 'api_key:…' {FORM}, such as local.speed=1.2"),
        ("api_key sk-SECRET0", f"backend option 'api_key …' {FORM}, such as local.speed=1.2"),
        ("sk-SECRET0", f"a backend option {FORM}, such as local.speed=1.2"),
        ("=sk-SECRET0", f"a backend option {FORM}, such as local.speed=1.2"),
        ("openai.api-key=sk-SECRET0", f"backend option 'openai.api-key=…' {FORM}, such as local.speed=1.2"),
    ],
)
def test_option_in_another_form_is_refused_with_the_correct_text(option, message):
    result = russo("say", "hi", "--synth", "local", "--synth-option", option)
    assert (result.code, result.out, result.err) == (2, "", f"russo: {message}\n")


def test_option_of_a_factory_begins_with_custom(folder):
    assert "; write custom.voice=bert\n" in russo("say", "hi", "--synth-option", "voice=bert").err


def test_option_of_another_backend_has_no_effect_and_is_named(folder):
    done = russo("say", "hi", "--synth-option", "google.api_key=sk-SECRET0", "-o", "a.wav")
    assert done.code == 0
    assert (
        f"--synth-option=google.… had no effect: the chosen backend is {SPEAKER!r}" in done.err.splitlines()
    )
    assert "SECRET" not in done.out + done.err


def test_removed_option_suggests_the_new_one():
    assert "--synth-option" in russo("say", "hi", "--option", "speed=1.2").err.splitlines()[-1]


def test_option_on_the_command_line_replaces_those_of_the_ini_file_and_of_addopts(folder):
    (folder / "pytest.ini").write_text(
        f"[pytest]\nrusso_synth = {SPEAKER}\nrusso_synth_options = custom.voice=ini\n"
        "addopts = --russo-synth-option=custom.voice=added\n"
    )
    assert russo("say", "hi", "-o", "added.wav").code == 0
    assert russo("say", "hi", "-o", "given.wav", "--synth-option", "custom.voice=given").code == 0
    assert (folder / "added.wav").read_bytes() == sound("hi", "added").data
    assert (folder / "given.wav").read_bytes() == sound("hi", "given").data


def test_error_lists_the_backends_if_none_is_chosen(folder):
    (folder / "pytest.ini").write_text("[pytest]\n")
    result = russo("say", "hi")
    assert result.code == 2
    assert "several backends are installed; choose one: --synth {" in result.err


def test_class_that_declares_no_settings_is_reported():
    assert (
        "FakeSynthesizer declares no cache_key_extra"
        in russo("say", "hi", "--synth", "russo.testing:FakeSynthesizer").err
    )


@pytest.mark.parametrize("error", ["ValueError('odd')", "KeyError('odd')", "RecursionError('odd')"])
def test_error_of_a_synthesizer_is_one_line(folder, error):
    name = f"raises_{error.partition('(')[0]}"
    (folder / f"{name}.py").write_text(
        f"class Voice:\n    cache_key_extra = {{}}\n    async def synthesize(self, text): raise {error}\n"
    )
    said = russo("say", "hi", "--synth", f"{name}:Voice")
    assert said.code == 1
    assert f"russo: the synthesizer raised {error.partition('(')[0]}: " in said.err
    assert "odd" in said.err
    assert "Traceback" not in said.err


def test_stored_raw_samples_declared_as_wav_are_not_played(folder, tmp_path):
    install_player(tmp_path, "ffplay", "")
    key = cache_key("hi", {}, None)
    forge(
        folder / ".russo_cache",
        key,
        Audio(b"ab" * 900, "wav"),
        prompt="hi",
        fields={"own": {}, "given": None},
    )
    (folder / "old.py").write_text(
        "class Voice:\n    cache_key_extra = {}\n    async def synthesize(self, text): ...\n"
    )
    said = russo("say", "hi", "--synth", "old:Voice")
    assert said.code == 1
    assert "Audio of format 'wav' is not a WAV file" in said.err


def test_misspelt_backend_in_the_options_of_the_ini_file_is_refused(folder):
    (folder / "pytest.ini").write_text("[pytest]\nrusso_synth_options = locl.speed=2\n")
    done = russo("say", "hi", "--synth", SPEAKER)
    assert done.code == 2
    assert "no backend is named 'locl'; did you mean 'local'? (ini-file, russo_synth_options)" in done.err
