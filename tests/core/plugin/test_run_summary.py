"""The lines after the counts, in a run: five at most, all with ``-v``, the old ones with ``-q``."""

import pytest

from support.projects import summary, summary_lines

# Seven classes that declare nothing, and a hook that raises.
UNDECLARED = """
    CLASSES = [type(f"Mine{number}", (), {"synthesize": Speaker.synthesize, "voice": "a"}) for number in range(7)]

    @pytest.fixture(params=CLASSES)
    def russo_synthesizer(request):
        return request.param()

    def pytest_russo_cache_miss(event):
        raise RuntimeError("out of order")
"""
HELLO = "def test_it(russo_say): russo_say('Hello')"


def lines_of(result):
    """Return russo's lines after the first one, without 'russo: '."""
    return summary_lines(result)[1:]


@pytest.fixture
def troubled_project(project):
    """A project whose summary has nine lines after the counts."""
    project.conftest(UNDECLARED)
    project.tests(HELLO)
    return project


def mine(number):
    return f"Mine{number} declares no cache_key_extra: its settings are not in the key"


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
def test_a_summary_has_five_lines_and_says_how_many_v_adds(troubled_project, workers):
    lines = lines_of(troubled_project.run(*workers, subprocess=bool(workers)))
    assert lines[0] == "mode auto, cache .russo_cache"
    assert "out of order" in lines[1]
    assert lines[2:] == [*map(mine, range(3)), "4 more lines with -v"]


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
def test_verbose_shows_every_line(troubled_project, workers):
    lines = lines_of(troubled_project.run("-v", *workers, subprocess=bool(workers)))
    assert "out of order" in lines[-8]
    assert lines[-7:] == [*map(mine, range(7))]


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
def test_quiet_shows_every_line_that_it_always_showed(troubled_project, workers):
    result = troubled_project.run("-q", *workers, subprocess=bool(workers))
    assert summary(result) == "0 hits, 7 backend calls (35 characters)"
    lines = lines_of(result)
    assert lines[:7] == [*map(mine, range(7))]
    assert len(lines) == 8
    assert "out of order" in lines[7]
