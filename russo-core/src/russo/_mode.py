"""The cache modes: what russo does with stored audio and with a miss."""

import enum


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
            ValueError: There is no such mode; the message lists the modes.
        """
        try:
            return cls(value)
        except ValueError:
            raise ValueError(f"{value!r} is no cache mode; the modes are {', '.join(cls)}") from None
