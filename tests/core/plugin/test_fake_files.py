"""Tests with a fake file system (pyfakefs)."""

import pytest

from support.projects import summary

pytest.importorskip("pyfakefs")
SENTENCE = "russo: a test under a fake file system cannot read or write the cache; *"
LOST = {
    "say": "def test_it(fs, russo_say): russo_say('Hello')",
    "say before fs": "def test_it(russo_say, fs): russo_say('Hello')",
    "audio": "@pytest.mark.russo('Hello')\ndef test_it(fs, russo_audio): pass",
    "await": (
        "@pytest.mark.asyncio\n"
        "async def test_it(russo_synthesizer, fs): await russo_synthesizer.synthesize('Hello')"
    ),
    "fs_module": "def test_it(fs_module, russo_say): russo_say('Hello')",
}
KEPT = {
    "audio before fs": "@pytest.mark.russo('Hello')\ndef test_it(russo_audio, fs): pass",
    "paused": (
        "from pyfakefs.fake_filesystem_unittest import Pause\n"
        "def test_it(russo_say, fs):\n    with Pause(fs): russo_say('Hello')\n    fs.create_file('/x')"
    ),
    "no fake": "def test_it(russo_say): russo_say('Hello')",
}


@pytest.fixture
def quiet(project):
    """A project whose synthesizer opens no file, because the file would be fake."""
    project.conftest(
        """
        @pytest.fixture(scope="session")
        def russo_synthesizer():
            class Quiet(Speaker):
                async def synthesize(self, text):
                    return Audio(b"sound", "pcm", 8000, 1, 1)

            return Quiet()
        """
    )
    return project


@pytest.mark.parametrize("test", LOST.values(), ids=LOST)
def test_audio_stored_in_a_fake_file_system_is_reported_once(quiet, test):
    quiet.tests(f"import pytest\n{test}\ndef test_again(fs, russo_say): russo_say('More')")
    for _ in range(2):
        result = quiet.run()
        result.assert_outcomes(passed=2)
        assert summary(result).startswith("0 hits, 2 backend calls")
        result.stdout.fnmatch_lines([SENTENCE])
        assert sum("fake file system" in line for line in result.outlines) == 1


@pytest.mark.parametrize("test", KEPT.values(), ids=KEPT)
def test_audio_synthesized_outside_the_fake_file_system_is_stored(quiet, test):
    quiet.tests(f"import pytest\n{test}")
    for calls in (1, 0):
        result = quiet.run()
        result.assert_outcomes(passed=1)
        assert f"{calls} backend call" in summary(result)
        result.stdout.no_fnmatch_line(SENTENCE)
    assert quiet.cached() == 1


def test_replay_miss_names_the_fake_file_system(quiet):
    quiet.tests("def test_it(fs, russo_say): russo_say('Hello')")
    result = quiet.run("--russo-cache-mode=replay")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([SENTENCE])


def test_report_of_a_run_with_a_fake_file_system_is_written(quiet):
    quiet.tests("def test_it(fs, russo_say): russo_say('Hello')")
    result = quiet.run("--russo-report=page.html")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([SENTENCE, "russo: report written to page.html"])
    assert (quiet.path / "page.html").exists()
