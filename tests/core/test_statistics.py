import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from russo import (
    Audio,
    CachedSynthesizer,
    CacheHit,
    CacheMiss,
    EntryDamaged,
    EntryStored,
    RemoteLookup,
    RemoteUpload,
    StoreFailed,
    SynthesisFinish,
    SynthesisStart,
)
from russo._statistics import Counts, Statistics
from russo.testing import FakeSynthesizer, wav
from support.speakers import PROMPT, Speaker, registered, synthesize

SECOND = Audio(wav(bytes(48000)))
FULL = {
    "hits": 2,
    "hit_characters": 30,
    "hit_seconds": 1.5,
    "hits_unknown": 1,
    "misses": 3,
    "backend_calls": 4,
    "backend_characters": 50,
    "damaged": 1,
    "layers": {"/cache": 2},
    "not_stored": {"No space left on device": 1},
    "undeclared": {"MySynth": 3},
    "model_ends": {"acme: the model m1 ends": 1},
    "remote": {'["upload", "s3://a/b", "uploaded", "", null]': 2},
    "troubles": {"plugin x raised": 1},
}


def event(kind, **values):
    common = {
        "prompt": "hello",
        "key": "abc",
        "synthesizer": "MySynth",
        "backend": None,
        "fields": {"own": {}, "given": None},
        "declares_settings": True,
        "nested": False,
    }
    return kind(**common | values)


def count(*events, names=frozenset(FULL)):
    """Send events to statistics, as the hooks do; return the counts with these names as JSON."""
    statistics = Statistics()
    for each in events:
        hook = getattr(statistics, each.hook, None)
        if hook is not None:
            hook(each)
    return {name: value for name, value in (statistics.take() or Counts()).to_json().items() if name in names}


HIT = {"audio": SECOND, "directory": Path("/cache")}
REMOTE = {"url": "s3://a/b", "seconds": 0.1, "size": 5}
FINISH = {"backend_calls": 1, "seconds": 0.1, "characters": 5, "audio": SECOND, "error": None}


@pytest.mark.parametrize(
    ("sent", "counted"),
    [
        (
            event(CacheHit, **HIT),
            {"hits": 1, "hit_characters": 5, "hit_seconds": 1.0, "layers": {"/cache": 1}},
        ),
        (
            event(CacheHit, **HIT | {"directory": None}),
            {"hits": 1, "hit_characters": 5, "hit_seconds": 1.0},
        ),
        (
            event(CacheHit, **HIT | {"audio": Audio(b"x", "mp3")}),
            {"hits": 1, "hit_characters": 5, "hits_unknown": 1, "layers": {"/cache": 1}},
        ),
        (event(CacheHit, nested=True, **HIT), {}),
        (event(CacheHit, nested=True, declares_settings=False, **HIT), {"undeclared": {"MySynth": 1}}),
        (event(CacheMiss, reason="absent"), {"misses": 1}),
        (event(CacheMiss, reason="absent", nested=True), {}),
        (
            event(CacheMiss, reason="absent", declares_settings=False),
            {"misses": 1, "undeclared": {"MySynth": 1}},
        ),
        (
            event(
                CacheMiss,
                reason="absent",
                declares_settings=False,
                fields={"own": {"class": "m.MySynth"}, "given": {"speed": 1.3}},
            ),
            {"misses": 1},
        ),
        (
            event(
                CacheMiss,
                reason="absent",
                declares_settings=False,
                fields={"own": {"class": "m.MySynth"}, "given": {}},
            ),
            {"misses": 1, "undeclared": {"MySynth": 1}},
        ),
        (event(SynthesisStart), {}),
        (event(SynthesisFinish, **FINISH), {"backend_calls": 1, "backend_characters": 5}),
        (
            event(SynthesisFinish, **FINISH | {"backend_calls": 3}),
            {"backend_calls": 3, "backend_characters": 15},
        ),
        (event(SynthesisFinish, **FINISH | {"backend_calls": 0, "error": ValueError()}), {}),
        (
            event(SynthesisFinish, **FINISH | {"model_end": "m1 ends"}),
            {"backend_calls": 1, "backend_characters": 5, "model_ends": {"MySynth: m1 ends": 1}},
        ),
        (event(SynthesisFinish, **FINISH | {"backend_calls": 0, "model_end": "m1 ends"}), {}),
        (event(SynthesisFinish, nested=True, **FINISH), {"backend_calls": 1, "backend_characters": 5}),
        (event(EntryStored, **HIT), {}),
        (event(EntryDamaged, reason="rot", directory=Path("/cache")), {"damaged": 1}),
        (event(StoreFailed, reason="disk full", directory=Path("/cache")), {"not_stored": {"disk full": 1}}),
        (
            event(RemoteLookup, outcome="hit", reason="", pinned=False, **REMOTE),
            {"remote": {'["lookup", "s3://a/b", "hit", "", false]': 1}},
        ),
        (
            event(RemoteLookup, outcome="absent", reason="absent", pinned=None, **REMOTE),
            {"remote": {'["lookup", "s3://a/b", "absent", "", null]': 1}},
        ),
        (
            event(RemoteLookup, outcome="failed", reason="timed out", pinned=None, nested=True, **REMOTE),
            {"remote": {'["lookup", "s3://a/b", "failed", "timed out", null]': 1}},
        ),
        (
            event(RemoteUpload, outcome="exists", reason="it has one", **REMOTE),
            {"remote": {'["upload", "s3://a/b", "exists", "", null]': 1}},
        ),
    ],
)
def test_each_kind_of_event_has_its_counts(sent, counted):
    assert count(sent) == counted


WHOSE = {
    "declares_settings": ({"own": {"backend": "acme"}, "given": None}, "acme", {"speakers": {"acme": 1}}),
    "undeclared": ({"own": {"class": "m.MySynth"}, "given": None}, None, {"speakers": {"m.MySynth": 1}}),
    "nothing to declare": ({"own": {}, "given": None}, None, {}),
}


@pytest.mark.parametrize("whose", WHOSE)
def test_hits_and_backend_calls_are_counted_by_backend(whose):
    fields, backend, speakers = WHOSE[whose]
    sent = [
        event(CacheHit, fields=fields, backend=backend, **HIT),
        event(CacheHit, fields=fields, backend=backend, key="def", **HIT),
        event(SynthesisFinish, fields=fields, backend=backend, **FINISH | {"backend_calls": 3}),
        event(SynthesisFinish, fields=fields, backend=backend, **FINISH | {"backend_calls": 0}),
    ]
    counted = count(*sent, names={"hits_by", "backend_calls_by", "used", "speakers"})
    name = backend or "MySynth"
    assert counted == {
        "hits_by": {name: 2},
        "backend_calls_by": {name: 3},
        "used": {"abc": 1, "def": 1},
        **speakers,
    }


@pytest.mark.parametrize(
    ("reason", "nested", "added"),
    [
        ("absent", False, True),
        ("absent", True, False),
        ("refresh", False, False),
        ("its audio is cut", False, False),
    ],
)
def test_an_entry_that_nothing_had_before_is_added_once_by_the_outermost_layer(reason, nested, added):
    sent = [
        event(CacheMiss, reason=reason, nested=nested),
        event(EntryStored, nested=nested, **HIT),
        event(EntryStored, nested=nested, **HIT),
    ]
    assert count(*sent, names={"added"}) == ({"added": {str(Path("/cache/abc")): 1}} if added else {})


def test_hit_covered_by_another_count_is_not_a_hit_of_the_run():
    statistics = Statistics(is_covered=lambda hit: hit.key == "abc")
    statistics.russo_cache_hit(event(CacheHit, **HIT))
    statistics.russo_cache_hit(event(CacheHit, key="def", **HIT))
    counts = statistics.take()
    assert counts.hits == 1
    assert set(counts.used) == {"abc", "def"}


def test_counts_of_several_events_are_added():
    assert count(event(CacheHit, **HIT), event(CacheHit, **HIT), event(CacheMiss, reason="absent")) == {
        "hits": 2,
        "hit_characters": 10,
        "hit_seconds": 2.0,
        "misses": 1,
        "layers": {"/cache": 2},
    }


def test_take_resets_the_counts():
    statistics = Statistics()
    assert not statistics.take()
    statistics.russo_cache_miss(event(CacheMiss, reason="absent"))
    assert statistics.take().misses == 1
    assert not statistics.take()


def test_reported_problems_are_counted():
    statistics = Statistics()
    statistics.report("plugin x raised")
    statistics.report("plugin x raised")
    assert statistics.take().to_json() == {"troubles": {"plugin x raised": 2}}


def test_counts_are_converted_to_json_and_back():
    assert Counts.from_json(json.loads(json.dumps(FULL))).to_json() == FULL
    assert Counts().to_json() == {}
    assert Counts.from_json({}) == Counts()


def test_counts_of_processes_are_added():
    total = Counts()
    for _ in range(2):
        total.add(Counts.from_json(FULL))
    assert total.to_json() == {
        name: {word: 2 * number for word, number in value.items()} if isinstance(value, dict) else 2 * value
        for name, value in FULL.items()
    }


def test_add_does_not_change_the_added_counts():
    part, total = Counts.from_json(FULL), Counts()
    total.add(part)
    total.add(part)
    assert part.to_json() == FULL


def test_counts_from_many_threads_are_complete():
    statistics, hit = Statistics(), event(CacheHit, **HIT)
    with ThreadPoolExecutor(8) as threads:
        for _ in range(2000):
            threads.submit(statistics.russo_cache_hit, hit)
    assert statistics.take().hits == 2000


def test_statistics_are_registered_like_any_plugin(cache):
    with registered(Statistics()) as statistics:
        for synthesizer in (Speaker(), FakeSynthesizer()):
            cached = CachedSynthesizer(synthesizer, cache=cache)
            synthesize(cached)
            synthesize(cached)
    counts = statistics.take()
    assert (counts.hits, counts.misses, counts.backend_calls) == (2, 2, 2)
    assert counts.hit_characters == counts.backend_characters == 2 * len(PROMPT)
    assert counts.layers == {str(cache.directory): 2}
    assert set(counts.undeclared) == {"FakeSynthesizer"}
