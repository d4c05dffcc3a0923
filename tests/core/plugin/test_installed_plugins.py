"""Listeners in installed packages and ``conftest.py`` files, in real pytest processes.

``test_hooks.py`` tests events and registration. Here listeners receive events, raise, try to change events and
are slow, in runs with and without workers.
"""

import asyncio
import collections
import json
import threading
from textwrap import dedent, indent

import pytest

from russo import AudioCache, CachedSynthesizer, hookimpl
from support.projects import summary
from support.speakers import ALL_HOOKS, Speaker, registered, run, sound, synthesize

# Every listener appends whole lines to one file.
NOTE = """
import json, os, pathlib

def note(by, event, **more):
    line = {"by": by, "hook": event.hook, "prompt": event.prompt, "key": event.key, "process": os.getpid(), **more}
    descriptor = os.open(os.environ["LEDGER"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, (json.dumps(line) + "\\n").encode())
    os.close(descriptor)
"""
ONE_TEST = "def test_it(russo_say): russo_say('Hello'); assert russo_say('Hello').data == b'aHello' * 100"
SIX_TESTS = """
import pytest

@pytest.mark.parametrize("number", range(6))
def test_it(russo_say, number):
    assert russo_say(f"Prompt {number % 2}").data == f"aPrompt {number % 2}".encode() * 100
"""
ALL_WITHOUT_STORE = """
import shutil
from pathlib import Path

def test_it(russo_say):
    russo_say("Hello")
    russo_say("Hello")
    next(Path(".russo_cache").glob("*.audio")).write_bytes(b"noise")
    russo_say("Hello")
    shutil.rmtree(".russo_cache")
    Path(".russo_cache").write_text("in the way")
    russo_say("Hello")
"""
OF_A_STORE = {"russo_remote_lookup", "russo_remote_upload"}
MEDDLE = """
    import dataclasses

    refusals = []
    audio = getattr(event, "audio", None)
    for each in (event, audio) if audio else (event,):
        for field in dataclasses.fields(each):
            for change in (lambda: setattr(each, field.name, "evil"), lambda: delattr(each, field.name)):
                try:
                    change()
                    refusals.append("none")
                except Exception as error:
                    refusals.append(type(error).__name__)
    note(NAME, event, refusals=refusals, audio=audio and audio.data.decode())
"""


class PluginProject:
    """A project, a directory of installed plugins, and a file to which the plugins append the events."""

    def __init__(self, project, tmp_path, monkeypatch):
        self.project = project
        self.site = tmp_path / "site"
        self.site.mkdir()
        self.ledger = tmp_path / "ledger.jsonl"
        monkeypatch.setenv("PYTHONPATH", str(self.site))
        monkeypatch.setenv("LEDGER", str(self.ledger))

    def install(self, name, body, option=""):
        """Install a plugin package; each of its hooks runs `body`."""
        hooks = [
            f"@russo.hookimpl({option})\ndef {hook}(event):\n{indent(dedent(body), '    ')}"
            for hook in ALL_HOOKS
        ]
        package = self.site / f"of_{name}"
        package.mkdir()
        (package / "__init__.py").write_text("import russo\n" + NOTE + "\n\n".join(hooks))
        information = self.site / f"of_{name}-1.0.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: of-{name}\nVersion: 1.0\n")
        (information / "entry_points.txt").write_text(f"[russo]\n{name} = of_{name}\n")

    def conftest(self, body="note('conftest', event)"):
        """Append listeners to the project's conftest.py."""
        hooks = [f"def pytest_{hook}(event):\n    {body}" for hook in ALL_HOOKS]
        path = self.project.path / "conftest.py"
        path.write_text(path.read_text() + NOTE + "\n\n".join(hooks))

    def pytest(self, *args, passed):
        result = self.project.run(*args, subprocess=True)
        result.assert_outcomes(passed=passed)
        return result

    def notes(self, by=None):
        """Return the appended events of one listener or of all."""
        lines = [json.loads(line) for line in self.ledger.read_text().splitlines()]
        return [line for line in lines if by in (None, line["by"])]


@pytest.fixture
def plugin_project(project, tmp_path, monkeypatch):
    return PluginProject(project, tmp_path, monkeypatch)


def hooks_and_prompts(lines):
    return [(line["hook"], line["prompt"]) for line in lines]


def test_package_and_conftest_get_all_hooks_of_a_run_without_a_shared_store(plugin_project):
    plugin_project.install("ledger", "note('ledger', event)")
    plugin_project.conftest()
    plugin_project.project.tests(ALL_WITHOUT_STORE)
    result = plugin_project.pytest(passed=1)
    assert hooks_and_prompts(plugin_project.notes("ledger")) == hooks_and_prompts(
        plugin_project.notes("conftest")
    )
    called = ["russo_cache_miss", "russo_synthesis_start", "russo_synthesis_finish"]
    assert [line["hook"] for line in plugin_project.notes("ledger")] == [
        *(*called, "russo_entry_stored", "russo_cache_hit"),
        *("russo_entry_damaged", *called, "russo_entry_stored"),
        *(*called, "russo_store_failed"),
    ]
    assert {hook for hook, _ in hooks_and_prompts(plugin_project.notes())} == set(ALL_HOOKS) - OF_A_STORE
    assert summary(result).startswith("1 hit (5 characters")


def test_package_and_conftest_get_the_hooks_of_a_shared_store(plugin_project, tmp_path):
    plugin_project.install("ledger", "note('ledger', event)")
    plugin_project.conftest()
    plugin_project.project.tests("def test_it(russo_say):\n    russo_say('Hello')\n")
    plugin_project.pytest(
        f"--russo-remote={(tmp_path / 'shared').as_uri()}", "--russo-remote-write", passed=1
    )
    for listener in ("ledger", "conftest"):
        notes = plugin_project.notes(listener)
        assert [line["prompt"] for line in notes if line["hook"] in OF_A_STORE] == ["Hello", "Hello"]
        assert {line["hook"] for line in notes} >= OF_A_STORE


def test_packages_and_conftests_get_the_events_of_every_worker(plugin_project):
    # Slow during a backend call: the other worker needs the same prompt, waits, and makes no call.
    plugin_project.install("dawdler", "import time; time.sleep(0.3 if 'synthesis' in event.hook else 0)")
    plugin_project.install("ledger", "note('ledger', event)")
    plugin_project.conftest()
    plugin_project.project.tests(SIX_TESTS)
    result = plugin_project.pytest("-n", "2", passed=6)
    for listener in ("ledger", "conftest"):
        notes = collections.Counter(line["hook"] for line in plugin_project.notes(listener))
        assert notes == {
            "russo_cache_miss": 2,
            "russo_synthesis_start": 2,
            "russo_synthesis_finish": 2,
            "russo_entry_stored": 2,
            "russo_cache_hit": 4,
        }
    assert len({line["process"] for line in plugin_project.notes()}) == 2
    assert summary(result).startswith("4 hits (32 characters")
    assert "2 backend calls to speaker (16 characters)" in summary(result)
    assert sorted(plugin_project.project.calls) == ["a Prompt 0", "a Prompt 1"]


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "two workers"])
def test_packages_that_raise_are_reported_and_no_package_can_change_key_or_audio(plugin_project, workers):
    plugin_project.install("grumbler", "raise RuntimeError(f'no, not {event.prompt}')")
    plugin_project.install("ledger", "note('ledger', event)")
    for name, option in [("one", "tryfirst=True"), ("two", "trylast=True")]:
        plugin_project.install(name, MEDDLE.replace("NAME", repr(name)), option)
    plugin_project.conftest()
    plugin_project.project.tests(SIX_TESTS)
    result = plugin_project.pytest(*workers, "-v", passed=6)
    for hook in ("cache_miss", "synthesis_start", "synthesis_finish", "entry_stored", "cache_hit"):
        result.stdout.fnmatch_lines(
            [f"russo: plugin grumbler raised in russo_{hook}: RuntimeError('no, not Prompt *')"]
        )
    assert "2 backend calls" in summary(result)
    assert len(plugin_project.notes("ledger")) == len(plugin_project.notes("conftest")) == 2 * 4 + 4
    attempts = [*plugin_project.notes("one"), *plugin_project.notes("two")]
    assert len(attempts) == 2 * (2 * 4 + 4)
    for line in attempts:
        assert set(line["refusals"]) == {"FrozenInstanceError"}
    assert {line["audio"] for line in attempts} == {None, "aPrompt 0" * 100, "aPrompt 1" * 100}
    cache = AudioCache(plugin_project.project.path / ".russo_cache")
    assert {line["key"] for line in attempts} == set(cache.stored_keys())
    replayed = plugin_project.pytest(*workers, "--russo-cache-mode=replay", passed=6)
    assert "0 backend calls" in summary(replayed)
    assert sorted(plugin_project.project.calls) == ["a Prompt 0", "a Prompt 1"]


def test_package_that_cannot_be_imported_does_not_stop_the_others(plugin_project):
    plugin_project.install("broken", "pass")
    (plugin_project.site / "of_broken" / "__init__.py").write_text("import a_module_that_does_not_exist")
    plugin_project.install("ledger", "note('ledger', event)")
    plugin_project.project.tests(ONE_TEST)
    plugin_project.pytest(passed=1)
    assert len(plugin_project.notes("ledger")) == 5


def test_several_packages_get_every_event_in_the_order_of_pluggy(plugin_project):
    for name, option in [("last", "trylast=True"), ("one", ""), ("first", "tryfirst=True"), ("two", "")]:
        plugin_project.install(name, f"note({name!r}, event)", option)
    plugin_project.conftest()
    plugin_project.project.tests(ONE_TEST)
    plugin_project.pytest(passed=1)
    notes = plugin_project.notes()
    events = [notes[start : start + 5] for start in range(0, len(notes), 5)]
    assert len(events) == 5
    for event in events:
        assert len(set(hooks_and_prompts(event))) == 1
        first, *middle, last, conftest = (line["by"] for line in event)
        assert (first, sorted(middle), last, conftest) == ("first", ["one", "two"], "last", "conftest")


class SlowListener:
    """Delays the start of the prompt ``slow`` until ``quick`` is done, at most `patience` seconds.

    Args:
        patience: The maximum delay in seconds.
        gate: Set when ``slow`` starts.
    """

    def __init__(self, patience, gate):
        self.patience = patience
        self.gate = gate
        self.quick_is_done = threading.Event()
        self.saw_quick_done = None

    @hookimpl
    def russo_synthesis_start(self, event):
        if event.prompt == "slow":
            self.gate.set()
            self.saw_quick_done = self.quick_is_done.wait(self.patience)

    @hookimpl
    def russo_synthesis_finish(self, event):
        if event.prompt == "quick":
            self.quick_is_done.set()


def test_slow_listener_delays_the_other_prompts_of_its_event_loop(cache):
    async def both():
        gate = asyncio.Event()  # no prompt is synthesized before it is set
        cached = CachedSynthesizer(Speaker(gate=gate), cache=cache)
        with registered(SlowListener(0.2, gate)) as listener:
            audio = await asyncio.gather(cached.synthesize("slow"), cached.synthesize("quick"))
        return audio, listener.saw_quick_done

    assert run(both()) == ([sound("slow"), sound("quick")], False)
    assert cache.size() == 2


def test_slow_listener_does_not_delay_another_event_loop(cache):
    cached = CachedSynthesizer(Speaker(), cache=cache)
    with registered(SlowListener(20.0, threading.Event())) as listener:
        slow = threading.Thread(target=synthesize, args=(cached, "slow"))
        slow.start()
        assert listener.gate.wait(20.0)
        assert synthesize(cached, "quick") == sound("quick")
        slow.join(20.0)
    assert listener.saw_quick_done is True
    assert cache.size() == 2
