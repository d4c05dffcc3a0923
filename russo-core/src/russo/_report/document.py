"""The document of a run, ``report.json``: all that the report knows. The page is a view of it.

`report.schema.json` describes it. Fields may be added within a version; any other change raises `VERSION`.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
from collections import Counter, defaultdict
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final

from .._foreign import shown
from .attempts import outcome_of
from .bounds import cut
from .command import record_command, test_command
from .files import media_type_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pytest

    from .attempts import Attempt, Attempts
    from .files import FileStore
    from .sections import StoredSection
    from .sounds import Sounds
    from .uses import Use

VERSION: Final = 1
_LONGEST_TEXT: Final = 256 << 10
# Parts by their tests; those of a test by the tags of its attempts.
_ByTest = defaultdict[str, dict[str, list[Any]]]


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
        self._brought: dict[str, str] = {}
        self._parts: dict[str, _ByTest] = {
            name: defaultdict(dict) for name in ("prompts", "sections", "attachments")
        }

    def add_brought(self, brought: Mapping[str, str]) -> None:
        """Add keys whose audio came from a shared store, each with the URL of the store, before the uses."""
        self._brought.update(brought)

    def add_uses(self, uses: Iterable[Use]) -> None:
        """Add uses of prompts, in order."""
        for use in uses:
            if use.audio:
                self._sounds.add(use.audio, use.place)
            self._part("prompts", use.test, use.attempt).append(self._prompt(use))

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
            self._part("sections", section.test, section.attempt).append(value)

    def add_attachments(self, attachments: Iterable[Mapping[str, Any]]) -> None:
        """Add attachments, in order."""
        for attachment in attachments:
            part = self._part("attachments", attachment["test"], attachment["attempt"])
            part.append(self._attachment(attachment))

    def build(
        self,
        attempts: Attempts,
        counts: Mapping[str, int],
        seconds: float,
        remotes: Sequence[Mapping[str, Any]] = (),
    ) -> dict[str, Any]:
        """Return the document.

        Args:
            attempts: The tests of the run.
            counts: The numbers of pytest's last line.
            seconds: The duration of the run.
            remotes: The shared stores of the run as JSON values; see `remotes_of`.
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
            "remotes": list(remotes),
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
            "remote": self._brought.get(use.key) if use.state == "hit" else None,
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

    def _part(self, name: str, test: str, attempt: str) -> list[Any]:
        return self._parts[name][test].setdefault(attempt, [])

    def _test(self, test: str, attempts: dict[str, Attempt]) -> dict[str, Any]:
        *earlier, last = attempts
        parts = {name: by_test.pop(test, {}) for name, by_test in self._parts.items()}
        values = [
            _attempt("rerun", attempts[tag], {name: by_tag.pop(tag, []) for name, by_tag in parts.items()})
            for tag in earlier
        ]
        # The last attempt also has what names the test and no attempt, or an attempt without a report.
        rest = {name: _joined(by_tag) for name, by_tag in parts.items()}
        outcome = outcome_of(attempts)
        return {
            "id": test,
            "anchor": anchor_of(test),
            "outcome": outcome,
            "command": test_command(self._config, test),
            "attempts": [*values, _attempt(outcome, attempts[last], rest)],
        }

    def _rest(self) -> dict[str, Any]:
        """Return what belongs to no test of the run. A section may name a test that did not run."""
        return {
            name: [
                value | {"test": test} if test else value
                for test, by_tag in by_test.items()
                for value in _joined(by_tag)
            ]
            for name, by_test in self._parts.items()
        }


def _joined(by_tag: Mapping[str, list[Any]]) -> list[Any]:
    return list(itertools.chain.from_iterable(by_tag.values()))


def _attempt(outcome: str, attempt: Attempt, parts: Mapping[str, list[Any]]) -> dict[str, Any]:
    return {
        "outcome": outcome,
        "seconds": round(attempt.seconds, 3),
        "problems": attempt.problems,
        **parts,
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
