"""What a hit and a miss do, by one word."""

import enum


class Mode(enum.StrEnum):
    """The modes: replay what is stored and record the rest, only replay, record anew, or neither."""

    AUTO = "auto"
    """Replay what is stored, synthesize and store the rest."""
    REPLAY = "replay"
    """Replay what is stored; the rest is a `CacheMissError`."""
    REFRESH = "refresh"
    """Synthesize again and replace what is stored, once per key and run."""
    OFF = "off"
    """Always synthesize, store nothing."""

    @classmethod
    def parse(cls, value: str) -> "Mode":
        """Return the mode of this name.

        Raises:
            ValueError: There is none; the message lists them.
        """
        try:
            return cls(value)
        except ValueError:
            raise ValueError(f"{value!r} is no cache mode; the modes are {', '.join(cls)}") from None
