"""``russo.lock``: the audio that a repository expects under each key, one line per prompt.

    # russo.lock 1: the audio of each prompt. Written by `russo record` and `russo cache lock`.
    <key> sha256:<64 digits> <bytes> wav/24000/1/2 "Turn on the kitchen light."

Lines are sorted by key, so two branches that add prompts change different places of the file, and a merge
conflict is resolved line by line. The prompt is for people: only the other fields are compared. The format,
the sample rate, the channels and the sample width are pinned, too, because they decide how the bytes sound.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .._foreign import shown, visible
from .._settings import SettingsError
from .._store.directory import is_key
from .._store.file_guard import guarded
from .._store.files import IrregularFileError, read_file, write_file

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from .._audio import Audio

_HEADER: Final = (
    "# russo.lock 1: the audio of each prompt. Written by `russo record` and `russo cache lock`; commit it.\n"
)
_VERSION: Final = re.compile(r"# russo\.lock (?P<version>[0-9]{1,9})\b")
_LINE: Final = re.compile(
    r"(?P<key>[0-9a-z_-]{1,128}) sha256:(?P<digest>[0-9a-f]{64}) (?P<size>[1-9][0-9]{0,11})"
    r" (?P<sound>[a-z0-9]{1,16}(?:/[1-9][0-9]{0,8}){3})"
    r'(?: (?P<prompt>".*"))?'
)
_CONFLICT: Final = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")
_SHOWN_PROMPT: Final = 60
_MOST_BYTES: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class Pin:
    """What the lock file expects under one key.

    Attributes:
        digest: The SHA-256 of the audio, in hex.
        size: The size of the audio in bytes.
        sound: What the bytes mean: ``format/sample rate/channels/sample width``.
        prompt: The shortened prompt, for people; empty if it is not known.
    """

    digest: str
    size: int
    sound: str
    prompt: str = ""

    @classmethod
    def of(cls, audio: Audio, prompt: str | None) -> Pin:
        """Return the pin of audio.

        Args:
            audio: The audio, as it is stored.
            prompt: Its prompt, if it is known.
        """
        digest = hashlib.sha256(audio.data).hexdigest()
        return cls(digest, len(audio.data), _sound_of(audio), _shortened(prompt or ""))

    def fits(self, audio: Audio) -> bool:
        """Return whether audio is the pinned one."""
        return (
            len(audio.data) == self.size
            and _sound_of(audio) == self.sound
            and hashlib.sha256(audio.data).hexdigest() == self.digest
        )


class LockFile:
    """The pins of a repository.

    Args:
        path: The file. It may not exist: then nothing is pinned.

    Raises:
        SettingsError: The file exists and is not a lock file, has merge conflicts, cannot be read, or a newer
            russo wrote it.
    """

    def __init__(self, path: Path) -> None:
        self.path: Final = path
        self.exists = False
        self.pins: dict[str, Pin] = self._read()

    def pin_of(self, key: str) -> Pin | None:
        """Return the pin of a key, or ``None`` if the key is not pinned."""
        return self.pins.get(key)

    def update(self, pins: Mapping[str, Pin], *, remove: Collection[str] = ()) -> None:
        """Add or replace pins, remove others, and write the file if that changes a pin.

        The file is read again first, because another process may have added pins. Another process waits
        until this one has written the file.

        Raises:
            OSError: It cannot be written.
            SettingsError: It is not a lock file any more.
        """
        with guarded(self.path):
            before = self._read()
            after = after_update(before, pins, remove=remove)
            # Only pins are compared, so that a checkout with other line ends is not a change.
            if after != before:
                write_file(self.path, ["".join(lines_of(after)).encode()])
                self.exists = True
        self.pins = after

    def _read(self) -> dict[str, Pin]:
        """Read the pins; there are none if the file does not exist."""
        name = visible(str(self.path))
        try:
            text = read_file(str(self.path), _MOST_BYTES).decode("utf-8-sig")
        except FileNotFoundError:
            self.exists = False
            return {}
        except IrregularFileError:
            raise SettingsError(
                f"{name} is not a lock file of russo: it is not a regular file of at most 64 MB"
            ) from None
        except OSError as error:
            raise SettingsError(f"{name} cannot be read: {error.strerror or error}") from None
        except UnicodeDecodeError:
            raise SettingsError(f"{name} is not a lock file of russo: it is not UTF-8") from None
        self.exists = True
        pins: dict[str, Pin] = {}
        for number, line in enumerate(text.split("\n"), 1):
            if problem := _take(line.strip(), pins):
                raise SettingsError(f"{name}, line {number}: {problem}")
        return pins


def _take(line: str, pins: dict[str, Pin]) -> str | None:
    """Add the pin of one line; return what is wrong with the line, or ``None``."""
    if not line or line.startswith("#"):
        version = _VERSION.match(line)
        if version is not None and int(version["version"]) > 1:
            return "a newer russo wrote this file; pip install --upgrade russo-core"
        return None
    if line.startswith(_CONFLICT):
        return (
            "a merge conflict; keep the lines of both sides, delete the lines that begin with <<<, === "
            "and >>>, and run: russo cache lock"
        )
    found = _LINE.fullmatch(line)
    if found is None or not is_key(found["key"]):
        return f"not a pin: {shown(line, 60)!r}; restore the line, or delete it and run: russo cache lock"
    pin = Pin(found["digest"], int(found["size"]), found["sound"], _unquoted(found["prompt"]))
    if replace(other := pins.setdefault(found["key"], pin), prompt=pin.prompt) != pin:
        return (
            f"key {found['key'][:12]} is pinned twice, to different audio ({shown(other.prompt)!r}); "
            "delete one of the two lines"
        )
    return None


def after_update(
    before: Mapping[str, Pin], pins: Mapping[str, Pin], *, remove: Collection[str] = ()
) -> dict[str, Pin]:
    """Return the pins of a lock file after an update. A pin without a prompt keeps the prompt of its line."""
    after = {key: pin for key, pin in before.items() if key not in remove}
    for key, pin in pins.items():
        known = before.get(key)
        after[key] = pin if pin.prompt or known is None else replace(pin, prompt=known.prompt)
    return after


def lines_of(pins: Mapping[str, Pin]) -> Iterator[str]:
    """Yield the lines of a lock file, sorted by key."""
    yield _HEADER
    for key in sorted(pins):
        pin = pins[key]
        prompt = f" {json.dumps(pin.prompt, ensure_ascii=False)}" if pin.prompt else ""
        yield f"{key} sha256:{pin.digest} {pin.size} {pin.sound}{prompt}\n"


def _sound_of(audio: Audio) -> str:
    return f"{audio.format}/{audio.sample_rate}/{audio.channels}/{audio.sample_width}"


def _shortened(prompt: str) -> str:
    return shown(" ".join(prompt.split()), _SHOWN_PROMPT)


def _unquoted(literal: str | None) -> str:
    if literal is None:
        return ""
    try:
        text = json.loads(literal)
    except ValueError:
        return ""
    # The file may come from another person: what russo prints and writes again must be safe to show.
    return shown(text, _SHOWN_PROMPT) if isinstance(text, str) else ""
