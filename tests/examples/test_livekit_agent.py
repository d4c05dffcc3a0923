"""`examples/livekit-agent`: its tests pass, and a test that fails shows what the agent heard and did."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from support.page_blocks import ROOT, blocks

pytest.importorskip("livekit.agents")
pytest.importorskip("pocketsphinx")

EXAMPLE = ROOT / "examples" / "livekit-agent"
TIMER = "tests/test_timer.py"


@pytest.fixture
def example(tmp_path):
    """A copy of the example, with the test of its README."""
    ignore = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "README.md")
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True, ignore=ignore)
    (timer,) = (block.text for block in readme() if block.title == TIMER)
    (tmp_path / TIMER).write_text(timer, "utf-8")
    return tmp_path


def readme():
    page = EXAMPLE / "README.md"
    return blocks(page.read_text("utf-8"), page)


def run_pytest(directory, *options, code=0):
    own = ("RUSSO_", "PYTEST_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options],
        cwd=directory,
        env=environment | {"COLUMNS": "80"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def test_suite_passes_with_two_workers(example):
    seen = run_pytest(example, "-n", "2", "-m", "not russo_real_time")
    assert "12 passed" in seen
    assert "russo: 12 calls with 14 turns, " in seen
    assert not (example / ".russo_calls").exists()


def test_misheard_word_is_shown_with_the_argument_that_differs(example):
    seen = run_pytest(example, TIMER, "--russo-synth-option=local.speed=1.35", code=1)
    (shown,) = (block.text for block in readme() if block.language == "text")
    lines = without_numbers(seen).splitlines()
    assert [line for line in without_numbers(shown).splitlines() if line not in lines] == []
    (folder,) = (each for each in (example / ".russo_calls").iterdir() if each.is_dir())
    assert {each.name for each in folder.iterdir()} == {"call.json", "call.wav"}


def without_numbers(text):
    """Replace what differs from run to run: the times."""
    return re.sub(r"(?m)^ *\d+\.\d\d(?=  )", "...", text)
