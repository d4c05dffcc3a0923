"""The document of a run, ``report.json``: all that the report knows. The page is a view of it.

`report.schema.json` describes it. Fields may be added within a version; any other change raises `VERSION`.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections import Counter, defaultdict
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final

from .._foreign import shown
from .bounds import cut
from .command import record_command, test_command
from .files import media_type_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pytest

    from .attempts import Attempt, Attempts
    from .files import FileStore
    from .sections import StoredSection
    from .sounds import Sounds
    from .uses import Use

VERSION: Final = 1
_LONGEST_TEXT: Final = 256 << 10
_Place = tuple[str, str]


class DocumentBuilder:
    """Builds the document of a run from what its processes recorded.

    Args:
        config: The configuration of the controller.
        sounds: Gets the sounds of the run.
        files: The attached files.
    """

    def __init__(self, config: pytest.Config, sounds: Sounds, files: FileStore) -> None:
        self._config = config
        self._sounds = sounds
        self._files = files
        self._described: dict[str, dict[str, Any]] = {}
        self._parts: dict[str, dict[_Place, list[Any]]] = {
            name: defaultdict(list) for name in ("prompts", "sections", "attachments")
        }

    def add_uses(self, uses: Iterable[Use]) -> None:
        """Add uses of prompts, in order."""
        for use in uses:
            if use.audio:
                self._sounds.add(use.audio, use.place)
            self._parts["prompts"][use.test, use.attempt].append(self._prompt(use))

    def add_sections(self, sections: Iterable[StoredSection]) -> None:
        """Add sections of other packages, in order."""
        for section in sections:
            if section.audio:
                self._sounds.add(section.audio, section.place)
            value = {
                "title": section.title,
                "columns": section.columns,
                "rows": section.rows,
                "audio": section.audio or None,
            }
            self._parts["sections"][section.test, section.attempt].append(value)

    def add_attachments(self, attachments: Iterable[Mapping[str, Any]]) -> None:
        """Add attachments, in order."""
        for attachment in attachments:
            place = attachment["test"], attachment["attempt"]
            self._parts["attachments"][place].append(self._attachment(attachment))

    def build(self, attempts: Attempts, counts: Mapping[str, int], seconds: float) -> dict[str, Any]:
        """Return the document.

        Args:
            attempts: The tests of the run.
            counts: The numbers of pytest's last line.
            seconds: The duration of the run.
        """
        tests = [self._test(test, found) for test, found in attempts.of_tests().items()]
        return {
            "format": "russo-report",
            "version": VERSION,
            "russo": _version(),
            "project": self._config.rootpath.name,
            "created": datetime.now().astimezone().isoformat(timespec="seconds"),
            "seconds": round(seconds, 3),
            "counts": dict(counts) or _counts(tests),
            "tests": tests,
            "outside": self._rest(),
            "audio": {digest: self._sounds.describe(digest) for digest in self._sounds},
            "files": self._described,
        }

    def _prompt(self, use: Use) -> dict[str, Any]:
        return {
            "prompt": use.prompt,
            "key": use.key,
            "backend": use.backend,
            "state": use.state,
            "settings": use.settings,
            "audio": use.audio or None,
            "seconds": use.duration,
            "error": use.error or None,
            "record": record_command(self._config, use.test) if use.is_recordable and use.test else None,
        }

    def _attachment(self, attachment: Mapping[str, Any]) -> dict[str, Any]:
        name, kind = attachment["name"], attachment["kind"]
        if kind == "problem":
            return {"name": name, "kind": kind, "text": attachment["text"]}
        if kind == "audio":
            self._sounds.add(attachment["audio"], attachment["place"])
            return {"name": name, "kind": kind, "audio": attachment["audio"]}
        try:
            return {"name": name, "kind": kind, **self._file(kind, attachment["file"])}
        except OSError as error:  # a worker on another machine, or the file was removed
            return {"name": name, "kind": "problem", "text": shown(f"it cannot be read: {error.strerror}")}

    def _file(self, kind: str, name: str) -> dict[str, Any]:
        """Describe an attached file. A short text is in the document, and needs no file."""
        size, media_type = self._files.size(name), media_type_of(name)
        text = self._files.get(name).decode("utf-8", "replace") if kind == "text" else ""
        if kind == "text" and len(text) <= _LONGEST_TEXT:
            return {"text": text}
        self._described[name] = {"bytes": size, "media_type": media_type, "file": None}
        file = {"media_type": media_type, "file": name}
        return {"text": cut(text, _LONGEST_TEXT), **file} if kind == "text" else file

    def _test(self, test: str, attempts: dict[str, Attempt]) -> dict[str, Any]:
        *earlier, last = attempts
        values = [self._attempt(test, tag, attempts[tag], "rerun") for tag in earlier]
        outcome = attempts[last].outcome or "unfinished"
        values.append(self._attempt(test, last, attempts[last], outcome, is_last=True))
        return {
            "id": test,
            "anchor": anchor_of(test),
            "outcome": outcome,
            "command": test_command(self._config, test),
            "attempts": values,
        }

    def _attempt(
        self, test: str, tag: str, attempt: Attempt, outcome: str, *, is_last: bool = False
    ) -> dict[str, Any]:
        value: dict[str, Any] = {
            "outcome": outcome,
            "seconds": round(attempt.seconds, 3),
            "problems": attempt.problems,
        }
        for name, parts in self._parts.items():
            value[name] = parts.pop((test, tag), [])
            if is_last:  # what names the test and no attempt, or an attempt without a report
                for place in [place for place in parts if place[0] == test]:
                    value[name] += parts.pop(place)
        return value

    def _rest(self) -> dict[str, Any]:
        """Return what belongs to no test of the run. A section may name a test that did not run."""
        return {
            name: [
                value | {"test": test} if test else value
                for (test, _), values in parts.items()
                for value in values
            ]
            for name, parts in self._parts.items()
        }


def anchor_of(test: str) -> str:
    """Return the id of a test on the page; it is the same in each run."""
    digest = hashlib.blake2b(test.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return f"test-{digest}"


def _counts(tests: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Count the outcomes, for a run whose terminal plugin is switched off."""
    return dict(Counter(attempt["outcome"] for test in tests for attempt in test["attempts"]))


def _version() -> str:
    with contextlib.suppress(PackageNotFoundError):
        return version("russo-core")
    return "unknown"
