"""A project with one installed backend; its test class runs in the process of the test."""

import importlib
import re
from textwrap import dedent

from russo._backends.entry_points import installed_in
from support.kit.checks import ALL, names_of


class Selection:
    """A pytest plugin that runs only some checks, and collects the names of those that fail."""

    def __init__(self, checks):
        self._names = names_of(checks)
        self.failed = set()

    def pytest_collection_modifyitems(self, config, items):
        others = [item for item in items if item.originalname not in self._names]
        items[:] = [item for item in items if item.originalname in self._names]
        config.hook.pytest_deselected(items=others)

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.failed.add(re.search(r"::(test_\w+)", report.nodeid)[1])


class InstalledBackend:
    """A project with one installed backend and its test class."""

    def __init__(self, pytester, monkeypatch):
        self.pytester = pytester
        monkeypatch.syspath_prepend(pytester.path)
        # The kit needs no plugin: not for asyncio, and not that of russo.
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def install(self, name, source, test, target=None):
        """Install a backend and its test from their sources, with an entry point of its name."""
        files = {name: source, f"test_{name}": test, f"{name}_sdk": ""}
        self.pytester.makepyfile(**{name: dedent(text) for name, text in files.items()})
        info = self.pytester.mkdir(f"{name}-1.0.dist-info")
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        sdk = self.pytester.mkdir(f"{name}_sdk-2.0.dist-info")
        (sdk / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-sdk\nVersion: 2.0\n")
        (sdk / "RECORD").write_text(f"{name}_sdk.py,,\n")
        target = target or f"{name}:{name.capitalize()}Synthesizer"
        (info / "entry_points.txt").write_text(f"[russo.synthesizers]\n{name} = {target}\n")
        importlib.invalidate_caches()
        installed_in.cache_clear()

    def run(self, checks=ALL):
        """Run these checks in this process; return the names of those that fail, and the output."""
        selection = Selection(checks)
        options = ("-p", "no:cacheprovider", "-W", "default")
        result = self.pytester.runpytest_inprocess(*options, plugins=[selection])
        return selection.failed, result.stdout.str()


def patched(patches, *sources):
    """Return the patched sources; each patch must match exactly one place in all sources."""
    for old, new in patches:
        assert sum(source.count(old) for source in sources) == 1, f"not exactly once in the sources: {old!r}"
        sources = [source.replace(old, new) for source in sources]
    return sources
