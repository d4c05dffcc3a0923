"""The goals, the figure that answers each, and the known reason if a goal is missed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from .figures import Figure


@dataclass(frozen=True, slots=True)
class Goal:
    """The required value of a figure.

    Attributes:
        quantity: The description of the figure.
        most: The largest allowed value.
        unit: The unit of the figure.
        figure: The figure's name.
        exact: Whether the figure must equal ``most``.
        reason: Why the goal is missed, if it is and the reason is known.
    """

    quantity: str
    most: float
    unit: str
    figure: str
    exact: bool = False
    reason: str = ""

    @property
    def wanted(self) -> str:
        """The goal as a text."""
        sign = "exactly" if self.exact else "≤"
        return f"{sign} {number(self.most)}{'' if self.unit == 'x' else ' ' + self.unit}".strip()

    def is_met(self, value: float) -> bool:
        """Return whether a measured value reaches the goal."""
        return value == self.most if self.exact else value <= self.most


def number(value: float) -> str:
    """Format a number with two or three significant digits."""
    size = abs(value)
    text = f"{value:.{2 if size < 10 else 1 if size < 100 else 0}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


# The goals of a size also hold for more keys in turn than the cache remembers.
_GET: Final = {
    "10 KB": 2.2,
    "150 KB": 1.6,
    "500 KB": 1.4,
    "5 MB": 1.4,
    "10 KB, 2,000 keys": 2.2,
    "150 KB, 600 keys": 1.6,
}
_AWAIT: Final = {
    "10 KB": 2.8,
    "150 KB": 1.9,
    "500 KB": 1.5,
    "5 MB": 1.4,
    "10 KB, 2,000 keys": 2.8,
    "150 KB, 600 keys": 1.9,
}
_PUT: Final = {"10 KB": 2.2, "150 KB": 1.9, "500 KB": 1.6}

_HASHING: Final = "reading and hashing both files alone takes most of the allowed time, or more"
_AWAITING: Final = "in addition to `get` it computes the key and reads the settings, the mode and the hooks"
_FAILED_OPEN: Final = "the failing system call `open` takes most of the time"
_RENAMING: Final = "two renames, the metadata as JSON, and a second look at both files"
_PAIRING: Final = "it also checks the type of each file and pairs the names"
_PLUGIN: Final = "ten modules and twelve options; within the noise of a process's start"
_LAYERS: Final = "a layered cache asks its layers in a loop; the system calls are the same"
_FIXTURE: Final = "a third of the time is pytest's own part; the goal is within the spread of several runs"

GOALS: Final = (
    *(
        Goal(f"`get` of {case} over raw pair", most, "x", f"hit/get/{case}", reason=_HASHING)
        for case, most in _GET.items()
    ),
    *(
        Goal(
            f"`await synthesize` hit of {case} over raw pair",
            most,
            "x",
            f"hit/await/{case}",
            reason=_HASHING if case in {"500 KB", "5 MB"} else _AWAITING,
        )
        for case, most in _AWAIT.items()
    ),
    Goal("`get` miss over a 10 KB raw read", 0.7, "x", "miss/get/absent", reason=_FAILED_OPEN),
    *(
        Goal(f"`put` of {case} over raw pair write", most, "x", f"put/put/{case}", reason=_RENAMING)
        for case, most in _PUT.items()
    ),
    Goal("hit at 100,000 entries over hit at 1,000", 1.2, "x", "scale/hit/100,000 entries"),
    Goal("`size()` of 100,000 entries over listdir", 1.5, "x", "scale/size/100,000 entries", reason=_PAIRING),
    Goal("`clear()` over listdir and unlink", 2.0, "x", "clear/clear/2,000 entries"),
    Goal("`import russo` over `python -c pass`", 60.0, "ms", "start/import russo/process"),
    Goal(
        "third-party modules of `import russo`, except pluggy",
        0.0,
        "",
        "start/third-party modules/process",
        exact=True,
    ),
    Goal(
        "pytest with russo unused over `-p no:russo`",
        1.03,
        "x",
        "pytest/russo unused/one test",
        reason=_PLUGIN,
    ),
    Goal(
        "`russo_audio` per test over a plain fixture",
        150.0,
        "µs",
        "fixture/russo_audio/2,000 tests",
        reason=_FIXTURE,
    ),
    *(
        Goal(f"backend calls per prompt, {case}", 1.0, "", f"calls/per prompt/{case}", exact=True)
        for case in ("50 tasks", "50 threads", "8 processes of 5 tasks")
    ),
    Goal(
        "local hit with a shared store over one without",
        1.02,
        "x",
        "remote/local hit with a remote/150 KB",
        reason=_LAYERS,
    ),
    Goal("hit of a shared store over a bare GET and a miss", 1.2, "x", "remote/remote hit/150 KB"),
    Goal("prefetch of 100 entries through 30 ms", 0.5, "s", "remote/prefetch/100 entries, +30 ms"),
)


def judge(figures: Iterable[Figure]) -> Iterator[tuple[Goal, Figure | None]]:
    """Yield every goal with the figure that answers it, or ``None`` if it was not measured."""
    by_name = {figure.name: figure for figure in figures}
    for goal in GOALS:
        yield goal, by_name.get(goal.figure)
