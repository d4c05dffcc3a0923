"""The promises of the cache in pytest runs with several workers."""

import re

import pytest

from russo import AudioCache
from support.projects import summary
from support.torture_disk import fill, mounted

PROMPTS = 20
# Most of the time is the start of the workers, and these plugins would add to it.
FEWER_PLUGINS = ("-p", "no:hypothesispytest", "-p", "no:anyio")
SPEAKER = """
    import asyncio

    class Slow(Speaker):
        async def synthesize(self, text):
            await asyncio.sleep(0.05)
            return await super().synthesize(text)

    @pytest.fixture(scope="session")
    def russo_synthesizer():
        return Slow()
"""
TESTS = f"""
    import pytest

    @pytest.mark.parametrize("number", range({PROMPTS}))
    @pytest.mark.parametrize("worker", range(8))
    def test_it(russo_say, number, worker):
        number = (number + 3 * worker) % {PROMPTS}
        assert russo_say(f"Prompt {{number}}").data == f"aPrompt {{number}}".encode() * 100
"""


@pytest.fixture
def spoken(project):
    project.conftest(SPEAKER)
    project.tests(TESTS)
    return project


def run(project, *args, workers):
    result = project.run(*FEWER_PLUGINS, "-n", str(workers), *args, subprocess=True)
    result.assert_outcomes(passed=8 * PROMPTS)
    return summary(result)


def test_three_workers_synthesize_each_prompt_once_per_run(spoken):
    assert_each_prompt_is_synthesized_once_per_run(spoken, 3)


@pytest.mark.slow
def test_eight_workers_synthesize_each_prompt_once_per_run(spoken):
    assert_each_prompt_is_synthesized_once_per_run(spoken, 8)


def assert_each_prompt_is_synthesized_once_per_run(spoken, workers):
    """Check a first run, a run in mode refresh, and a run in which all entries are damaged."""
    assert f"{PROMPTS} backend calls" in run(spoken, workers=workers)
    assert len(spoken.calls) == len(set(spoken.calls)) == PROMPTS

    run(spoken, "--russo-cache-mode=refresh", workers=workers)
    assert sorted(spoken.calls) == sorted(2 * spoken.calls[:PROMPTS])

    cache = AudioCache(spoken.path / ".russo_cache")
    for path in cache.directory.glob("*.audio"):
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
    said = run(spoken, workers=2)
    assert len(spoken.calls) == 3 * PROMPTS
    assert re.search(r"\d+ damaged", said)
    assert cache.size() == PROMPTS
    assert all(cache.get(key) is not None for key in cache.stored_keys())


def test_full_disk_is_in_the_summary_and_fails_no_test(project, tmp_path_factory):
    project.tests(
        """
        import pytest

        @pytest.mark.parametrize("number", range(6))
        def test_it(russo_say, number):
            assert russo_say(f"Prompt {number % 3}").data == f"aPrompt {number % 3}".encode() * 100
        """
    )
    with mounted(tmp_path_factory.mktemp("full") / "disk", "size=64k") as disk:
        options = (*FEWER_PLUGINS, "-n", "2", f"--russo-cache-dir={disk / 'cache'}")
        fill(disk / "filler", 0)
        result = project.run(*options, subprocess=True)
        result.assert_outcomes(passed=6)
        assert re.search(r"\d not stored \(No space left on device\)", summary(result))
        (disk / "filler").unlink()
        spent = len(project.calls)
        project.run(*options, subprocess=True).assert_outcomes(passed=6)
        assert len(project.calls) == spent + 3
        assert AudioCache(disk / "cache").size() == 3
        assert not list(disk.glob("cache/.*russo-tmp"))


def test_killed_worker_does_not_delay_the_others(project):
    project.conftest(
        """
        import asyncio, os, signal

        class Deadly(Speaker):
            async def synthesize(self, text):
                audio = await super().synthesize(text)
                await asyncio.sleep(0.5)
                if len(CALLS.read_text().splitlines()) == 1:
                    os.kill(os.getpid(), signal.SIGKILL)
                return audio

        @pytest.fixture(scope="session")
        def russo_synthesizer():
            return Deadly()
        """
    )
    project.tests(
        """
        import pytest

        @pytest.mark.parametrize("number", range(4))
        def test_it(russo_say, number):
            assert russo_say("the same prompt").data == b"athe same prompt" * 100
        """
    )
    result = project.run(*FEWER_PLUGINS, "-n", "2", subprocess=True)
    result.assert_outcomes(passed=3, failed=1)  # the test of the killed worker fails
    assert project.calls == ["a the same prompt"] * 2
