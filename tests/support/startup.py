"""Modules that a pytest run loads."""

import json
import subprocess
import sys

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
    """Run pytest in a folder without the plugins of the suite, and return what it loaded."""
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
