"""Fixture: a project that chooses its backend by name and has marked prompts."""

import pytest

ACME = """
    import asyncio, os
    from pathlib import Path
    from russo import Audio

    class Acme:
        now = most = 0

        def __init__(self, *, delay: float = 0.0, voice: str = "a"):
            self.delay = delay
            self.cache_key_extra = {"backend": "acme", "voice": voice}

        async def synthesize(self, text):
            descriptor = os.open(Path(__file__).with_name("calls.txt"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.write(descriptor, ("a " + text + "\\n").encode())
            os.close(descriptor)
            Acme.now += 1
            Acme.most = max(Acme.most, Acme.now)
            Path(__file__).with_name("most.txt").write_text(str(Acme.most))
            await asyncio.sleep(self.delay)
            Acme.now -= 1
            if text.startswith("Fail"):
                raise RuntimeError("no voice today")
            return Audio(b"xy" * 4000, "pcm", 8000)
"""
MARKED = """
    import pytest

    @pytest.mark.russo("One")
    def test_one(russo_audio): pass

    @pytest.mark.russo("Two")
    def test_two(russo_audio): pass

    @pytest.mark.russo("Two")
    def test_two_again(russo_audio): pass

    @pytest.mark.russo("Unasked")
    def test_unasked(): pass

    @pytest.mark.skip
    @pytest.mark.russo("Skipped")
    def test_skipped(russo_audio): pass

    @pytest.mark.skipif("True")
    @pytest.mark.russo("Perhaps")
    def test_perhaps(russo_audio): pass

    def test_said(russo_say): russo_say("Said")

    class TestOverride:
        @pytest.fixture
        def russo_synthesizer(self):
            from acme import Acme
            return Acme(voice="other")

        @pytest.mark.russo("Other")
        def test_other(self, russo_audio): pass
"""


@pytest.fixture
def acme_project(project):
    """A project that chooses `acme:Acme` by name, with the tests `MARKED`."""
    project.conftest("")
    project.pytester.makepyfile(acme=ACME)
    project.pytester.syspathinsert()
    project.ini("russo_synth = acme:Acme")
    project.tests(MARKED)
    return project
