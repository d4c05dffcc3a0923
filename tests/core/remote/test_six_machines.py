"""Six machines with 20 new prompts, at once: what a recording job before them saves, and that all agree after."""

import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from russo.testing import LoopbackObjectServer
from support.cache_files import entry_files

pytest.importorskip("russo_remote")

MACHINES, PROMPTS, SIZE = 6, 20, 20_000
TESTS = str(Path(__file__).parents[2])


@pytest.fixture
def server(monkeypatch):
    with LoopbackObjectServer() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


@dataclass
class Bill:
    """The costs of a team: backend calls, and requests of the store."""

    calls: int
    gets: int
    puts: int


def speak(tmp_path, server, *names):
    """Let machines speak all prompts at once; return the sum of their backend calls."""
    command = ["-m", "support.remote.client"]
    started = [
        subprocess.Popen(
            [
                sys.executable,
                *command,
                tmp_path / name,
                server.store_url,
                "speak",
                f"{PROMPTS}",
                f"{SIZE}",
                name,
            ],
            cwd=TESTS,
            env=os.environ | {"PYTHONPATH": TESTS},
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in names
    ]
    calls = 0
    for process in started:
        printed = Counter(process.communicate(timeout=60)[0].splitlines())
        assert process.returncode == 0
        assert not any("failed" in line or "damaged" in line for line in printed)
        calls += sum(int(line.split()[1]) for line in printed if line.startswith("calls "))
    return calls


def show(title, bill):
    print(f"\n{title}: {bill.calls} backend calls, {bill.gets} GETs, {bill.puts} PUTs")


def machines():
    return [f"machine {number}" for number in range(MACHINES)]


def check_all_agree(tmp_path, server):
    """Each machine has the same bytes, and they are those of the store."""
    found = [entry_files(tmp_path / name) for name in machines()]
    assert len(found[0]) == 2 * PROMPTS
    assert all(files == found[0] for files in found)
    stored = [data for name, data in server.objects.items() if name != "voice/v1/russo"]
    assert len(stored) == PROMPTS
    for name, meta in found[0].items():
        if name.endswith(".meta"):
            assert any(data.endswith(meta + found[0][name[:-5] + ".audio"]) for data in stored)


@pytest.mark.slow
def test_with_a_recording_job_each_prompt_is_paid_once(tmp_path, server):
    calls = speak(tmp_path, server, "recording job")
    calls += speak(tmp_path, server, *machines())
    bill = Bill(calls, server.count("GET"), server.count("PUT"))
    show("with a recording job", bill)
    # The job: 20 lookups, 20 entries and the marker. Each machine: 20 lookups.
    assert bill == Bill(PROMPTS, PROMPTS + MACHINES * PROMPTS, PROMPTS + 1)
    check_all_agree(tmp_path, server)


def test_without_a_recording_job_all_machines_agree_after_the_run(tmp_path, server):
    calls = speak(tmp_path, server, *machines())
    bill = Bill(calls, server.count("GET"), server.count("PUT"))
    show("without a recording job", bill)
    lost = calls - PROMPTS
    assert PROMPTS <= calls <= MACHINES * PROMPTS
    assert bill.gets == MACHINES * PROMPTS + lost  # the losers of races adopt the winner's entry
    assert calls < bill.puts <= calls + MACHINES  # and one marker for each machine that won a race
    check_all_agree(tmp_path, server)
