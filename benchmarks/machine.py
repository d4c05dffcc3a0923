"""The measured versions and the machine."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Iterator
from pathlib import Path

PEERS = ("xxhash", "pytest", "diskcache", "joblib", "vcrpy")


def facts(directory: Path) -> dict[str, str]:
    """Return the facts that a reader needs to judge the figures.

    Args:
        directory: The directory of the measured files.
    """
    return {
        "date": datetime.date.today().isoformat(),
        "russo": f"{_version('russo-core')}, commit {_commit()}",
        "CPU": _cpu(),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "memory": _memory(),
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "OS": f"{platform.system()} {platform.release()}",
        "file system": _file_system(directory),
        "load at start": _load(),
        "beside": ", ".join(f"{name} {_version(name)}" for name in PEERS),
    }


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _commit() -> str:
    root = Path(__file__).parent
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=7", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip() or "unknown"


def _cpu() -> str:
    return next(_proc("cpuinfo", "model name"), "") or platform.processor() or platform.machine()


def _memory() -> str:
    total = next(_proc("meminfo", "MemTotal"), "")
    return f"{int(total.split()[0]) / 2**20:.0f} GB" if total else "unknown"


def _proc(name: str, field: str) -> Iterator[str]:
    try:
        lines = Path("/proc", name).read_text("utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        if line.startswith(field):
            yield line.partition(":")[2].strip()


def _file_system(directory: Path) -> str:
    """Name the type of the file system with the longest mount point above a directory."""
    try:
        mounts = [line.split() for line in Path("/proc/mounts").read_text("utf-8").splitlines()]
    except OSError:
        return "unknown"
    path = directory.resolve()
    above = [mount for mount in mounts if path.is_relative_to(mount[1].replace("\\040", " "))]
    return max(above, key=lambda mount: len(mount[1]))[2] if above else "unknown"


def _load() -> str:
    try:
        return "{:.2f} {:.2f} {:.2f}".format(*os.getloadavg())
    except (AttributeError, OSError):
        return "unknown"
