"""Async tests, event loops and ``russo_say``."""

import pytest

from support.projects import AWAIT_HELLO


@pytest.mark.parametrize(
    ("options", "mark"),
    [
        (["-o", "asyncio_mode=strict"], "@pytest.mark.asyncio"),
        (["-o", "asyncio_mode=auto"], ""),
        ([], "@pytest.mark.anyio"),
    ],
    ids=["asyncio-strict", "asyncio-auto", "anyio"],
)
def test_async_tests_await_the_synthesizer(project, options, mark):
    project.tests(AWAIT_HELLO.format(mark=mark))
    result = project.run(*options)
    assert result.ret == 0
    assert project.calls == ["a Hello"]


def test_trio_tests_miss_and_hit(project):
    project.tests(
        """
        import pytest

        @pytest.fixture
        def anyio_backend():
            return "trio"

        @pytest.mark.anyio
        async def test_it(russo_synthesizer):
            assert await russo_synthesizer.synthesize("Hello") == await russo_synthesizer.synthesize("Hello")
        """
    )
    project.run().assert_outcomes(passed=1)
    assert project.calls == ["a Hello"]


def test_marked_audio_reaches_async_tests(project):
    project.tests(
        """
        import pytest

        @pytest.mark.asyncio
        @pytest.mark.russo("Hello")
        async def test_it(russo_audio):
            assert russo_audio.data.startswith(b"aHello")
        """
    )
    project.run().assert_outcomes(passed=1)


def test_say_works_inside_a_running_loop_and_does_not_change_the_users_loops(project):
    project.tests(
        """
        import asyncio, pytest

        @pytest.mark.asyncio
        async def test_async(russo_say):
            assert russo_say("Hello").data
            await asyncio.sleep(0)

        def test_plain(russo_say):
            loop = asyncio.new_event_loop()
            asyncio.set_event_loop(loop)
            russo_say("Goodbye")
            assert asyncio.get_event_loop_policy().get_event_loop() is loop if __import__("sys").version_info < (3, 14) else True
            loop.close()
            asyncio.set_event_loop(None)
        """
    )
    project.run().assert_outcomes(passed=2)
