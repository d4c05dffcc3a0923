import contextlib
import dataclasses
import inspect
import logging

import pytest

from russo import (
    AudioCache,
    AuthenticationError,
    CachedSynthesizer,
    CacheHit,
    CacheMiss,
    CacheMissError,
    EntryDamaged,
    EntryStored,
    LayeredCache,
    Mode,
    RemoteLookup,
    RemoteUpload,
    StoreFailed,
    SynthesisFinish,
    SynthesisStart,
    cache_key,
    hookimpl,
    hookspecs,
    plugin_manager,
)
from russo._events import Event
from russo._flow.run import RunContext
from russo._hooks import make_manager
from russo._plugin import hookspecs as pytest_hookspecs
from russo.testing import FakeSynthesizer
from support.speakers import ALL_HOOKS, PROMPT, EventRecorder, Speaker, registered, sound, synthesize

EVENTS = [
    CacheHit,
    CacheMiss,
    SynthesisStart,
    SynthesisFinish,
    EntryStored,
    EntryDamaged,
    StoreFailed,
    RemoteLookup,
    RemoteUpload,
]
FIELDS = {"prompt", "key", "synthesizer", "backend", "fields", "declares_settings", "nested"}
OWN_FIELDS = {
    CacheHit: {"audio", "directory"},
    CacheMiss: {"reason"},
    SynthesisStart: set(),
    SynthesisFinish: {"backend_calls", "seconds", "characters", "audio", "error"},
    EntryStored: {"audio", "directory"},
    EntryDamaged: {"reason", "directory"},
    StoreFailed: {"reason", "directory"},
    RemoteLookup: {"url", "outcome", "reason", "seconds", "size", "pinned"},
    RemoteUpload: {"url", "outcome", "reason", "seconds", "size"},
}
FAILURE = AuthenticationError("HTTP 401", backend="speaker", prompt=PROMPT)


def test_every_event_has_one_hook_with_its_name():
    assert sorted(event.hook for event in EVENTS) == sorted(ALL_HOOKS)
    assert {kind.hook for kind in Event.__subclasses__()} == set(ALL_HOOKS)


@pytest.mark.parametrize("name", ALL_HOOKS)
def test_every_hook_takes_one_event_and_has_a_conftest_version(name):
    spec = getattr(hookspecs, name)
    twin = getattr(pytest_hookspecs, f"pytest_{name}")
    assert list(inspect.signature(spec).parameters) == ["event"]
    assert inspect.signature(spec) == inspect.signature(twin)
    assert spec.__doc__
    assert twin.__doc__


@pytest.mark.parametrize("kind", EVENTS)
def test_events_keep_all_documented_fields(kind):
    assert {field.name for field in dataclasses.fields(kind)} >= FIELDS | OWN_FIELDS[kind]


@pytest.mark.parametrize("event", [CacheHit, SynthesisFinish])
def test_events_are_frozen(cache, events, event):
    cached = CachedSynthesizer(Speaker(), cache=cache)
    synthesize(cached)
    synthesize(cached)
    with pytest.raises(dataclasses.FrozenInstanceError):
        events.one(event).audio = None


def speak(cache, speaker, prompt=PROMPT, **options):
    return synthesize(CachedSynthesizer(speaker, cache=cache, **options), prompt)


def test_events_of_a_miss_are_in_order(cache, events):
    audio = speak(cache, Speaker(), cache_key_extra={"a": 1})
    assert events.names == ["cache_miss", "synthesis_start", "synthesis_finish", "entry_stored"]
    own = Speaker().cache_key_extra
    for event in events.recorded:
        assert event.prompt == PROMPT
        assert event.key == cache_key(PROMPT, own, {"a": 1})
        assert event.synthesizer == "Speaker"
        assert event.backend == "speaker"
        assert event.fields == {"own": own, "given": {"a": 1}}
        assert event.declares_settings
        assert not event.nested
    assert events.one(CacheMiss).reason == "absent"
    finish = events.one(SynthesisFinish)
    assert (finish.backend_calls, finish.characters) == (1, len(PROMPT))
    assert (finish.audio, finish.error) == (audio, None)
    assert 0 <= finish.seconds < 5
    assert events.one(EntryStored).audio == audio
    assert events.one(EntryStored).directory == cache.directory


def test_a_hit_is_the_only_event(cache, events):
    cached = CachedSynthesizer(Speaker(), cache=cache)
    synthesize(cached)
    events.recorded.clear()
    audio = synthesize(cached)
    assert events.names == ["cache_hit"]
    assert (events.one(CacheHit).audio, events.one(CacheHit).directory) == (audio, cache.directory)


def test_events_of_a_class_without_settings_have_no_backend(cache, events):
    speak(cache, FakeSynthesizer())
    assert {(event.synthesizer, event.backend, event.declares_settings) for event in events.recorded} == {
        ("FakeSynthesizer", None, False)
    }


def test_failure_is_in_the_finish_event_and_nothing_is_stored(cache, events):
    with pytest.raises(AuthenticationError):
        speak(cache, Speaker(FAILURE))
    assert events.names == ["cache_miss", "synthesis_start", "synthesis_finish"]
    assert (events.one(SynthesisFinish).audio, events.one(SynthesisFinish).error) == (None, FAILURE)


def test_miss_event_of_replay_comes_before_the_error(cache, events):
    with pytest.raises(CacheMissError):
        speak(cache, Speaker(), mode="replay")
    assert events.names == ["cache_miss"]


def test_mode_off_has_only_events_of_the_synthesis(cache, events):
    speak(cache, Speaker(), mode="off")
    assert events.names == ["synthesis_start", "synthesis_finish"]


def test_reason_of_a_miss_in_mode_refresh_is_refresh(cache, events):
    speak(cache, Speaker())
    events.recorded.clear()
    speak(cache, Speaker(), mode="refresh")
    assert events.names == ["cache_miss", "synthesis_start", "synthesis_finish", "entry_stored"]
    assert events.one(CacheMiss).reason == "refresh"


@pytest.mark.parametrize("mode", ["auto", "replay"])
def test_damage_is_one_event_per_request_before_the_miss(cache, events, mode):
    key = cache_key(PROMPT, Speaker().cache_key_extra, None)
    cache.put(key, sound(PROMPT))
    (cache.directory / f"{key}.meta").write_bytes(b"rot")
    try:
        speak(cache, Speaker(), mode=mode)
    except CacheMissError:
        assert mode == "replay"
    assert events.names[:2] == ["entry_damaged", "cache_miss"]
    assert "its metadata is not JSON" in events.one(EntryDamaged).reason
    assert events.one(EntryDamaged).directory == cache.directory


def test_event_of_a_failed_store_has_reason_and_directory(tmp_path, events):
    (tmp_path / "file").write_bytes(b"")
    speak(AudioCache(tmp_path / "file"), Speaker())
    assert events.names == ["cache_miss", "synthesis_start", "synthesis_finish", "store_failed"]
    assert (events.one(StoreFailed).reason, events.one(StoreFailed).directory) == (
        "Not a directory",
        tmp_path / "file",
    )


def test_store_into_layers_names_the_private_cache(cache, tmp_path, events):
    speak(LayeredCache(cache, [AudioCache(tmp_path / "recordings", read_only=True)]), Speaker())
    assert events.one(EntryStored).directory == cache.directory


def test_events_of_an_inner_synthesizer_are_nested(cache, tmp_path, events):
    inner = CachedSynthesizer(Speaker(), cache=AudioCache(tmp_path / "other"))
    speak(cache, inner, cache_key_extra={"a": 1})
    assert [event.nested for event in events.all(CacheMiss)] == [False, True]
    assert [event.backend_calls for event in events.all(SynthesisFinish)] == [
        1,
        0,
    ]  # the inner call ends first


def test_process_has_one_manager():
    assert plugin_manager() is plugin_manager()
    assert plugin_manager() is not make_manager()


def test_listener_of_a_run_gets_only_events_of_that_run(cache):
    recorder = EventRecorder()
    shared = RunContext(cache=cache, mode=Mode.AUTO, report=print, manager=make_manager())
    shared.manager.register(recorder)
    inside, outside = CachedSynthesizer(Speaker()), CachedSynthesizer(Speaker(), cache=cache)
    inside.bound_to(shared)
    synthesize(outside, "outside")
    synthesize(inside, "inside")
    assert {event.prompt for event in recorder.recorded} == {"inside"}


def test_unregistered_plugin_gets_no_more_events(cache):
    with registered(EventRecorder()) as recorder:
        speak(cache, Speaker())
    count = len(recorder.recorded)
    speak(cache, Speaker(), "another")
    assert len(recorder.recorded) == count > 0


def test_hook_implementation_may_omit_the_event_parameter(cache):
    class Counter:
        number = 0

        @hookimpl
        def russo_cache_miss(self):
            self.number += 1

    with registered(Counter()) as counter:
        speak(cache, Speaker())
    assert counter.number == 1


def test_hooks_run_in_the_order_of_pluggy(cache):
    events = []

    def listener(name, **options):
        class Listener:
            @hookimpl(**options)
            def russo_cache_miss(self, event):
                events.append(name)

        return Listener()

    listeners = [
        listener("older"),
        listener("first", tryfirst=True),
        listener("newer"),
        listener("last", trylast=True),
    ]
    with contextlib.ExitStack() as stack:
        for each in listeners:
            stack.enter_context(registered(each))
        speak(cache, Speaker())
    assert events == ["first", "newer", "older", "last"]


def raiser(error):
    class Raiser:
        """Raises in every hook."""

    def fail(event):
        raise error

    for name in ALL_HOOKS:
        setattr(Raiser, name, staticmethod(hookimpl(fail)))
    return Raiser()


def fail_outcome():
    try:
        pytest.fail("no!")
    except BaseException as error:  # noqa: BLE001 - pytest.fail raises a BaseException
        return error


RAISED = [RuntimeError("boom"), fail_outcome(), AssertionError("no"), GeneratorExit(), AuthenticationError]


@pytest.mark.parametrize("error", RAISED, ids=lambda error: repr(error)[:20])
def test_plugin_that_raises_is_reported_and_the_other_plugins_still_run(cache, caplog, error):
    cached = CachedSynthesizer(Speaker(), cache=cache)
    before, after = EventRecorder(), EventRecorder()
    with registered(before), registered(raiser(error), "acme-listener"), registered(after):
        assert synthesize(cached) == synthesize(cached) == sound(PROMPT)
    names = ["cache_miss", "synthesis_start", "synthesis_finish", "entry_stored", "cache_hit"]
    assert before.names == after.names == names
    assert cache.size() == 1
    reports = [record.getMessage() for record in caplog.records]
    assert len(reports) == len(names)
    for report, name in zip(reports, names, strict=True):
        assert report.startswith(f"plugin acme-listener raised in russo_{name}: ")
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_plugin_that_raises_does_not_hide_an_error_of_the_backend(cache):
    with registered(raiser(RuntimeError("boom"))), pytest.raises(AuthenticationError) as caught:
        speak(cache, Speaker(FAILURE))
    assert caught.value is FAILURE


def test_run_gets_the_name_of_the_plugin_that_raised(cache):
    reports = []
    cached = CachedSynthesizer(Speaker())
    context = RunContext(cache=cache, mode=Mode.AUTO, report=reports.append, manager=make_manager())
    cached.bound_to(context)
    context.manager.register(raiser(RuntimeError("boom")), "of-the-run")
    with registered(raiser(ValueError("bang")), "of-the-process"):
        synthesize(cached)
    assert "plugin of-the-run raised in russo_cache_miss: RuntimeError('boom')" in reports
    assert "plugin of-the-process raised in russo_cache_miss: ValueError('bang')" in reports


@pytest.mark.parametrize("kind", ["wrapper", "hookwrapper"])
def test_hook_wrapper_is_refused_and_never_run(cache, caplog, kind):
    ran = []

    class Wrapper:
        @hookimpl(**{kind: True})
        def russo_cache_miss(self, event):
            ran.append(event)
            yield

    with registered(EventRecorder()) as recorder, registered(Wrapper(), "acme-wrapper"):
        speak(cache, Speaker())
    assert ran == []
    assert recorder.all(CacheMiss)
    assert "plugin acme-wrapper raised in russo_cache_miss: " in caplog.text
    assert "russo's hooks cannot be wrapped" in caplog.text


class Meddler:
    """Tries to change everything that it can reach."""

    def meddle(self, event):
        for mapping in (event.fields, event.fields["own"], event.fields["given"]):
            for change in (lambda m: m.update(voice="evil"), lambda m: m.clear()):
                try:
                    change(mapping)
                except (AttributeError, TypeError):
                    continue
        return "evil"


for _name in ALL_HOOKS:
    setattr(Meddler, _name, hookimpl(lambda self, event: self.meddle(event)))


def test_hooks_cannot_change_key_audio_or_entry(cache, caplog):
    speaker, given = Speaker(), {"model": "m-1"}
    key = cache_key(PROMPT, speaker.cache_key_extra, given)
    cached = CachedSynthesizer(speaker, cache=cache, cache_key_extra=given)
    with registered(Meddler()):
        events = [synthesize(cached) for _ in range(3)]
    assert set(events) == {sound(PROMPT)}
    assert speaker.texts == [PROMPT]
    assert list(cache.stored_keys()) == [key]
    assert cache.describe(key)["fields"] == {"own": Speaker().cache_key_extra, "given": {"model": "m-1"}}


def test_plugin_cannot_change_the_event_of_the_next_plugin(cache, events):
    with registered(Meddler()):
        speak(cache, Speaker(), cache_key_extra={"model": "m-1"})
    assert events.one(EntryStored).fields == {"own": Speaker().cache_key_extra, "given": {"model": "m-1"}}


LISTENER = """
from russo import hookimpl
heard = []
@hookimpl
def russo_cache_miss(event):
    heard.append(event.prompt)
"""
SPEAK = """
import asyncio, logging, tempfile
logged = []
class Keep(logging.Handler):
    def emit(self, record):
        logged.append(f"{record.levelname} {record.getMessage()}")
logging.basicConfig(handlers=[Keep()])
from russo import Audio, AudioCache, CachedSynthesizer
class Speaker:
    cache_key_extra = {}
    async def synthesize(self, text):
        return Audio(b"x", "pcm")
with tempfile.TemporaryDirectory() as directory:
    asyncio.run(CachedSynthesizer(Speaker(), cache=AudioCache(directory)).synthesize("hello"))
import ear
tell([ear.heard, logged])
"""


def test_plugin_is_loaded_from_its_entry_point(environment):
    environment.install("ear-plugin", {"ear": LISTENER}, {"russo": {"ear": "ear"}})
    assert environment.python(SPEAK) == [["hello"], []]


@pytest.mark.parametrize(
    ("source", "entry", "cause"),
    [
        ("import a_module_that_does_not_exist", "broken", "ModuleNotFoundError"),
        ("1 / 0", "broken", "ZeroDivisionError"),
        ("", "broken:Missing", "AttributeError"),
        ("", "not_there", "ModuleNotFoundError"),
    ],
)
def test_plugin_that_fails_to_load_is_logged_and_skipped(environment, source, entry, cause):
    environment.install("ear-plugin", {"ear": LISTENER}, {"russo": {"ear": "ear"}})
    environment.install("broken-plugin", {"broken": source}, {"russo": {"broken-ear": entry}})
    events, logged = environment.python(SPEAK)
    assert events == ["hello"]
    (message,) = logged
    assert message.startswith(
        f"WARNING plugin 'broken-ear' ({entry}) of broken-plugin failed to load: {cause}"
    )
