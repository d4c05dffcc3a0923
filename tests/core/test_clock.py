"""russo's own clock and random generator: a test that patches ``time`` or ``random`` does not affect them."""

import ast
import asyncio
import functools
import os
import random
import threading
import time
from pathlib import Path
from unittest import mock

import pytest

from russo import _alarms, _clock
from support.cpu_time import least
from support.speakers import run

ROOT = Path(__file__).parents[2]
SOURCES = [
    path
    for path in sorted(ROOT.glob("russo-*/src/**/*.py"))
    if "testing" not in path.parts and path.name not in {"_clock.py", "_alarms.py"}
]

# -- modules use only this clock and this generator

# Names that a test may freeze, replace or seed, by module; the command uses `time.time` to show ages.
FOREIGN = {
    "time": {"monotonic", "monotonic_ns", "perf_counter", "sleep", "time", "time_ns"},
    "random": {"random", "uniform", "randint", "choice", "shuffle", "Random", "seed", "getrandbits"},
    "asyncio": {"sleep", "timeout", "timeout_at", "wait_for"},
    "uuid": {"uuid4", "uuid1"},
}
ALLOWED = {
    ("_backends/bodies.py", "asyncio.sleep"),  # of 0 seconds
    ("_cli/cache_changes.py", "time.time"),
    ("_cli/cache_show.py", "time.time"),
    ("_cli/entry_table.py", "time.time"),
    ("_cli/recording.py", "asyncio.sleep"),  # of 0 seconds
    ("_connection.py", "asyncio.timeout"),
}
# A call uses the clock of its event loop, as the agent in this loop does. Plain tests use the loop of russo, and no
# test can freeze its clock.
AGENTS = [path for path in SOURCES if "russo-agents" in path.parts]
ALLOWED_FOR_AGENTS = {("audio.py", "time.time")}  # the SDK asks when playback started


def foreign_uses(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.attr in FOREIGN.get(node.value.id, ()):
                yield f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                # `mock.patch("time.sleep")` does not replace a name that was imported from the module.
                if alias.name in FOREIGN.get(node.module, ()) and alias.name != "sleep":
                    yield f"{node.module}.{alias.name}"


def test_no_module_uses_a_clock_or_generator_that_a_test_can_patch():
    found = {
        (path.name if path.parent.name.startswith("russo_") else f"{path.parent.name}/{path.name}", use)
        for path in SOURCES
        if path not in AGENTS
        for use in foreign_uses(path)
    }
    assert found == ALLOWED


def test_no_module_of_the_agents_uses_another_clock_than_that_of_the_event_loop():
    assert len(AGENTS) > 5
    found = {(path.name, use) for path in AGENTS for use in foreign_uses(path)}
    assert {(name, use) for name, use in found if not use.startswith("asyncio.")} == ALLOWED_FOR_AGENTS


# -- frozen clocks


def frozen_by_freezegun():
    return pytest.importorskip("freezegun").freeze_time("2026-01-01 09:00")


def frozen_by_time_machine():
    return pytest.importorskip("time_machine").travel("2026-01-01 09:00", tick=False)


def replaced_by_mock():
    names = ("monotonic", "perf_counter", "time", "sleep")
    return mock.patch.multiple(time, **{name: mock.Mock(return_value=1.0) for name in names})


FREEZES = pytest.mark.parametrize("freeze", [frozen_by_freezegun, frozen_by_time_machine, replaced_by_mock])


async def waits():
    await _alarms.sleep(0.02)
    with pytest.raises(TimeoutError):
        async with _alarms.timeout(0.02):
            await asyncio.Event().wait()
    return "done"


@FREEZES
def test_waits_end_under_a_frozen_clock_in_a_loop_of_the_test(freeze):
    outcome = []
    with freeze():
        thread = threading.Thread(target=lambda: outcome.append(asyncio.run(waits())), daemon=True)
        thread.start()
        thread.join(20)
    assert outcome == ["done"]


@FREEZES
def test_clock_runs_while_time_is_frozen(freeze):
    with freeze():
        begun = _clock.monotonic()
        threading.Event().wait(0.02)
        assert 0.01 < _clock.monotonic() - begun < 10


@pytest.mark.parametrize("freeze", [frozen_by_freezegun, replaced_by_mock])
def test_time_of_day_is_real_while_time_is_frozen(freeze):
    today = time.time()
    with freeze():
        assert today <= _clock.now() < today + 60


RETRYING = """
    from russo import Audio, ServiceError
    from russo.authoring import Attempts

    class Busy:
        cache_key_extra = {"backend": "busy"}

        def __init__(self):
            self.attempts, self.number = Attempts("busy"), 0

        async def synthesize(self, text):
            async def attempt():
                self.number += 1
                if self.number % 2:
                    raise self.attempts.error(ServiceError, "503", prompt=text, retry_after=0.05)
                return Audio(b"ab" * 100, "pcm", 8000, 1, 1)

            return await self.attempts.run(text, attempt)
"""
FROZEN_TESTS = """
    import asyncio, time, unittest.mock
    import freezegun, pytest, time_machine

    def frozen(test):
        return {how}(test)

    @frozen
    def test_plain(russo_say):
        assert russo_say("Plain").data

    @frozen
    @pytest.mark.asyncio
    async def test_async(russo_synthesizer):
        assert (await russo_synthesizer.synthesize("Async")).data

    @frozen
    def test_own_loop(russo_synthesizer):
        assert asyncio.run(russo_synthesizer.synthesize("Own")).data
"""


@pytest.mark.parametrize(
    "how",
    [
        'freezegun.freeze_time("2026-01-01")',
        'time_machine.travel("2026-01-01", tick=False)',
        'unittest.mock.patch("time.monotonic", lambda: 1.0)',
        'unittest.mock.patch("time.sleep", lambda seconds: 1 / 0)',
    ],
)
def test_retry_in_a_frozen_test_ends(project, how):
    for name in ("freezegun", "time_machine"):
        pytest.importorskip(name)
    project.conftest("")
    project.pytester.makepyfile(busy=RETRYING)
    project.pytester.syspathinsert()
    project.ini("russo_synth = busy:Busy")
    project.tests(FROZEN_TESTS.format(how=how))
    project.run().assert_outcomes(passed=3)


def test_sleep_of_a_backend_ends_in_a_plain_frozen_test(project):
    pytest.importorskip("freezegun")
    project.conftest(
        """
        class Sleepy(Speaker):
            async def synthesize(self, text):
                import asyncio
                await asyncio.sleep(0.02)
                return await super().synthesize(text)

        @pytest.fixture(scope="session")
        def russo_synthesizer():
            return Sleepy()
        """
    )
    project.tests(
        """
        import freezegun

        @freezegun.freeze_time("2026-01-01")
        def test_plain(russo_say, russo_synthesizer):
            assert russo_say("Plain").data
            assert russo_synthesizer.synthesize_sync("Alone").data
        """
    )
    project.run().assert_outcomes(passed=1)


# -- seeded generators


def test_retry_does_not_use_the_seeded_generator_of_the_test(project):
    project.conftest("")
    project.pytester.makepyfile(busy=RETRYING)
    project.pytester.syspathinsert()
    project.ini("russo_synth = busy:Busy")
    project.tests(
        """
        import random

        def test_seeded(russo_say):
            random.seed(7)
            russo_say("Hello")
            assert random.random() == 0.32383276483316237
        """
    )
    for _ in range(2):  # a miss, then a hit
        project.run().assert_outcomes(passed=1)


def test_waits_and_names_differ_between_processes_with_the_same_seed(tmp_path):
    from russo._backends.attempts import _delay
    from russo._store.files import write_temporary

    drawn = set()
    for number in range(3):
        random.seed(7)
        drawn.add((_delay(1, None), write_temporary(str(tmp_path), "key", b"x")[0], number))
    assert len({delay for delay, _, _ in drawn}) == len({path for _, path, _ in drawn}) == 3


# -- alarms


def alarm_threads():
    return [each for each in threading.enumerate() if each.name == "russo-clock"]


def test_alarms_fire_in_order_in_one_thread_that_ends(monkeypatch):
    monkeypatch.setattr(
        _alarms, "_alarms", functools.cache(_alarms._Alarms)
    )  # other tests leave some threads
    others = set(alarm_threads())
    rung, threads = [], set()

    async def wait_and_note(seconds):
        await _alarms.sleep(seconds)
        threads.update(alarm_threads())
        rung.append(seconds)

    async def main():
        await asyncio.gather(*map(wait_and_note, (0.3, 0.1, 60.0, 0.2)), return_exceptions=True)

    async def bounded():
        task = asyncio.ensure_future(main())
        await asyncio.wait([task], timeout=0.6)
        threads.update(alarm_threads())
        task.cancel()
        await asyncio.wait([task])

    run(bounded())
    threads -= others
    assert rung == [0.1, 0.2, 0.3]
    assert len(threads) == 1
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()


def test_alarm_set_while_the_thread_waits_for_a_later_one_fires_in_time():
    async def main():
        later = asyncio.ensure_future(_alarms.sleep(60))
        await asyncio.sleep(0.05)  # now the thread waits
        await _alarms.sleep(0.02)
        later.cancel()
        return "done"

    assert run(main(), seconds=5) == "done"


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_alarm_in_the_past_fires_at_once(seconds):
    begun = _clock.monotonic()
    run(_alarms.sleep(seconds))
    assert _clock.monotonic() - begun < 5


def test_waits_use_the_event_loop_if_no_thread_can_start(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    async def main():
        monkeypatch.setattr(threading.Thread, "start", refuse)
        return await waits()

    assert run(main()) == "done"


def test_timeout_may_be_infinite():
    async def main():
        async with _alarms.timeout(float("inf")):
            await _alarms.sleep(0.01)
        return "done"

    assert run(main()) == "done"


def test_cancelled_block_raises_cancellation_and_not_a_timeout():
    async def main():
        async def block():
            async with _alarms.timeout(60):
                await asyncio.Event().wait()

        task = asyncio.ensure_future(block())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return "done"

    assert run(main()) == "done"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_child_has_its_own_alarms():
    async def main():
        waiting = asyncio.ensure_future(_alarms.sleep(5))
        await asyncio.sleep(0.01)
        child = os.fork()
        if not child:
            os._exit(0 if child_waits() else 1)
        waiting.cancel()
        until = _clock.monotonic() + 10
        while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):  # noqa: ASYNC222 - it does not block
            if _clock.monotonic() > until:
                os.kill(child, 9)
            await asyncio.sleep(0.02)
        return ended[1]

    assert run(main()) == 0


def child_waits():
    outcome = []
    thread = threading.Thread(target=lambda: outcome.append(asyncio.run(waits())), daemon=True)
    thread.start()
    thread.join(8)
    return outcome == ["done"]


def test_work_per_alarm_does_not_depend_on_the_number_of_alarms():
    async def main(number):
        tasks = [asyncio.ensure_future(_alarms.sleep(60)) for _ in range(number)]
        await asyncio.sleep(0)
        begun = time.process_time()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        tasks = [_alarms.sleep(0.001) for _ in range(number)]
        await asyncio.gather(*tasks)
        return time.process_time() - begun

    few, many = (least(lambda number=number: run(main(number))) for number in (250, 2000))
    assert many < 8 * 6 * max(few, 0.005)
