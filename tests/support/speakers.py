"""A fake synthesizer, a plugin that records every event, and an isolated Python, for the tests of core."""

import asyncio
import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import russo
from russo import hookimpl, hookspecs, plugin_manager
from russo.testing import FakeSynthesizer

PROMPT = "Book a flight from Berlin to Rome"
ALL_HOOKS = [name for name in vars(hookspecs) if name.startswith("russo_")]


class Speaker(FakeSynthesizer):
    """A fake synthesizer that declares its backend, its voice and further fields.

    Args:
        script: The results or exceptions of the calls, in turn; see `FakeSynthesizer`.
        gate: An asyncio event that every call waits for.
        fields: Further or replacing fields of ``cache_key_extra``.
    """

    def __init__(self, *script, gate=None, **fields):
        fields = {"backend": "speaker", "voice": "anna", **fields}
        super().__init__(*script, gate=gate, cache_key_extra=fields)


def sound(text, voice="anna"):
    """Return the audio that a `Speaker` of this voice returns for the text."""
    return Speaker(voice=voice).sound(text)


class EventRecorder:
    """Records every event, in order."""

    def __init__(self):
        self.recorded = []

    @property
    def names(self):
        return [event.hook.removeprefix("russo_") for event in self.recorded]

    def all(self, kind):
        return [event for event in self.recorded if isinstance(event, kind)]

    def one(self, kind):
        (event,) = self.all(kind)
        return event


def _listener(name):
    def listen(self, event):
        assert event.hook == name
        self.recorded.append(event)

    listen.__name__ = name
    return hookimpl(listen)


for _name in ALL_HOOKS:
    setattr(EventRecorder, _name, _listener(_name))


@contextmanager
def registered(plugin, name=None, manager=None):
    """Register a plugin while the block runs, by default with the manager of the process."""
    manager = plugin_manager() if manager is None else manager
    manager.register(plugin, name)
    try:
        yield plugin
    finally:
        manager.unregister(plugin)


def run(call, seconds=20.0):
    """Run a coroutine in a new event loop; fail after some seconds instead of hanging."""
    return asyncio.run(asyncio.wait_for(call, seconds))


def synthesize(synthesizer, text=PROMPT):
    """Synthesize a text in a new event loop, and return the audio."""
    return run(synthesizer.synthesize(text))


class Environment:
    """An isolated Python with russo, its requirements, and the distributions that a test installs.

    Args:
        path: The directory of its packages.
    """

    def __init__(self, path: Path):
        import pluggy
        import xxhash

        self.site = path / "site"
        self.site.mkdir()
        for package in (russo, pluggy, xxhash):
            folder = Path(package.__file__).parent
            (self.site / folder.name).symlink_to(folder, target_is_directory=True)

    def install(self, distribution, modules, entry_points):
        """Install a distribution: modules by name, entry points by group and name."""
        for name, source in modules.items():
            target = self.site / f"{name.replace('.', '/')}.py"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(source)
        info = self.site / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        lines = []
        for group, entries in entry_points.items():
            lines += [f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())]
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n")

    def python(self, code, *args):
        """Run code in a new process; return the value that it passes to ``tell``, or a list of several values."""
        start = (
            "import json, sys\n"
            f"sys.path.insert(0, {str(self.site)!r})\n"
            "def tell(value): print('told', json.dumps(value))\n"
        )
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-W", "error", "-c", start + code, *args],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        told = [json.loads(line[5:]) for line in done.stdout.splitlines() if line.startswith("told ")]
        return told[0] if len(told) == 1 else told
