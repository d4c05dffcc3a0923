"""Synthesizers that speak at once, and a plugin that hears every event: real parts for the tests of core."""

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
    """A fake that declares its backend and voice, and whatever else it is given.

    Args:
        script: What the calls return or raise, in turn; see `FakeSynthesizer`.
        gate: An event of asyncio that every call waits for.
        fields: What it declares besides, or instead.
    """

    def __init__(self, *script, gate=None, **fields):
        fields = {"backend": "speaker", "voice": "anna", **fields}
        super().__init__(*script, gate=gate, cache_key_extra=fields)


def sound(text, voice="anna"):
    """Return audio that tells by its bytes who said what."""
    return Speaker(voice=voice).sound(text)


class Ear:
    """Hears every event, in order."""

    def __init__(self):
        self.events = []

    @property
    def names(self):
        return [event.hook.removeprefix("russo_") for event in self.events]

    def all(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    def one(self, kind):
        (event,) = self.all(kind)
        return event


def _listener(name):
    def listen(self, event):
        assert event.hook == name
        self.events.append(event)

    listen.__name__ = name
    return hookimpl(listen)


for _name in ALL_HOOKS:
    setattr(Ear, _name, _listener(_name))


@contextmanager
def registered(plugin, name=None, manager=None):
    """Register a plugin, with the process's manager unless another is given, for a while."""
    manager = plugin_manager() if manager is None else manager
    manager.register(plugin, name)
    try:
        yield plugin
    finally:
        manager.unregister(plugin)


def run(call, seconds=20.0):
    """Run a coroutine in an event loop of its own; a test that would hang fails instead."""
    return asyncio.run(asyncio.wait_for(call, seconds))


def say(synthesizer, text=PROMPT):
    return run(synthesizer.synthesize(text))


class Environment:
    """A Python of its own: russo, what it requires, and the distributions that a test writes by hand.

    Args:
        path: Where its packages are to lie.
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
        """Run code in a process; what it gives to ``tell`` comes back, through JSON."""
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
