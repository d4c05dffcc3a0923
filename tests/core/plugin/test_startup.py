"""Modules that a pytest run loads if russo is installed but not used."""

import json
import subprocess
import sys

import pytest

PROBE = """
import json, sys
import pytest

class Probe:
    def pytest_sessionfinish(self):
        self.modules = sorted(sys.modules)

scans = []

def audit(event, arguments):
    if event == "open" and str(arguments[0]).endswith("entry_points.txt"):
        scans.append(arguments[0])

sys.addaudithook(audit)
probe = Probe()
code = pytest.main(sys.argv[1:], plugins=[probe])
print("PROBE" + json.dumps({"code": int(code), "modules": probe.modules, "scans": len(scans)}))
"""


def run_pytest(path, *arguments):
    command = [
        sys.executable,
        "-c",
        PROBE,
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:asyncio",
        "-p",
        "no:anyio",
    ]
    command += ["-p", "no:xdist", "-p", "no:hypothesispytest", "--rootdir", str(path), *arguments, str(path)]
    done = subprocess.run(command, cwd=path, capture_output=True, text=True, check=True)
    line = next(line for line in done.stdout.splitlines() if line.startswith("PROBE"))
    return json.loads(line.removeprefix("PROBE"))


@pytest.fixture
def project_without_russo(tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_it.py").write_text("def test_it(): pass\n")
    return tmp_path


def test_unused_plugin_imports_only_itself(project_without_russo):
    with_russo, without = (
        run_pytest(project_without_russo),
        run_pytest(project_without_russo, "-p", "no:russo", "-p", "no:russo-core"),
    )
    assert with_russo["code"] == without["code"] == 0
    assert set(with_russo["modules"]) - set(without["modules"]) == {
        "russo",
        "russo._installation",
        "russo._plugin",
        "russo._plugin.installation",
        "russo._plugin.complete_run",
        "russo._plugin.item",
        "russo._plugin.options",
        "russo._plugin.workers",
        "russo._plugin.pytest_plugin",
        "russo._plugin.hookspecs",
    }
    assert with_russo["scans"] == without["scans"]


def test_probe_detects_the_imports_of_a_run_that_uses_russo(project_without_russo):
    (project_without_russo / "test_it.py").write_text("def test_it(russo_cache): pass\n")
    assert {"xxhash", "russo._store.cache"} <= set(run_pytest(project_without_russo)["modules"])
