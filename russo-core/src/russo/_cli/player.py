"""Playing audio with a player of the system, if there is one."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from .._audio import Audio

_RAW: Final = frozenset({"wav", "pcm", "ulaw", "alaw"})
# Each command, and whether it also plays compressed audio.
_PLAYERS: Final = (
    (("aplay", "-q"), False),
    (("paplay",), False),
    (("afplay",), True),
    (("ffplay", "-nodisp", "-autoexit", "-loglevel", "error"), True),
    (("play", "-q"), True),
)


def suffix_of(audio: Audio) -> str:
    """Return the suffix of the file that `Audio.save` writes."""
    return ".wav" if audio.format in _RAW else f".{audio.format}"


def play(audio: Audio) -> str | None:
    """Play audio to its end; return ``None``, or why it was not played."""
    for command, all_formats in _PLAYERS:
        if shutil.which(command[0]) and (all_formats or audio.format in _RAW):
            return _play(list(command), audio)
    names = ", ".join(command[0] for command, _ in _PLAYERS)
    return f"no audio player is installed (looked for {names})"


def _play(command: list[str], audio: Audio) -> str | None:
    with tempfile.TemporaryDirectory(prefix="russo-") as directory:
        try:
            path = audio.save(Path(directory) / f"speech{suffix_of(audio)}")
        except ValueError as error:  # an old entry may call samples WAV
            return f"it cannot be played: {error}"
        done = subprocess.run(
            [*command, str(path)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    if done.returncode == 0:
        return None
    lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
    return f"{command[0]} could not play it: {lines[-1]:.200}"
