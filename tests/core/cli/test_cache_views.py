import wave

import pytest

from russo import Audio, AudioCache
from support.command import PROMPTS, damage_audio, numbered_key, russo, store_prompts
from support.speakers import sound


def test_missing_cache_is_listed_as_empty(folder):
    for command in ("list", "info", "verify", "clear", "dir"):
        result = russo("cache", command, "--cache-dir", "nowhere")
        assert result.code == 0, result.err
    assert russo("cache", "list", "--json").json["entries"] == []
    assert not (folder / "nowhere").exists()


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
