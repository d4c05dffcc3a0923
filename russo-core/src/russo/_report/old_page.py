"""Write the report's page: one file that needs only a browser. The template escapes all text.

While the page is written, audio is read from disk one prompt at a time. So the memory use of a large run is
that of one prompt's audio.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .._store.files import write_file
from .audio import BARS, PageAudio

if TYPE_CHECKING:
    import jinja2

    from .sections import StoredSection
    from .uses import Use


# Control characters are shown as symbols (U+2400…), because an HTML parser would drop or change them.
_PICTURES: Final = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"} | {127: 0x2421}


@dataclasses.dataclass(slots=True)
class UsingTest:
    """A test that used a prompt: how often it used the prompt, and how the test ended."""

    name: str
    outcome: str
    states: Counter[str] = dataclasses.field(default_factory=Counter)


@dataclasses.dataclass(slots=True)
class Card:
    """One prompt on the page: all uses of one key that had the same audio.

    Attributes:
        first: The use whose prompt, backend and settings are shown.
        uses: All uses, in the order of the run.
    """

    first: Use
    uses: list[Use]

    @property
    def state(self) -> str:
        """``failed`` if any use failed, else ``synthesized`` if any use was synthesized, else ``hit``."""
        states = {use.state for use in self.uses}
        return next(state for state in ("failed", "synthesized", "hit") if state in states)

    @property
    def use_with_audio(self) -> Use | None:
        """A use whose audio can be read, else a use that had audio, else ``None``."""
        found = [use for use in self.uses if use.audio]
        return next((use for use in found if use.place), found[0] if found else None)

    @property
    def errors(self) -> list[str]:
        """The errors of all uses, each once."""
        return list(dict.fromkeys(use.error for use in self.uses if use.error))

    @property
    def duration(self) -> float | None:
        """Seconds of sound, or ``None`` if the format needs a decoder or the prompt got no audio."""
        use = self.use_with_audio
        return use.duration if use else None

    @property
    def voice(self) -> str:
        """The voice, or an empty string if the settings name none."""
        voice = self.first.settings.get("voice")
        return "" if voice is None else _as_text(voice)

    @property
    def settings(self) -> list[tuple[str, str]]:
        """All settings and the key, as text."""
        settings = sorted(self.first.settings.items())
        return [*((name, _as_text(value)) for name, value in settings), ("key", self.first.key)]


def gather(uses: Iterable[Use]) -> list[Card]:
    """Group uses into cards: one card per key and audio. Failures join the first card of their key.

    The cards are in the order of the run, except that failed prompts come first.
    """
    cards: dict[tuple[str, str], Card] = {}
    failures: dict[str, list[Use]] = {}
    for use in uses:
        if use.audio:
            cards.setdefault((use.key, use.audio), Card(use, [])).uses.append(use)
        else:
            failures.setdefault(use.key, []).append(use)
    spoken = {card.first.key: card for card in reversed(cards.values())}
    for key, failed in failures.items():
        if key in spoken:
            spoken[key].uses += failed
        else:
            cards[key, ""] = Card(failed[0], failed)
    return sorted(cards.values(), key=lambda card: card.state != "failed")


def write_page(
    path: Path,
    uses: Iterable[Use],
    outcomes: dict[str, str],
    *,
    title: str,
    sections: Iterable[StoredSection] = (),
) -> None:
    """Write the whole page or nothing, and create the folders of its path.

    Args:
        path: The path of the page; an existing file or link is replaced.
        uses: The uses of the run, in order.
        outcomes: How the tests ended, by node id.
        title: The name of the project.
        sections: The sections that other packages added, in order.

    Raises:
        OSError: The page cannot be written; an existing file is unchanged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    page = _render(gather(uses), outcomes, title, sections)
    # A lone surrogate has no UTF-8 form, so it is written as its escape.
    write_file(path, (text.encode("utf-8", "backslashreplace") for text in page))


def _render(
    cards: list[Card], outcomes: dict[str, str], title: str, sections: Iterable[StoredSection]
) -> Iterator[str]:
    audio = PageAudio()
    titled: dict[str, list[StoredSection]] = {}
    for section in sections:
        titled.setdefault(section.title, []).append(section)
    return _template().generate(
        title=title,
        written=datetime.now().astimezone(),
        cards=cards,
        states=Counter(card.state for card in cards),
        backends=Counter(card.first.backend for card in cards),
        seconds=sum(card.duration for card in cards if card.duration is not None),
        unknown=sum(card.duration is None and card.use_with_audio is not None for card in cards),
        bars=BARS,
        sound=audio.of,
        sections=titled,
        section_sound=audio.of_section,
        tests=lambda card: _tests(card, outcomes),
    )


def _template() -> jinja2.Template:
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"visible": _visible, "seconds": _seconds, "policy": _policy}
    return environment.from_string(files("russo._report").joinpath("old_page.html.j2").read_text("utf-8"))


def _visible(text: str) -> str:
    """Replace control characters by the symbols that Unicode has for them."""
    return text.replace("\r\n", "\n").translate(_PICTURES)


def _seconds(seconds: float) -> str:
    """Format a length of time for people."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes:,} min {rest} s"


def _policy(text: str) -> str:
    """Return the hash of a script or style sheet, as a Content-Security-Policy names it."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _tests(card: Card, outcomes: dict[str, str]) -> list[UsingTest]:
    """Return the tests that used a prompt; failed tests come first."""
    tests: dict[str, UsingTest] = {}
    for use in card.uses:
        outcome = (outcomes.get(use.test) or "unfinished") if use.test else ""
        tests.setdefault(use.test, UsingTest(use.test, outcome)).states[use.state] += 1
    return sorted(tests.values(), key=lambda test: test.outcome not in {"failed", "error"})
