"""A project with one installed store; its test class runs in the process of the test."""

import importlib
import re
import sys

from russo._backends.entry_points import installed_in
from russo.testing import StoreContract
from support.kit.installed_backend import Selection
from support.stores.right_sources import STORE, STORE_TEST

ALL = {getattr(StoreContract, name) for name in dir(StoreContract) if name.startswith("test_")}


class InstalledStore:
    """A project with the package ``box``, its entry point for the scheme ``box``, and its test class."""

    def __init__(self, pytester, monkeypatch):
        self.pytester = pytester
        monkeypatch.syspath_prepend(pytester.path)
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # the kit needs no plugin

    def install(self, source=STORE, test=STORE_TEST, entry="box = box:BoxStore"):
        """Install a store and its test from their sources."""
        sys.modules.pop("box", None)
        self.pytester.makepyfile(box=source, test_box=test)
        importlib.invalidate_caches()
        info = self.pytester.mkdir("box-1.0.dist-info")
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: box\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[russo.stores]\n{entry}\n")
        importlib.invalidate_caches()
        installed_in.cache_clear()

    def run(self, checks=ALL):
        """Run these checks in this process; return the names of those that fail, the counts, and the output."""
        selection = Selection(checks)
        options = ("-p", "no:cacheprovider", "-W", "default")
        result = self.pytester.runpytest_inprocess(*options, plugins=[selection])
        counts = re.findall(r"(\d+) (passed|failed|skipped|error)", result.stdout.lines[-1])
        return selection.failed, {word: int(number) for number, word in counts}, result.stdout.str()
