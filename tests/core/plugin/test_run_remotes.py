"""Runs with a shared store: what they replay, what they upload, and what they adopt at their end."""

import functools
import os
import signal
import subprocess
import sys

import pytest

from support.projects import SAY_HELLO_TWICE, summary, summary_lines
from support.torture_work import wait_until

REPLAYED = "2 hits (10 characters, 0 s of speech, 1 from {url}), 0 backend calls"
# One worker costs half of two. A test about several processes asks for two.
WORKERS = pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["alone", "xdist"])
# Two tests that say the same prompt; the second one says it after another machine has won the race.
TWO_TESTS = """
    import hashlib, time
    from pathlib import Path

    ROOT = Path(__file__).parent

    def wait_for(path):
        until = time.monotonic() + 30
        while not path.exists():
            assert time.monotonic() < until, path
            time.sleep(0.01)

    def test_first(russo_say):
        (ROOT / "first").write_bytes(russo_say("Hello").data)
        {first}

    def test_second(russo_say):
        wait_for(ROOT / "first")
        wait_for(ROOT / "shared" / "lost")
        (ROOT / "second").write_bytes(russo_say("Hello").data)
        {second}
"""

# Without it, a process could crash before it knows that it lost the race.
UPLOAD_HOOK = """

def pytest_russo_remote_upload(event):
    from pathlib import Path
    (Path(__file__).parent / "ended").touch()
"""


@pytest.fixture
def shared(shared):
    """A shared store that the ini-file names, and a project that says a prompt twice."""
    shared.project.ini(f"russo_remote = {shared.url}")
    shared.project.tests(SAY_HELLO_TWICE)
    return shared


def write(shared, *arguments, **options):
    return shared.project.run("--russo-remote-write", *arguments, **options)


# -- replay and upload


def test_a_second_machine_replays_what_the_first_one_synthesized(project, shared):
    result = write(shared)
    assert summary(result) == (
        "1 hit (5 characters, 0 s of speech), 1 backend call to speaker (5 characters), "
        f"1 uploaded to {shared.url}"
    )
    recorded = shared.local()
    assert shared.objects == recorded
    shared.forget_local()
    shared.forget_calls()
    assert summary(project.run("--russo-cache-mode=replay")) == REPLAYED.format(url=shared.url)
    assert shared.local() == recorded
    assert shared.calls() == [f"get v1/{key[:2]}/{key}.russo" for key in recorded]
    assert project.calls == ["a Hello"]


def test_a_run_does_not_write_unless_it_is_asked(project, shared):
    project.run().assert_outcomes(passed=1)
    assert (shared.calls("put"), len(shared.calls("get"))) == ([], 1)


def test_a_local_hit_asks_no_store(project, shared):
    project.run("--russo-remote=off").assert_outcomes(passed=1)
    project.run().assert_outcomes(passed=1)
    assert shared.calls() == []


@pytest.mark.parametrize(
    ("mode", "calls"), [("refresh", ["put"]), ("off", []), ("auto", ["get", "put"]), ("replay", ["get"])]
)
def test_modes_use_the_store_as_documented(shared, mode, calls):
    write(shared, f"--russo-cache-mode={mode}")
    assert [call.partition(" ")[0] for call in shared.calls()] == calls


def test_refresh_replaces_the_entry_of_the_store(project, shared):
    write(shared).assert_outcomes(passed=1)
    (path,) = shared.root.glob("v1/??/*.russo")
    path.write_bytes(b"old")
    write(shared, "--russo-cache-mode=refresh").assert_outcomes(passed=1)
    assert shared.objects == shared.local()


@WORKERS
def test_counts_of_a_store_are_those_of_all_processes(project, shared, workers):
    project.tests(
        """
        import pytest

        @pytest.mark.parametrize("number", range(8))
        def test_it(russo_say, number): russo_say(f"Prompt {number}")
        """
    )
    result = write(shared, *workers)
    result.assert_outcomes(passed=8)
    assert summary(result).endswith(f"8 backend calls to speaker (64 characters), 8 uploaded to {shared.url}")
    shared.forget_local()
    result = project.run("-v")
    assert summary(result).startswith("8 hits (64 characters, 1 s of speech, 8 from folder://")
    assert f"remote {shared.url}: 8 lookups (8 found)" in summary_lines(result)


# -- trouble


@pytest.mark.parametrize("quiet", [[], ["-q"], ["-v"]], ids=["plain", "quiet", "verbose"])
def test_a_store_that_is_down_costs_no_test_and_is_one_line(project, shared, quiet):
    shared.trouble("outage")
    result = write(shared, *quiet)
    result.assert_outcomes(passed=1)
    lines = [line for line in summary_lines(result) if "it is down" in line]
    assert lines == [f"remote {shared.url}: 1 lookup skipped, 1 entry not uploaded (it is down)"]
    assert summary(result).startswith("1 hit (5 characters, 0 s of speech), 1 backend call")


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_a_refusal_switches_the_store_off_for_all_workers(project, shared, workers):
    project.tests(
        """
        import pytest

        @pytest.mark.parametrize("number", range(5))
        def test_it(russo_say, number): russo_say(f"Prompt {number}")
        """
    )
    shared.trouble("refused")
    result = write(shared, *workers)
    result.assert_outcomes(passed=5)
    assert f"remote {shared.url}: 5 lookups skipped, 5 entries not uploaded (it is down)" in (
        summary_lines(result)
    )
    # Each worker may ask once before it sees the answer that the other worker got.
    assert len(shared.calls("get")) <= (2 if workers else 1)


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (None, "no cached audio for 'Hello' in .russo_cache and not in URL (mode 'replay', key *"),
        ("outage", "URL could not be asked, and may have the entry: it is down"),
    ],
    ids=["absent", "down"],
)
def test_the_error_of_replay_says_what_the_store_answered(project, shared, kind, says):
    if kind is not None:
        shared.trouble(kind)
    result = project.run("--russo-cache-mode=replay")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"E *{says.replace('URL', shared.url)}", "E *record it once with: *"])
    assert project.calls == []


def test_an_entry_that_is_not_the_pinned_one_is_refused_in_replay(project, shared):
    write(shared).assert_outcomes(passed=1)
    (key,) = shared.local()
    shared.forget_local()
    (project.path / "russo.lock").write_text(f"# russo.lock 1\n{key} sha256:{'0' * 64} 600 pcm/8000/1/1\n")
    result = project.run("--russo-cache-mode=replay")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [f"E * {shared.url} has no usable entry: russo.lock pins other audio for this key"]
    )
    assert f"remote {shared.url}: 1 entry refused, because russo.lock pins other audio" in (
        summary_lines(result)
    )
    assert shared.local() == {}


def test_entries_that_no_lock_file_pins_are_counted(project, shared):
    write(shared).assert_outcomes(passed=1)
    shared.forget_local()
    (project.path / "russo.lock").write_text("# russo.lock 1\n")
    assert summary_lines(project.run())[1] == (
        f"1 entry from {shared.url} is not in russo.lock; pin it with: russo cache lock"
    )


# -- adoption


@pytest.fixture
def race(project, shared):
    """A function that lets another machine win the race for the prompts of a run; returns its audio."""

    def prepare(first="", second=""):
        project.run("--russo-remote=off").assert_outcomes(passed=1)
        winners = shared.let_others_win()
        shared.forget_local()
        project.tests(TWO_TESTS.format(first=first, second=second))
        return winners

    return prepare


def assert_adopted(project, shared, winners):
    assert (project.path / "first").read_bytes() == (project.path / "second").read_bytes() == b"aHello" * 100
    assert shared.local() == shared.objects == winners


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_entries_of_a_faster_machine_are_adopted_after_the_last_test(project, shared, race, workers):
    winners = race()
    result = write(shared, *workers)
    result.assert_outcomes(passed=2)
    assert_adopted(project, shared, winners)
    assert summary_lines(result)[1] == (
        f"1 entry of this run replaced by that of {shared.url}, because another machine stored it first"
    )
    assert len(project.calls) == 2


@pytest.mark.parametrize("options", [["-x"], ["--maxfail=1", "-n", "1"]], ids=["alone", "xdist"])
def test_entries_are_adopted_if_the_run_stops_early(project, shared, race, options):
    winners = race(second="assert False")
    write(shared, *options).assert_outcomes(passed=1, failed=1)
    assert_adopted(project, shared, winners)


def test_entries_are_adopted_although_a_worker_crashed(project, shared, race):
    winners = race(second="wait_for(ROOT / 'ended'); import os; os._exit(3)")
    conftest = project.path / "conftest.py"
    conftest.write_text(conftest.read_text() + UPLOAD_HOOK)
    result = write(shared, "-n", "1", "--max-worker-restart=0", subprocess=True)
    result.assert_outcomes(passed=1, failed=1)
    assert_adopted(project, shared, winners)


@pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["alone", "xdist"])
def test_entries_are_adopted_after_an_interrupt(project, shared, race, workers):
    interrupt = "import os, signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    winners = race(second=f"{interrupt}; os.kill(os.getpid(), signal.SIGINT)")
    result = write(shared, *workers, subprocess=True)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert_adopted(project, shared, winners)


def test_an_entry_that_the_store_lost_again_stays(project, shared, race):
    race(second="for path in (ROOT / 'shared').glob('v1/??/*.russo'): path.unlink()")
    write(shared).assert_outcomes(passed=2)
    assert list(shared.local().values()) == [b"aHello" * 100]


# -- stores of the user's own fixtures

OWN_CACHE = """
    @pytest.fixture(scope="session")
    def russo_synthesizer():
        return Speaker()

    @pytest.fixture(scope="session")
    def russo_cache():
        from russo import RemoteCache
        {store}
        return LayeredCache(AudioCache(CALLS.with_name(".russo_cache")), remote=RemoteCache(store, write=True))
"""


@pytest.fixture
def own(project, shared, race):
    """A function like `race`, of a project whose own ``russo_cache`` uses the store."""

    def prepare(store):
        winners = race()
        project.ini("")
        project.conftest(OWN_CACHE.format(store=store))
        return winners

    return prepare


@WORKERS
def test_a_store_of_a_fixture_is_used_like_that_of_the_settings(project, shared, own, workers):
    winners = own(f"store = {shared.url!r}")
    result = project.run(*workers)
    result.assert_outcomes(passed=2)
    assert_adopted(project, shared, winners)
    assert (
        f"1 entry of this run replaced by that of {shared.url}, because another machine stored it first"
        in summary_lines(result)
    )


@WORKERS
def test_the_lock_file_also_applies_to_the_store_of_a_fixture(project, shared, workers):
    write(shared).assert_outcomes(passed=1)
    (key,) = shared.local()
    shared.forget_local()
    (project.path / "russo.lock").write_text(f"# russo.lock 1\n{key} sha256:{'0' * 64} 600 pcm/8000/1/1\n")
    project.conftest(OWN_CACHE.format(store=f"store = {shared.url!r}"))
    result = project.run("--russo-remote=off", "--russo-cache-mode=replay", *workers)
    result.assert_outcomes(failed=1)
    assert f"remote {shared.url}: 1 entry refused, because russo.lock pins other audio" in (
        summary_lines(result)
    )


def test_an_invalid_lock_file_is_an_error_of_the_test_that_uses_the_store_of_a_fixture(project, shared):
    (project.path / "russo.lock").write_text("<<<<<<< ours\n")
    project.conftest(OWN_CACHE.format(store=f"store = {shared.url!r}"))
    result = project.run("--russo-remote=off")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *russo.lock, line 1: a merge conflict; *"])
    assert (project.calls, shared.calls()) == ([], [])


def test_the_setup_line_names_the_store_of_a_fixture(project, shared, own):
    own(f"store = {shared.url!r}")
    assert f"mode auto, cache .russo_cache, remote {shared.url}" in summary_lines(project.run())


def test_a_fixture_without_the_store_of_the_settings_is_reported(project, shared):
    project.conftest(
        """
        @pytest.fixture(scope="session")
        def russo_synthesizer():
            return Speaker()

        @pytest.fixture(scope="session")
        def russo_cache():
            return AudioCache(CALLS.with_name(".russo_cache"))
        """
    )
    assert summary_lines(project.run())[1:] == [
        f"the fixture russo_cache of conftest.py replaces the remote {shared.url} (ini-file, russo_remote)"
    ]
    assert shared.calls() == []


def test_an_object_of_a_fixture_is_a_store(project, shared, own):
    winners = own(f"from folder_store import FolderStore; store = FolderStore({shared.url!r})")
    project.run().assert_outcomes(passed=2)
    assert_adopted(project, shared, winners)


def test_uploads_of_an_object_in_a_worker_are_finished(project, shared):
    project.ini("")
    project.conftest(
        OWN_CACHE.format(store=f"from folder_store import FolderStore; store = FolderStore({shared.url!r})")
    )
    result = project.run("-n", "1")
    result.assert_outcomes(passed=1)
    assert shared.objects == shared.local()
    assert f"1 uploaded to {shared.url}" in summary(result)


# -- processes that end in another way


def test_a_process_that_is_killed_loses_only_its_uploads(project, shared):
    shared.before("put", "import os; os._exit(9)")
    result = write(shared, subprocess=True)
    assert result.ret == 9
    assert len(shared.local()) == 1
    assert shared.objects == {}
    (shared.root / "before-put.py").unlink()
    project.run().assert_outcomes(passed=1)


def interrupted(shared):
    """Run the project in a new process, interrupt it when a call of the store has begun; return both."""
    child = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "pytest", "-p", "no:cacheprovider", "--russo-remote-write"],
        cwd=shared.project.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A test suite started in the background ignores SIGINT, and its children inherit that.
        preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    try:
        wait_until((shared.root / "begun").exists)
        child.send_signal(signal.SIGINT)
        output, _ = child.communicate(timeout=60)
    finally:
        child.kill()
        child.wait()
    for word in ("InvalidStateError", "Exception ignored", "never retrieved", "Event loop is closed"):
        assert word not in output
    return child, output


# The wait for a lookup lasts 10 s, and that for the uploads 30 s. The calls last longer than both.
BLOCK = "import time; (root / 'begun').touch(); time.sleep(90)"


def test_ctrl_c_in_a_lookup_ends_the_run(shared):
    shared.before("get", BLOCK)
    child, output = interrupted(shared)
    assert child.returncode == pytest.ExitCode.INTERRUPTED, output
    assert "KeyboardInterrupt" in output
    assert "lookup skipped" not in output  # the lookup did not end before the run


def test_ctrl_c_in_the_wait_for_uploads_ends_the_wait_and_keeps_the_summary(project, shared):
    shared.before("put", BLOCK)
    project.tests(
        """
        import os, signal, sys, threading, time
        from pathlib import Path

        signal.signal(signal.SIGINT, signal.default_int_handler)

        def interrupt_the_wait():
            main = threading.main_thread().ident
            while sys._current_frames()[main].f_back.f_code.co_name != "flush":
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGINT)

        def test_it(russo_say, request):
            russo_say("Hello")
            while not Path(__file__).with_name("shared").joinpath("begun").exists():
                time.sleep(0.01)
            threading.Thread(target=interrupt_the_wait, daemon=True).start()
        """
    )
    result = write(shared, subprocess=True)
    result.assert_outcomes(passed=1)
    assert f"remote {shared.url}: 1 entry not uploaded (the wait for it was interrupted)" in (
        summary_lines(result)
    )
    assert result.ret == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_after_a_hit_does_not_hang(project, shared):
    write(shared).assert_outcomes(passed=1)
    shared.forget_local()
    project.tests(
        """
        import os, warnings

        def test_it(russo_say):
            russo_say("Hello")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                child = os.fork()
            if not child:
                russo_say("Hello")
                russo_say("In the child")
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
        """
    )
    shared.forget_calls()
    write(shared, subprocess=True).assert_outcomes(passed=1)
    assert len(shared.calls()) == 1
    assert project.calls == ["a Hello", "a In the child"]


def test_a_test_that_runs_again_finds_what_the_first_attempt_brought(project, shared):
    write(shared).assert_outcomes(passed=1)
    shared.forget_local()
    shared.forget_calls()
    project.tests(
        """
        def test_it(russo_say, request):
            russo_say("Hello")
            assert request.node.execution_count == 2
        """
    )
    result = project.run("--reruns=1", "-p", "no:randomly")
    assert summary(result) == REPLAYED.format(url=shared.url)
    assert len(shared.calls()) == 1


@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_an_async_test_awaits_an_entry_of_the_store(project, shared, mode):
    write(shared).assert_outcomes(passed=1)
    shared.forget_local()
    project.tests(
        """
        import asyncio
        import pytest

        @pytest.mark.asyncio
        @pytest.mark.parametrize("number", range(2))
        async def test_it(russo_synthesizer, number):
            sounds = await asyncio.gather(*(russo_synthesizer.synthesize("Hello") for _ in range(5)))
            assert len({sound.data for sound in sounds}) == 1
        """
    )
    shared.forget_calls()
    project.run(f"--asyncio-mode={mode}", "--russo-cache-mode=replay").assert_outcomes(passed=2)
    assert len(shared.calls()) == 1
