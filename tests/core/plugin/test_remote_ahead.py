"""A shared store before the tests: speaking ahead asks it first, and record-only runs pin what they recorded."""

from hashlib import sha256

import pytest

from russo import AudioCache
from russo._remote.pins import LockFile, Pin
from support.projects import summary, summary_lines

MARKED = """
    import pytest

    @pytest.mark.parametrize(
        "number", [pytest.param(number, marks=pytest.mark.russo(f"Prompt {number}")) for number in range(6)]
    )
    def test_it(russo_audio, number): pass
"""
RECORD = "--russo-record-only"
OUTAGE_ONCE = """
    from russo import StoreError
    asked = root / f"asked-{name[-20:]}"
    if len(asked.read_bytes() if asked.exists() else b"") < 2:  # ahead, and by the request
        with asked.open("ab") as file:
            file.write(b".")
        raise StoreError("not yet", kind="outage")
"""


@pytest.fixture
def ahead(acme_project, shared):
    """A project with six marked prompts that is spoken ahead, and has a shared store."""
    set_ini(shared, "russo_speak_ahead = 4")
    acme_project.tests(MARKED)
    return acme_project


def set_ini(shared, text=""):
    shared.project.ini(f"russo_synth = acme:Acme\nrusso_remote = {shared.url}\n{text}")


def write(project, *arguments, **options):
    return project.run("--russo-remote-write", *arguments, **options)


@pytest.fixture
def filled(ahead, shared):
    """The same project on another machine: the store has all prompts, and the local cache has none."""
    write(ahead).assert_outcomes(passed=6)
    shared.forget_local()
    shared.forget_calls()
    (ahead.path / "calls.txt").unlink()
    return ahead


def test_each_missing_prompt_is_looked_up_once_and_stored_once(ahead, shared):
    result = write(ahead)
    assert summary(result) == (f"0 hits, 6 backend calls to acme (48 characters), 6 uploaded to {shared.url}")
    assert (len(shared.calls("get")), len(shared.calls("put"))) == (6, 6)


@pytest.mark.parametrize("mode", ["auto", "replay"])
@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_prompts_come_before_the_tests_which_then_count_as_hits(filled, shared, mode, workers):
    result = filled.run(f"--russo-cache-mode={mode}", *workers)
    result.assert_outcomes(passed=6)
    assert summary(result) == (f"6 hits (48 characters, 3 s of speech, 6 from {shared.url}), 0 backend calls")
    assert sorted(shared.calls()) == sorted(f"get v1/{key[:2]}/{key}.russo" for key in shared.objects)
    assert filled.calls == []


def test_prompts_are_asked_for_at_the_same_time(filled, shared):
    # Each call waits until four calls wait, so that calls one after another would never return.
    shared.before(
        "get",
        """
        import time
        (root / f"asked-{name[-20:]}").touch()
        until = time.monotonic() + 9
        while len(list(root.glob("asked-*"))) < 4:
            assert time.monotonic() < until
            time.sleep(0.01)
        """,
    )
    filled.run("--russo-cache-mode=replay").assert_outcomes(passed=6)
    assert summary_lines(filled.run())[1:] == []


def test_replay_fails_only_the_tests_whose_prompts_the_store_lacks(filled, shared):
    missing = next(iter(shared.root.glob("v1/??/*.russo")))
    missing.unlink()
    result = filled.run("--russo-cache-mode=replay")
    result.assert_outcomes(passed=5, errors=1)
    result.stdout.fnmatch_lines(
        [f"no cached audio for * in .russo_cache and not in {shared.url} (mode 'replay'*"]
    )
    assert len(shared.calls("get")) == 6


def test_a_store_that_is_down_ahead_is_reported_once_for_each_prompt(ahead, shared):
    shared.trouble("refused")
    result = ahead.run()
    result.assert_outcomes(passed=6)
    assert f"remote {shared.url}: 6 lookups skipped (it is down)" in summary_lines(result)
    assert summary(result) == "0 hits, 6 backend calls to acme (48 characters)"


def test_a_prompt_that_a_later_answer_brings_is_a_hit(filled, shared):
    # The lookup ahead of the tests fails, and the one of the test succeeds.
    shared.before(
        "get",
        """
        from russo import StoreError
        asked = root / f"asked-{name[-20:]}"
        if not asked.exists():
            asked.touch()
            raise StoreError("not yet", kind="outage")
        """,
    )
    set_ini(shared, "russo_speak_ahead = 1")
    filled.tests(MARKED.replace("range(6)", "range(2)"))
    result = filled.run()
    assert summary(result) == (f"2 hits (16 characters, 1 s of speech, 2 from {shared.url}), 0 backend calls")
    assert filled.calls == []


def test_a_prompt_of_a_test_that_may_be_skipped_is_brought_and_not_spoken(ahead, shared):
    ahead.conftest(
        """
        def pytest_runtest_setup(item):
            pytest.skip("not today")
        """
    )
    ahead.run().assert_outcomes(skipped=6)
    assert len(shared.calls("get")) == 6
    assert ahead.calls == []


@pytest.mark.parametrize("arguments", [["-x"], ["--setup-plan"], ["--collect-only"], ["--russo-remote=off"]])
def test_nothing_is_asked_before_the_tests_of_such_runs(filled, shared, arguments):
    filled.tests(MARKED.replace("pass", "import pytest; pytest.fail('no')"))
    filled.run(*arguments, "--russo-cache-mode=replay")
    assert len(shared.calls()) == (1 if arguments == ["-x"] else 0)


# -- record-only


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_record_only_uploads_once_and_brings_the_rest(ahead, shared, workers):
    set_ini(shared)
    ahead.tests(MARKED.replace("range(6)", "range(2)"))
    first = write(ahead, RECORD, *workers)
    assert summary_lines(first)[0] == "2 of 2 marked prompts are recorded"
    assert f"2 uploaded to {shared.url}" in summary_lines(first)[1]
    shared.forget_local()
    ahead.tests(MARKED)
    second = write(ahead, RECORD, *workers)
    assert summary_lines(second)[0] == f"6 of 6 marked prompts are recorded, 2 of them from {shared.url}"
    assert summary_lines(second)[1] == (
        f"0 hits, 2 entries from {shared.url}, 4 backend calls to acme (32 characters), "
        f"4 uploaded to {shared.url}"
    )
    assert shared.objects == shared.local()
    assert len(shared.objects) == 6


def lock_of(project):
    return LockFile(project.path / "russo.lock")


def test_record_only_pins_what_it_recorded_if_there_is_a_lock_file(ahead, shared):
    set_ini(shared)
    write(ahead, RECORD)
    assert not (ahead.path / "russo.lock").exists()
    (ahead.path / "russo.lock").write_text("")
    result = write(ahead, RECORD)
    assert summary_lines(result)[:2] == ["6 of 6 marked prompts are recorded", "russo.lock: 6 pins added"]
    pins = lock_of(ahead).pins
    assert sorted(pin.prompt for pin in pins.values()) == [f"Prompt {number}" for number in range(6)]
    assert all(pins[key].digest == sha256(data).hexdigest() for key, data in shared.local().items())
    before = (ahead.path / "russo.lock").read_bytes()
    assert "russo.lock" not in " ".join(summary_lines(write(ahead, RECORD)))
    assert (ahead.path / "russo.lock").read_bytes() == before


def test_record_only_does_not_call_entries_unpinned_that_it_pins(filled, shared):
    (filled.path / "russo.lock").write_text("")
    lines = summary_lines(filled.run(RECORD))
    assert "russo.lock: 6 pins added" in lines
    assert "not in russo.lock" not in " ".join(lines)


def test_record_only_pins_without_a_shared_store(ahead):
    ahead.ini("russo_synth = acme:Acme")
    (ahead.path / "russo.lock").write_text("")
    assert summary_lines(ahead.run(RECORD))[1] == "russo.lock: 6 pins added"


def test_record_only_replaces_the_pin_of_a_refreshed_prompt_and_uploads_it(ahead, shared):
    set_ini(shared)
    ahead.tests(MARKED.replace("range(6)", "range(1)"))
    write(ahead, RECORD)
    (key,) = shared.objects
    kept = Pin("1" * 64, 3, "pcm/8000/1/1", "Another prompt")
    LockFile(ahead.path / "russo.lock").update({key: Pin("0" * 64, 2, "wav/24000/1/2"), "f" * 64: kept})
    result = write(ahead, RECORD, "--russo-cache-mode=refresh")
    assert "russo.lock: 1 pin replaced" in summary_lines(result)
    assert f"1 uploaded to {shared.url}" in " ".join(summary_lines(result))
    assert lock_of(ahead).pins["f" * 64] == kept
    assert lock_of(ahead).pins[key].digest == sha256(shared.objects[key]).hexdigest()


@pytest.mark.parametrize("outage", [False, True], ids=["looked up", "not looked up"])
def test_record_only_neither_adopts_nor_pins_audio_that_the_pin_refuses(ahead, shared, outage):
    set_ini(shared)
    ahead.tests(MARKED.replace("range(6)", "range(1)"))
    write(ahead, RECORD)
    (path,) = shared.root.glob("v1/??/*.russo")
    key, own = path.stem, shared.objects[path.stem]
    pins = {key: Pin.of(AudioCache(ahead.path / ".russo_cache").get(key), "Prompt 0")}
    LockFile(ahead.path / "russo.lock").update(pins)
    shared.let_others_win()
    path.write_bytes((shared.root / "winners" / key).read_bytes())
    shared.forget_local()
    if outage:
        shared.before("get", OUTAGE_ONCE)
    result = write(ahead, RECORD)
    assert shared.local() == {key: own}
    assert shared.objects[key] != own
    assert lock_of(ahead).pins == pins
    if not outage:
        assert f"remote {shared.url}: 1 entry refused, because russo.lock pins other audio" in (
            " ".join(summary_lines(result))
        )


def test_record_only_refuses_an_invalid_lock_file_before_it_calls_the_backend(ahead):
    ahead.ini("russo_synth = acme:Acme")
    (ahead.path / "russo.lock").write_text("<<<<<<< ours\n")
    result = ahead.run(RECORD)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *russo.lock, line 1: a merge conflict;*"])
    assert ahead.calls == []


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_record_only_pins_the_audio_of_a_faster_machine(ahead, shared, workers):
    set_ini(shared)
    ahead.run(RECORD, "--russo-remote=off")
    winners = shared.let_others_win()
    shared.forget_local()
    (ahead.path / "russo.lock").write_text("")
    result = write(ahead, RECORD, *workers)
    assert shared.objects == shared.local() == winners
    pins = lock_of(ahead).pins
    assert all(pins[key].digest == sha256(data).hexdigest() for key, data in winners.items())
    assert len(pins) == 6
    assert "russo.lock: 6 pins added" in summary_lines(result)
