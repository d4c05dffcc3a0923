"""The prefetch: many lookups at once, and nothing that the later requests would not do themselves."""

import threading

import pytest

from russo import CacheHit, StoreError, SynthesisStart
from russo._flow import remote as flow_module
from russo._flow.cached import requests_of
from russo._flow.remote import prefetch
from russo._store.locks import KeyLock
from support.flow import key_of, run_context
from support.remote.stores import MemoryStore, objects_of, raises, synthesizer_with
from support.speakers import PROMPT, Speaker, run, sound, synthesize

WAIT = 20
KEY = key_of(Speaker())


@pytest.fixture
def full():
    """A store that has the prompt."""
    return MemoryStore(objects_of(PROMPT))


def machine(tmp_path, store, **options):
    """Return the synthesizer of one machine, and its backend."""
    speaker = Speaker()
    return synthesizer_with(tmp_path / "cache", store, speaker=speaker, **options), speaker


def prompts(number):
    return [f"prompt {each}" for each in range(number)]


def test_prefetch_brings_all_that_the_store_has(tmp_path, events):
    store = MemoryStore(objects_of(*prompts(50)))
    cached, speaker = machine(tmp_path, store)
    run(prefetch(requests_of(cached, [*prompts(60), " "])))
    assert cached.cache.size() == 50
    assert len(store.gets) == 60
    assert speaker.calls == 0
    assert events.all(SynthesisStart) == events.all(CacheHit) == []
    for prompt in prompts(50):
        assert synthesize(cached, prompt) == sound(prompt)
    assert len(store.gets) == 60


def test_prefetch_asks_many_at_once(tmp_path):
    store, together = MemoryStore(objects_of(*prompts(32))), threading.Barrier(32)
    store.before = lambda operation, name: together.wait(WAIT)
    cached, _ = machine(tmp_path, store)
    run(prefetch(requests_of(cached, prompts(32))))
    assert cached.cache.size() == 32


def test_prefetch_asks_for_nothing_that_is_here(tmp_path, full):
    cached, _ = machine(tmp_path, full)
    synthesize(cached)
    asked = len(full.calls)
    run(prefetch(requests_of(cached, [PROMPT])))
    assert len(full.calls) == asked


@pytest.mark.parametrize("mode", ["refresh", "off"])
def test_prefetch_does_nothing_in_other_modes(tmp_path, full, mode):
    cached, _ = machine(tmp_path, full, mode=mode)
    run(prefetch(requests_of(cached, [PROMPT])))
    assert full.calls == []


def test_prefetch_of_a_store_that_is_down_asks_three_times(tmp_path, store):
    """32 at once count as one outage; a call that begins later is another."""
    store.before = raises(StoreError("timed out"))
    cached, _ = machine(tmp_path, store)
    run(prefetch(requests_of(cached, prompts(300))))
    assert len(store.gets) < 300
    assert cached.cache.size() == 0


def test_entry_that_was_stored_during_the_prefetch_stays(tmp_path, full):
    cached, _ = machine(tmp_path, full)
    full.before = lambda operation, name: cached.cache.put(KEY, sound("heard already"))
    run(prefetch(requests_of(cached, [PROMPT])))
    assert cached.cache.get(KEY) == sound("heard already")


# -- other requests of the same key


def in_run(cached):
    """Bind a synthesizer to a run, which remembers what the prefetch found."""
    return cached.bound_to(run_context(cached.cache, "auto"))


def test_prompt_that_the_store_does_not_have_is_asked_for_once(tmp_path, store):
    cached, speaker = machine(tmp_path, store)
    run(prefetch(requests_of(in_run(cached), [PROMPT])))
    assert synthesize(cached) == sound(PROMPT)
    assert (len(store.gets), speaker.calls) == (1, 1)


def test_lookup_without_an_answer_is_made_again(tmp_path, store):
    store.before = raises(StoreError("timed out"))
    cached, _ = machine(tmp_path, store)
    run(prefetch(requests_of(in_run(cached), [PROMPT])))
    synthesize(cached)
    assert len(store.gets) == 2


def test_prompt_that_another_request_asks_for_is_left_to_it(tmp_path, full):
    go_on, asked = threading.Event(), threading.Event()

    def wait(operation, name):
        asked.set()
        go_on.wait(WAIT)

    full.before = wait
    cached, _ = machine(tmp_path, full)
    thread = threading.Thread(target=cached.synthesize_sync, args=[PROMPT])
    thread.start()
    assert asked.wait(WAIT)
    run(prefetch(requests_of(machine(tmp_path, full)[0], [PROMPT])))
    go_on.set()
    thread.join(WAIT)
    assert len(full.gets) == 1


def test_prefetch_releases_its_locks(tmp_path, full):
    cached, _ = machine(tmp_path, full)
    run(prefetch(requests_of(cached, [PROMPT, "absent"])))
    assert cached.cache.size() == 1
    assert list((tmp_path / "cache" / ".russo-locks").iterdir()) == []


def test_entry_that_came_before_the_lock_was_taken_is_not_asked_for(tmp_path, full, monkeypatch):
    cached, _ = machine(tmp_path, full)

    class Lock(KeyLock):
        def try_acquire(self):
            cached.cache.put(KEY, sound("heard already"))
            return super().try_acquire()

    monkeypatch.setattr(flow_module, "KeyLock", Lock)
    run(prefetch(requests_of(cached, [PROMPT])))
    assert full.calls == []
