"""A small pytest project that a test writes and runs."""

import sys
from pathlib import Path
from textwrap import dedent

SPEAKER = '''
    import os
    from pathlib import Path
    import pytest
    from russo import Audio, AudioCache, CachedSynthesizer, LayeredCache

    CALLS = Path(__file__).with_name("calls.txt")

    class Speaker:
        """Returns audio at once, and notes each call in a file."""

        def __init__(self, voice="a"):
            self.voice = voice

        @property
        def cache_key_extra(self):
            return {"backend": "speaker", "voice": self.voice}

        async def synthesize(self, text):
            descriptor = os.open(CALLS, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.write(descriptor, (self.voice + " " + text + "\\n").encode())
            os.close(descriptor)
            return Audio((self.voice + text).encode() * 100, "pcm", 8000, 1, 1)
'''
DEFAULT_FIXTURE = """
    @pytest.fixture(scope="session")
    def russo_synthesizer():
        return Speaker()
"""

# Each new process imports the plugins of these packages, trio among others: 0.2 s of its start of 0.35 s.
SLOW_PLUGINS = ("anyio", "time_machine")

# The source of one test each.
SAY_HELLO_TWICE = """
    def test_it(russo_say):
        assert russo_say("Hello").data == russo_say("Hello").data
"""
AWAIT_HELLO = """
    import pytest

    {mark}
    async def test_it(russo_synthesizer):
        from russo import CachedSynthesizer
        assert isinstance(russo_synthesizer, CachedSynthesizer)
        assert (await russo_synthesizer.synthesize("Hello")).data
"""


class _ImportGuard:
    """Notes whether a run imported numpy. pytester forgets the modules of an in-process run, and numpy cannot
    be imported twice, so that later tests of the same process would fail."""

    def __init__(self):
        self._before = "numpy" in sys.modules
        self.imported = ""

    def pytest_unconfigure(self):
        if "numpy" in sys.modules and not self._before:
            self.imported = "numpy"


class PytestProject:
    """A project in pytester's directory: an ini file, a conftest.py with a `Speaker`, and tests."""

    def __init__(self, pytester):
        self.pytester = pytester
        self.path: Path = pytester.path
        self.ini("")
        self.conftest(DEFAULT_FIXTURE)

    def ini(self, text):
        self.pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n" + dedent(text))

    def conftest(self, text):
        self.pytester.makeconftest(dedent(SPEAKER) + dedent(text))

    def tests(self, text, name="test_it"):
        self.pytester.makepyfile(**{name: dedent(text)})

    def run(self, *args, subprocess=False):
        # The projects do not use hypothesis, and each in-process run would import it again.
        arguments = ["-p", "no:cacheprovider", "-p", "no:hypothesispytest"]
        sources = "".join(path.read_text("utf-8", "replace") for path in self.path.glob("*.py"))
        for name in SLOW_PLUGINS:
            if name not in sources:
                arguments += ["-p", f"no:{name}"]
        arguments += ["-W", "error", *args]
        if subprocess:
            return self.pytester.runpytest_subprocess(*arguments)
        guard = _ImportGuard()
        result = self.pytester.runpytest_inprocess(*arguments, plugins=[guard])
        assert not guard.imported, f"the run imported {guard.imported}: run it with subprocess=True"
        return result

    @property
    def calls(self):
        """The voice and the prompt of each backend call, in order."""
        log = self.path / "calls.txt"
        return log.read_text().splitlines() if log.exists() else []

    def cached(self, directory=".russo_cache"):
        """The number of entries in the cache."""
        from russo import AudioCache

        return AudioCache(self.path / directory).size()


def summary_lines(result):
    """Return russo's lines after pytest's header, without 'russo: '."""
    lines = result.outlines
    end_of_header = next((number for number, line in enumerate(lines) if line.startswith("rootdir: ")), 0)
    return [line.removeprefix("russo: ") for line in lines[end_of_header:] if line.startswith("russo: ")]


def summary(result):
    """Return russo's first line in the terminal summary, without 'russo: '; None if it is missing."""
    return next(iter(summary_lines(result)), None)
