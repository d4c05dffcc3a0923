"""The ``russo`` command, run in this process or in a new one, and caches for it."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

from russo import AudioCache
from russo._cli import main
from support.speakers import sound

SPEAKER = "support.speakers:Speaker"
PROMPTS = ("Book a flight", "Turn on the light", "book a table")
SPEAKER_FIELDS = {"backend": "speaker", "voice": "anna"}


# Children of a background job inherit that SIGINT is ignored; children of an interactive shell do not.
_RUSSO = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from russo._cli import main
sys.exit(main(sys.argv[1:]))
"""


@dataclass(frozen=True)
class CommandResult:
    """Exit code, standard output and standard error of the command."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def lines(self):
        return self.out.splitlines()


class _Stream(io.TextIOWrapper):
    def __init__(self):
        super().__init__(io.BytesIO(), encoding="utf-8", newline="")

    def text(self):
        self.flush()
        return self.buffer.getvalue().decode()


def russo(*arguments, stdin=b""):
    """Run the command in this process, without a terminal."""
    out, err = _Stream(), _Stream()
    old, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")
    try:
        with redirect_stdout(out), redirect_stderr(err):
            code = main([str(each) for each in arguments])
    finally:
        sys.stdin = old
    return CommandResult(code, out.text(), err.text())


def start(*arguments, **options):
    """Start the command in a new process."""
    environment = {**os.environ, "PYTHONWARNINGS": "error", **options.pop("env", {})}
    return subprocess.Popen(
        [sys.executable, "-c", _RUSSO, *map(str, arguments)],
        env=environment,
        stdin=options.pop("stdin", subprocess.DEVNULL),
        stdout=options.pop("stdout", subprocess.PIPE),
        stderr=options.pop("stderr", subprocess.PIPE),
        **options,
    )


def wait_for(condition, process):
    """Wait until a condition holds, while the process runs."""
    deadline = time.monotonic() + 30
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def interrupt(process):
    """Send Ctrl-C to `record`, wait until it stops, and return the sentence that it prints."""
    process.send_signal(signal.SIGINT)
    while not (line := process.stderr.readline().decode()).startswith("russo: stopping"):
        assert line, process.communicate()
    return line.strip()


def enter_project(tmp_path, monkeypatch, ini="[pytest]\n"):
    """Make a project directory with a pytest.ini, change into it, and return it."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pytest.ini").write_text(ini)
    monkeypatch.chdir(folder)
    return folder


def numbered_key(number):
    return f"{number:064x}"


def store_prompts(directory, *prompts, voice="anna", backend="speaker", first=1):
    """Store prompts under the keys 1, 2, 3 …; return the cache."""
    cache = AudioCache(directory)
    # Without the member "given", russo did not derive the key, so `verify` does not derive it again.
    fields = {"own": {"backend": backend, "voice": voice}}
    for number, prompt in enumerate(prompts, first):
        assert cache.put(numbered_key(number), sound(prompt, voice), prompt=prompt, fields=fields)
    return cache


def damage_audio(cache, number):
    """Alter one byte of an entry's audio."""
    path = cache.directory / f"{numbered_key(number)}.audio"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def set_age(cache, number, seconds, now):
    """Set the modification times of an entry to this many seconds before now."""
    for suffix in (".meta", ".audio"):
        os.utime(cache.directory / f"{numbered_key(number)}{suffix}", (now - seconds, now - seconds))
