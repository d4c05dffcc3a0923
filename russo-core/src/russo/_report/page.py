"""The report's page: a view of the document for people, as one HTML file.

The page gets nothing but the document and the addresses of audio and files. The template escapes all text.
Audio is requested one sound at a time, after everything else. So the memory use is that of one sound, and a
browser shows the page before it has read the audio.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from .._words import count
from . import formats
from .waveform import Scale

if TYPE_CHECKING:
    import jinja2

_T = TypeVar("_T")
# The order of the page, and the headlines. An unknown outcome comes after these.
_HEADLINES: Final = {
    "failed": "Failed",
    "error": "Errors",
    "unfinished": "Unfinished",
    "xpassed": "Passed unexpectedly",
    "xfailed": "Failed as expected",
    "passed": "Passed",
    "skipped": "Skipped",
}
# The order of pytest's last line; other words come after these.
_SUMMARY: Final = ("failed", "passed", "skipped", "deselected", "xfailed", "xpassed", "warnings", "error")
_OPEN: Final = frozenset({"failed", "error", "unfinished"})
# How a problem outside of the call is introduced; other phases are "In setup", "In teardown".
_PHASES: Final = {"call": "", "collect": "In collection", "crash": "The worker crashed"}


class Media(Protocol):
    """Where the page finds audio and files: embedded in the page, or in files beside it.

    Attributes:
        policy: The sources that the page's Content-Security-Policy allows for audio and images.
    """

    policy: str

    def audio(self, name: str) -> str | None:
        """Return the address of a sound, or ``None`` if its bytes are not there."""

    def file(self, name: str) -> str | None:
        """Return the address of an attached file, or ``None`` if its bytes are not there."""


def render(document: Mapping[str, Any], media: Media) -> Iterator[str]:
    """Yield the page in pieces.

    Args:
        document: The document of ``report.json``.
        media: The addresses of audio and files.
    """
    tests = document["tests"]
    quiet = [test for test in tests if _is_quiet(test)]
    cards = by_prompt(document)
    return _template().generate(
        document=document,
        groups=_groups(test for test in tests if not _is_quiet(test)),
        quiet=quiet,
        cards=cards,
        counts=_ordered(document["counts"], _SUMMARY),
        outcomes=_ordered(Counter(test["outcome"] for test in tests)),
        backends=sorted({card.backend for card in cards}),
        card_of={(use["key"], use["audio"]): card for card in cards for use in card.uses},
        scale=Scale(document["audio"]),
        remotes=document.get("remotes", []),
        sounds=document["audio"],
        words={use["audio"]: use["prompt"] for use, _ in _all_uses(document)},
        media=media,
        style=_resource("page.css"),
        script=_resource("page.js"),
    )


# -- tests


def _is_quiet(test: Mapping[str, Any]) -> bool:
    """Return whether a test passed at once and has only its name to show."""
    first = test["attempts"][0] if len(test["attempts"]) == 1 else {"problems": True}
    has_content = any(first.get(part) for part in ("problems", "prompts", "sections", "attachments"))
    return test["outcome"] == "passed" and not has_content


def _groups(tests: Iterable[Mapping[str, Any]]) -> list[tuple[str, str, list[Mapping[str, Any]]]]:
    """Return outcome, headline and tests of each group. Failed tests come first; a group keeps its order."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for test in tests:
        groups.setdefault(test["outcome"], []).append(test)
    return [(name, _HEADLINES.get(name, name), group) for name, group in _ordered(groups)]


def _ordered(by_word: Mapping[str, _T], first: Iterable[str] = _HEADLINES) -> list[tuple[str, _T]]:
    order = [*first, *by_word]
    return sorted(by_word.items(), key=lambda item: order.index(item[0]))


def merged(uses: Iterable[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], int]]:
    """Return each use of a prompt with its number of equal consecutive uses."""
    return [(use, len(list(equal))) for use, equal in itertools.groupby(uses)]


def is_explained(error: str, problems: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether a problem's message contains the error, apart from white space."""
    words = " ".join(error.split())
    return any(words in " ".join(problem["message"].split()) for problem in problems)


# -- prompts


@dataclasses.dataclass(slots=True)
class Card:
    """One prompt: all uses of a key that got the same audio.

    Attributes:
        number: The number of the card on the page, from 1.
        uses: The uses, in the order of the run.
        tests: The tests of the uses, each once; ``None`` for uses outside of tests.
    """

    number: int
    uses: list[Mapping[str, Any]]
    tests: list[Mapping[str, Any] | None]

    @property
    def backend(self) -> str:
        """The backend of the prompt."""
        return str(self.uses[0]["backend"])

    @property
    def audio(self) -> str | None:
        """The name of the sound, or ``None`` if no use got one."""
        return next((use["audio"] for use in self.uses if use["audio"]), None)

    @property
    def states(self) -> list[tuple[str, int]]:
        """The states of the uses with their numbers; failures come first."""
        counts = Counter(use["state"] for use in self.uses)
        return sorted(counts.items(), key=lambda item: item[0] != "failed")

    @property
    def errors(self) -> list[str]:
        """The errors of the uses, each once."""
        return list(dict.fromkeys(use["error"] for use in self.uses if use["error"]))

    @property
    def record(self) -> str | None:
        """A command that records the prompt, or ``None`` if no use was a miss."""
        return next((use["record"] for use in self.uses if use["record"]), None)


def by_prompt(document: Mapping[str, Any]) -> list[Card]:
    """Group the uses by key and audio. Uses without audio join the first card of their key.

    The cards are in the order of the run, except that prompts with a failure come first.
    """
    groups: dict[tuple[str, str | None], list[tuple[Mapping[str, Any], Mapping[str, Any] | None]]] = {}
    for use, test in _all_uses(document):
        groups.setdefault((use["key"], use["audio"]), []).append((use, test))
    for key, audio in [name for name in groups if name[1] is None]:
        with_audio = next((name for name in groups if name[0] == key and name[1] is not None), None)
        if with_audio:
            groups[with_audio] += groups.pop((key, audio))
    cards = []
    ordered = sorted(groups.values(), key=lambda group: all(use["state"] != "failed" for use, _ in group))
    for number, group in enumerate(ordered, 1):
        tests = {id(test): test for _, test in group}
        cards.append(Card(number, [use for use, _ in group], list(tests.values())))
    return cards


def _all_uses(document: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any] | None]]:
    for test in document["tests"]:
        for attempt in test["attempts"]:
            yield from ((use, test) for use in attempt["prompts"])
    yield from ((use, None) for use in document["outside"]["prompts"])


# -- the template


def _template() -> jinja2.Template:
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "as_text": formats.as_text,
        "date": formats.date,
        "duration": formats.duration,
        "hash": _hash,
        "merged": merged,
        "numbers": formats.numbers_of_store,
        "of": formats.count_in_summary,
        "size": formats.size,
        "visible": formats.visible,
    }
    environment.globals |= {
        "count": count,
        "download_name": formats.download_name,
        "file_name": formats.file_name,
        "is_explained": is_explained,
        "open_outcomes": _OPEN,
        "phases": _PHASES,
        "split_id": formats.split_id,
    }
    return environment.from_string(_resource("page.html.j2"))


def _resource(name: str) -> str:
    return files("russo._report").joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    """Return the hash of a script or style sheet, as a Content-Security-Policy names it."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"
