"""Machines that share a folder: two that write at the same time, and a third one that replays."""

import os
import subprocess
import sys

import pytest

from russo import AudioCache

pytest.importorskip("russo_remote")
PROMPTS = 12
# Each machine has another sound for the same prompt, so that mixed sounds would be seen.
SPEAKING = """
import os
from pathlib import Path
from russo import Audio

class Speaking:
    cache_key_extra = {"backend": "speaking"}

    async def synthesize(self, text):
        descriptor = os.open(Path(__file__).with_name("calls.txt"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(descriptor, f"{text}\\n".encode())
        os.close(descriptor)
        return Audio(f"{text} by {Path(__file__).parent.name} ".encode() * 100, "pcm", 8000, 1, 1)
"""
TESTS = f"""
import pytest

@pytest.mark.parametrize("number", range({PROMPTS}))
@pytest.mark.parametrize("again", range(2))
def test_it(russo_say, number, again, tmp_path_factory):
    russo_say(f"Prompt {{number}}")
"""


class Machine:
    """A project in a directory of its own, with a cache of its own."""

    def __init__(self, path, store):
        self.path = path
        path.mkdir()
        (path / "speaking.py").write_text(SPEAKING)
        (path / "test_it.py").write_text(TESTS)
        (path / "pytest.ini").write_text(
            "[pytest]\naddopts = -p no:cacheprovider -p no:asyncio\npythonpath = .\n"
            f"russo_synth = speaking:Speaking\nrusso_remote = {store.as_uri()}\n"
        )

    def start(self, *arguments):
        command = [sys.executable, "-W", "error", "-m", "pytest", "-q", *arguments]
        return subprocess.Popen(command, cwd=self.path, stdout=subprocess.PIPE, text=True, env=os.environ)

    @property
    def calls(self):
        log = self.path / "calls.txt"
        return log.read_text().splitlines() if log.exists() else []

    @property
    def sounds(self):
        cache = AudioCache(self.path / ".russo_cache")
        return {key: cache.get(key).data for key in cache.stored_keys()}


def end(process):
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    return output


def test_machines_that_write_at_once_have_the_same_sounds_in_the_end(tmp_path):
    first, second, third = (Machine(tmp_path / name, tmp_path / "store") for name in ("one", "two", "three"))
    runs = [
        machine.start("-n", workers, "--russo-remote-write")
        for machine, workers in ((first, "4"), (second, "1"))
    ]
    for run in runs:
        assert f"{2 * PROMPTS} passed" in end(run)
    for machine in (first, second):
        assert len(machine.calls) == len(set(machine.calls)) <= PROMPTS
    assert set(first.calls) | set(second.calls) == {f"Prompt {number}" for number in range(PROMPTS)}
    assert len(first.sounds) == PROMPTS
    assert first.sounds == second.sounds

    output = end(third.start("--russo-cache-mode=replay"))
    assert f"{PROMPTS} from {(tmp_path / 'store').as_uri()}), 0 backend calls" in output
    assert third.calls == []
    assert third.sounds == first.sounds
