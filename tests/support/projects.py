"""Small real pytest projects, run for real."""

from pathlib import Path
from textwrap import dedent

SPEAKER = '''
    import os
    from pathlib import Path
    import pytest
    from russo import Audio, AudioCache, CachedSynthesizer, LayeredCache

    CALLS = Path(__file__).with_name("calls.txt")

    class Speaker:
        """Speaks at once, and notes in a file that it did."""

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


class Project:
    """One project in pytester's directory."""

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
        run = self.pytester.runpytest_subprocess if subprocess else self.pytester.runpytest_inprocess
        # hypothesis is not used in the projects, and in-process runs would import it anew each time.
        return run("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-W", "error", *args)

    @property
    def calls(self):
        """The voices and prompts that were spoken, in order."""
        log = self.path / "calls.txt"
        return log.read_text().splitlines() if log.exists() else []

    def cached(self, directory=".russo_cache"):
        """How many entries the cache has."""
        from russo import AudioCache

        return AudioCache(self.path / directory).size()


def summary(result):
    """The line of truth of a run, without its name."""
    lines = [line for line in result.outlines if line.startswith("russo: ")]
    return lines[0].removeprefix("russo: ") if lines else None
