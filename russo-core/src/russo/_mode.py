"""The cache modes: what russo does with stored audio and with a miss."""

import enum
from typing import Final, Literal, TypeAlias

ModeName: TypeAlias = Literal["auto", "replay", "refresh", "off"]
"""The name of a `Mode`. `Mode.parse` takes a name that is read from elsewhere, such as the environment."""


class Mode(enum.StrEnum):
    """A cache mode: replay and record, only replay, record again, or use no cache."""

    AUTO = "auto"
    """Replay what is stored; synthesize and store the rest."""
    REPLAY = "replay"
    """Replay what is stored; raise a `CacheMissError` for the rest."""
    REFRESH = "refresh"
    """Synthesize again and replace the stored audio, once per key and run."""
    OFF = "off"
    """Always synthesize; store nothing."""

    @classmethod
    def parse(cls, value: str) -> "Mode":
        """Return the mode of this name.

        Raises:
            ValueError: The mode does not exist; the message suggests a mode, and lists all modes.
        """
        try:
            return cls(value)
        except ValueError:
            raise ValueError(f"no cache mode is named {value!r:.80}; {_hint(str(value))}") from None


_WORK: Final = {
    Mode.AUTO: "replays what is stored, and synthesizes and stores the rest",
    Mode.REPLAY: "replays what is stored, and fails for the rest",
    Mode.REFRESH: "synthesizes again, and replaces what is stored",
    Mode.OFF: "always synthesizes, and stores nothing",
}
# The names of similar modes in vcrpy and pytest-recording.
_NAMES_ELSEWHERE: Final = {
    "record": Mode.AUTO,
    "once": Mode.AUTO,
    "record_once": Mode.AUTO,
    "new_episodes": Mode.AUTO,
    "all": Mode.REFRESH,
    "rewrite": Mode.REFRESH,
    "none": Mode.REPLAY,
    "disable": Mode.OFF,
    "disabled": Mode.OFF,
}


def _hint(value: str) -> str:
    """Return the suggested mode with its meaning, and the other modes."""
    import difflib  # a run with a valid mode does not need it

    word = value.strip().lower().replace("-", "_")
    names = {**_NAMES_ELSEWHERE, **{str(mode): mode for mode in Mode}}
    # Short names have many neighbours: "no" must not suggest what "none" means.
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.75) or difflib.get_close_matches(
        word, Mode, n=1
    )
    meant = names[near[0]] if near else None
    if meant is None:
        return f"the modes are {', '.join(Mode)}"
    others = ", ".join(each for each in Mode if each is not meant)
    return f"did you mean {str(meant)!r}? {meant} {_WORK[meant]}; the other modes are {others}"
