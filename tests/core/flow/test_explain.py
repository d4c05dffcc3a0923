import pytest

from russo import AudioCache, CachedSynthesizer, CacheMissError, LayeredCache, RemoteCache, StoreError
from russo._remote.objects import pack
from russo._remote.pins import LockFile, Pin
from russo._store.cache import read_entry
from support.speakers import PROMPT, Speaker, sound, synthesize


def miss(cache, prompt=PROMPT, given=None, **fields):
    """Return the CacheMissError of a prompt in mode replay."""
    cached = CachedSynthesizer(Speaker(**fields), cache=cache, mode="replay", cache_key_extra=given)
    with pytest.raises(CacheMissError) as caught:
        synthesize(cached, prompt)
    return caught.value


def record(cache, prompt=PROMPT, given=None, **fields):
    synthesize(CachedSynthesizer(Speaker(**fields), cache=cache, cache_key_extra=given), prompt)


def test_message_names_prompt_directory_key_and_the_command_that_records(cache, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    error = miss(cache)
    assert str(error) == (
        f"no cached audio for {PROMPT!r} in cache (mode 'replay', key {error.key[:12]})\n"
        "record it once with: pytest --russo-cache-mode=auto"
    )
    assert (error.prompt, error.directory) == (PROMPT, str(cache.directory))
    record(cache)
    assert list(cache.stored_keys()) == [error.key]


def test_directory_outside_the_current_one_is_shown_as_a_full_path(cache, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert f" in {cache.directory} (mode" in str(miss(cache))


@pytest.mark.parametrize(
    ("stored", "wanted", "reported"),
    [
        ({"voice": "anna"}, {"voice": "bert"}, "voice is 'anna', wanted 'bert'"),
        (
            {"speed": 1.0, "seed": 1},
            {"speed": 1.5, "seed": 2},
            "seed is 1, wanted 2, speed is 1.0, wanted 1.5",
        ),
        ({"style": None}, {"style": {"calm": 1}}, "style.calm is None, wanted 1"),
        ({"given": {"model": "a"}}, {"given": {"model": "b"}}, "model is 'a', wanted 'b'"),
    ],
)
def test_entries_of_the_same_prompt_are_listed_with_their_differences(cache, stored, wanted, reported):
    record(cache, **stored)
    record(cache, "another prompt", voice="zoe")
    (key,) = (key for key in cache.stored_keys() if cache.describe(key)["prompt"] == PROMPT)
    message = str(miss(cache, **wanted))
    assert "the same prompt is stored with other settings:" in message
    assert f"  key {key[:12]}…: " in message
    assert reported in message
    assert "zoe" not in message


def test_many_entries_of_the_same_prompt_are_counted(cache):
    for seed in range(5):
        record(cache, seed=seed)
    message = str(miss(cache, seed=99))
    assert message.count("seed is") == 3
    assert "  and 2 more" in message


def test_damaged_entry_is_reported_with_its_damage(cache):
    record(cache)
    (meta,) = cache.directory.glob("*.meta")
    meta.write_bytes(b"damaged")
    assert "the entry of this key cannot be used: its metadata is not JSON" in str(miss(cache))


def test_unusable_entry_is_not_listed_as_another_setting(cache):
    record(cache)
    (audio,) = cache.directory.glob("*.audio")
    audio.write_bytes(b"damaged")
    message = str(miss(cache))
    assert "cannot be used: its audio has 7 bytes" in message
    assert "other settings" not in message


def test_entry_of_a_newer_version_is_reported(cache):
    record(cache)
    (meta,) = cache.directory.glob("*.meta")
    meta.write_text(meta.read_text().replace('"russo_cache": 1', '"russo_cache": 2'))
    assert "cannot be used: it has format version 2" in str(miss(cache))


def test_recordings_are_named_and_searched(cache, tmp_path):
    recordings = AudioCache(tmp_path / "recordings")
    record(recordings, voice="anna")
    layered = LayeredCache(cache, [AudioCache(recordings.directory, read_only=True)])
    error = miss(layered, voice="bert")
    assert f" in {recordings.directory} or {cache.directory} (mode" in str(error)
    assert "voice is 'anna', wanted 'bert'" in str(error)
    assert error.directory == str(cache.directory)


def test_message_lists_entries_without_valid_fields(cache):
    cache.put("by-hand", sound(PROMPT), prompt=PROMPT)
    cache.put("odd", sound(PROMPT), prompt=PROMPT, fields={"own": ["no", "mapping"], "given": 3})
    message = str(miss(cache))
    assert "key by-hand…: " in message
    assert "key odd…: " in message


def test_replay_writes_nothing(cache):
    miss(cache)
    assert not cache.directory.exists()


class Answering:
    """A store whose only object is what a test gives it, or that raises."""

    url = "s3://team/voice"

    def __init__(self, answer):
        self.answer = answer

    def get(self, name, limit):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def put(self, name, data, *, replace):
        raise AssertionError("nothing is written")


@pytest.mark.parametrize(
    ("answer", "lines"),
    [
        (None, ["no cached audio for 'Hi' in cache and not in s3://team/voice (mode 'replay', key KEY)"]),
        (
            b"<html>",
            [
                "no cached audio for 'Hi' in cache (mode 'replay', key KEY)",
                "s3://team/voice has no usable entry: its object is not an entry of russo (6 bytes)",
            ],
        ),
        (
            StoreError("no answer in 3 s"),
            [
                "no cached audio for 'Hi' in cache (mode 'replay', key KEY)",
                "s3://team/voice could not be asked, and may have the entry: no answer in 3 s",
                "run the test again when the store can be reached, or",
            ],
        ),
        (
            StoreError("access denied\x1b[31m", kind="refused"),
            [
                "no cached audio for 'Hi' in cache (mode 'replay', key KEY)",
                "s3://team/voice could not be asked, and may have the entry: access denied\\x1b[31m",
                "run the test again when the store can be reached, or",
            ],
        ),
    ],
    ids=["absent", "damaged", "outage", "refused"],
)
def test_message_says_what_the_shared_store_answered(cache, tmp_path, monkeypatch, answer, lines):
    monkeypatch.chdir(tmp_path)
    error = miss(LayeredCache(cache, remote=RemoteCache(Answering(answer))), "Hi")
    expected = [line.replace("KEY", error.key[:12]) for line in lines]
    assert str(error).splitlines() == [*expected, "record it once with: pytest --russo-cache-mode=auto"]


def test_message_after_a_refused_entry_does_not_advise_to_pay_for_audio_that_the_pin_refuses(
    cache, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    key = miss(cache, "Hi").key
    cache.put(key, sound("poison"))
    packed = pack(read_entry(cache, key))
    cache.remove(key)
    LockFile(tmp_path / "russo.lock").update({key: Pin.of(sound("pinned"), "Hi")})
    remote = RemoteCache(Answering(packed), lock_file=tmp_path / "russo.lock")
    assert str(miss(LayeredCache(cache, remote=remote), "Hi")).splitlines() == [
        f"no cached audio for 'Hi' in cache (mode 'replay', key {key[:12]})",
        "s3://team/voice has no usable entry: russo.lock pins other audio for this key",
        "merge the branch that pins the store's audio, or",
        "record all prompts again, and pin the new audio, with: pytest --russo-record-only "
        "--russo-cache-mode=refresh",
    ]


def test_message_of_a_lookup_that_was_skipped_says_why_the_store_could_not_be_asked(cache):
    layered = LayeredCache(cache, remote=RemoteCache(Answering(StoreError("access denied", kind="refused"))))
    first, second = str(miss(layered, "Hi")), str(miss(layered, "Hi"))
    assert "could not be asked, and may have the entry: access denied" in first
    assert second == first
