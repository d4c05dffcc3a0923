"""Engines with one fault each: only the check for that fault fails."""

from functools import partial

import pytest

from russo.testing import BackendContract
from russo.testing._checks import cancellation, cleanup, deadlines
from support.kit.checks import ALL, ENGINE_NEIGHBOURS, PROCESSES, REQUESTS, names_of
from support.kit.installed_backend import patched
from support.kit.right_sources import ENGINE, ENGINE_TEST
from support.kit.tables import WRONG_ENGINES
from support.kit.wrong_sounds import WRONG_SOUNDS


def assert_caught(wrong, others, kit):
    """Run the checks `others` and those in `wrong.caught_by`; assert that only the latter fail."""
    kit.install("engine", *patched(wrong.patches, ENGINE, ENGINE_TEST))
    failed, output = kit.run(others | wrong.caught_by)
    assert failed == names_of(wrong.caught_by)
    assert wrong.says in output
    assert output.count("the contract wants: ") == output.count("\nwhy: ") > 0


@pytest.fixture
def short_waits(monkeypatch):
    """Let the checks wait 1 s instead of 3 s for tasks to end, because tasks of wrong engines never end."""
    monkeypatch.setattr(cancellation, "END_SECONDS", 1.0)
    for module in (cancellation, cleanup):
        monkeypatch.setattr(module, "wait_until", partial(deadlines.wait_until, seconds=1.0))


@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize("name", WRONG_ENGINES)
def test_wrong_engine_is_caught_by_the_check_for_its_fault(name, kit):
    assert_caught(WRONG_ENGINES[name], ENGINE_NEIGHBOURS, kit)


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG_ENGINES)
def test_no_other_check_fails_for_a_wrong_engine(name, kit):
    wrong = WRONG_ENGINES[name]
    processes = PROCESSES if PROCESSES & wrong.caught_by else set()  # 0.33 s
    assert_caught(wrong, ALL - REQUESTS - PROCESSES | processes, kit)


@pytest.mark.parametrize("name", WRONG_SOUNDS)
def test_wrong_audio_is_caught(name, kit):
    code, says = WRONG_SOUNDS[name]
    code = f"from russo import Audio\n        sound = pcm_audio(b'ab' * 800, 8000).data\n        {code}"
    code = code.replace("wav(b", "__import__('russo.testing').testing.wav(b")
    wrong = ENGINE.replace("return pcm_audio(", f"{code}\n        return pcm_audio(")
    kit.install("engine", wrong, ENGINE_TEST)
    failed, output = kit.run({BackendContract.test_audio_is_what_it_says_it_is})
    assert failed == {"test_audio_is_what_it_says_it_is"}
    assert says in output
