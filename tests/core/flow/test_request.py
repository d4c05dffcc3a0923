import pytest

from russo import CachedSynthesizer, CacheHit, CacheMiss, cache_key
from russo.testing import FakeSynthesizer
from support.flow import FRESH, STORED, Wrapper, key_of
from support.speakers import PROMPT, Speaker, sound, synthesize


def test_key_is_made_from_prompt_own_fields_and_given_fields(cache, events):
    speaker = Speaker(voice="a")
    given = {"voice": "b", "model": "m"}
    synthesize(CachedSynthesizer(speaker, cache=cache, cache_key_extra=given))
    key = cache_key(PROMPT, speaker.cache_key_extra, given)
    assert list(cache.stored_keys()) == [key]
    assert cache.describe(key)["fields"] == {"own": speaker.cache_key_extra, "given": given}
    assert events.one(CacheMiss).key == key


def test_own_and_given_fields_are_never_merged(cache):
    pairs = [({"voice": "a"}, {"voice": "b"}), ({"voice": "b"}, {"voice": "a"}), ({"voice": "b"}, None)]
    for number, (own, given) in enumerate(pairs):
        speaker = Speaker(sound(str(number)))
        speaker.cache_key_extra = own
        assert synthesize(CachedSynthesizer(speaker, cache=cache, cache_key_extra=given)) == sound(
            str(number)
        )
    assert cache.size() == len(pairs)


BASE = {"backend": "speaker", "model": "m1", "voice": "anna", "speed": 1.0, "engine": "1.4"}


@pytest.mark.parametrize(
    "change",
    [
        {"voice": "bert"},
        {"model": "m2"},
        {"speed": 1.25},
        {"engine": "1.5"},
        {"backend": "other"},
        {"language": "de"},
        {"voice": None},
    ],
)
@pytest.mark.parametrize("how", ["declared", "changed later", "given"])
def test_changed_setting_never_replays_old_audio(cache, change, how):
    speaker = Speaker(STORED, FRESH)
    given = BASE if how == "given" else None
    speaker.cache_key_extra = {} if given else BASE
    cached = CachedSynthesizer(speaker, cache=cache, cache_key_extra=given)
    assert synthesize(cached) == STORED
    if how == "given":
        cached = CachedSynthesizer(speaker, cache=cache, cache_key_extra=BASE | change)
    else:
        speaker.cache_key_extra = BASE | change
        if how == "declared":
            cached = CachedSynthesizer(speaker, cache=cache)
    assert synthesize(cached) == FRESH
    assert synthesize(cached) == FRESH
    assert len(speaker.texts) == 2


def test_given_fields_are_copied(cache):
    given = {"styles": ["calm"]}
    cached = CachedSynthesizer(Speaker(), cache=cache, cache_key_extra=given)
    given["styles"].append("loud")
    synthesize(cached)
    assert list(cache.stored_keys()) == [key_of(Speaker(), given={"styles": ["calm"]})]


def test_key_of_a_class_without_settings_holds_its_module_and_name(cache, events):
    synthesize(CachedSynthesizer(FakeSynthesizer(), cache=cache))
    synthesize(CachedSynthesizer(FakeSynthesizer(), cache=cache))
    assert list(cache.stored_keys()) == [cache_key(PROMPT, {"class": "russo.testing.FakeSynthesizer"}, None)]
    assert not events.one(CacheMiss).declares_settings
    assert not events.one(CacheHit).declares_settings


def test_classes_with_the_same_name_in_different_modules_share_no_audio(cache):
    twin = type("FakeSynthesizer", (FakeSynthesizer,), {"__module__": "elsewhere"})()
    synthesize(CachedSynthesizer(FakeSynthesizer(), cache=cache))
    synthesize(CachedSynthesizer(twin, cache=cache))
    assert twin.texts == [PROMPT]


def test_empty_mapping_counts_as_declared_settings(cache, events):
    speaker = Speaker()
    speaker.cache_key_extra = {}
    synthesize(CachedSynthesizer(speaker, cache=cache))
    assert events.one(CacheMiss).declares_settings
    assert list(cache.stored_keys()) == [cache_key(PROMPT, {}, None)]


def test_wrapper_that_forwards_settings_has_the_key_of_the_wrapped_synthesizer(cache):
    speaker = Speaker()
    synthesize(CachedSynthesizer(speaker, cache=cache))
    assert synthesize(CachedSynthesizer(Wrapper(speaker), cache=cache)) == sound(PROMPT)
    assert len(speaker.texts) == 1


def test_cached_synthesizer_forwards_own_and_given_settings():
    speaker = Speaker()
    assert CachedSynthesizer(speaker).cache_key_extra == speaker.cache_key_extra
    given = CachedSynthesizer(speaker, cache_key_extra={"a": 1})
    assert given.cache_key_extra == {"own": speaker.cache_key_extra, "given": {"a": 1}}
