"""`KeptCalls`: the folder ``.russo_calls``, with the sound and the data of calls.

Each test has a folder of its own, and only the process that runs the test writes it. A folder is made under
a temporary name and then renamed, so that it is whole or missing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from russo.plugins import shown

from .call_json import document_of
from .settings import settings_of

if TYPE_CHECKING:
    from .item_calls import OneCall

DIRECTORY: Final = ".russo_calls"

_KEPT: Final = pytest.StashKey["KeptCalls"]()
_IGNORE_ALL: Final = "*\n"
_LONGEST_NAME: Final = 80
_DIGEST_LENGTH: Final = 8


class KeptCalls:
    """The kept calls of a run.

    Args:
        directory: The folder of all kept calls.
        keeps_all: Whether the calls of passed tests are kept, too.
    """

    def __init__(self, directory: Path, *, keeps_all: bool) -> None:
        self.directory = directory
        self._keeps_all = keeps_all
        self._written: set[Path] = set()

    @staticmethod
    def of(config: pytest.Config) -> KeptCalls:
        """Return the kept calls of this process."""
        kept = config.stash.get(_KEPT, None)
        if kept is None:
            keeps_all = settings_of(config).keep == "all"
            kept = config.stash[_KEPT] = KeptCalls(config.rootpath / DIRECTORY, keeps_all=keeps_all)
        return kept

    def folder_of(self, test: str) -> Path:
        """Return the folder of a test: readable, portable and unique."""
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", test)[-_LONGEST_NAME:].strip("-.")
        digest = hashlib.sha256(test.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_LENGTH]
        return self.directory / f"{name or 'test'}-{digest}"

    def prepare(self) -> str:
        """Make the directory and its ``.gitignore``; return why it cannot be written, or ``""``."""
        try:
            self.directory.mkdir(exist_ok=True)
            ignore = self.directory / ".gitignore"
            if not ignore.exists():
                ignore.write_text(_IGNORE_ALL, "utf-8")
            with tempfile.TemporaryFile(dir=self.directory):
                return ""
        except OSError as error:
            return _problem(error)

    def settle(self, test: str, outcome: str, calls: Sequence[OneCall]) -> str:
        """Write the calls of a test that has ended, or remove those of an earlier run.

        If a plugin ran the test again in this run, the calls of its last failed attempt stay.

        Returns:
            Why the calls could not be written, or ``""``.
        """
        folder = self.folder_of(test)
        if outcome in {"passed", "skipped"} and not self._keeps_all:
            if outcome == "passed" and folder not in self._written:
                shutil.rmtree(folder, ignore_errors=True)
            return ""
        if problem := self.prepare():
            return problem
        try:
            self._write(folder, test, outcome, calls)
        except OSError as error:
            return _problem(error)
        self._written.add(folder)
        return ""

    def _write(self, folder: Path, test: str, outcome: str, calls: Sequence[OneCall]) -> None:
        # The umask applies to the inner folder: calls contain prompts and the results of tools.
        outer = Path(tempfile.mkdtemp(prefix=".new-", dir=self.directory))
        try:
            inner = outer / folder.name
            inner.mkdir()
            for number, call in enumerate(calls, 1):
                name = "call" if number == 1 else f"call-{number}"
                audio = _save_audio(call, inner / f"{name}.wav")
                document = document_of(call, test=test, outcome=outcome, audio=audio)
                text = json.dumps(document, indent=2, allow_nan=False)
                (inner / f"{name}.json").write_text(f"{text}\n", "utf-8")
            shutil.rmtree(folder, ignore_errors=True)
            inner.rename(folder)
        finally:
            with contextlib.suppress(OSError):
                shutil.rmtree(outer)


def _save_audio(call: OneCall, path: Path) -> str | None:
    """Write the sound of a call, and return the name of the file; ``None`` if the call has no sound."""
    audio = call.sound()
    return None if audio is None else audio.save(path).name


def _problem(error: OSError) -> str:
    return f"calls not kept in {DIRECTORY}: {shown(error.strerror or str(error))}"
