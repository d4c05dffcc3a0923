"""``russo.lock``: the audio that a repository expects under each key, one line per prompt.

    # russo.lock 1: the audio of each prompt. Written by `russo record` and `russo cache lock`.
    <key> sha256:<64 digits> <bytes> "Turn on the kitchen light."

Lines are sorted by key, so two branches that add prompts change different places of the file, and a merge
conflict is resolved line by line. The prompt is for people: only the key, the digest and the size count.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .._foreign import shown, visible
from .._settings import SettingsError
from .._store.directory import check_key
from .._store.files import write_file

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

_HEADER: Final = (
    "# russo.lock 1: the audio of each prompt. Written by `russo record` and `russo cache lock`; commit it.\n"
)
_VERSION: Final = re.compile(r"# russo\.lock (?P<version>[0-9]{1,9})\b")
_LINE: Final = re.compile(
    r"(?P<key>[0-9a-z_-]{1,128}) sha256:(?P<digest>[0-9a-f]{64}) (?P<size>[1-9][0-9]{0,11})"
    r'(?: (?P<prompt>".*"))?'
)
_CONFLICT: Final = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")
_SHOWN_PROMPT: Final = 60


@dataclass(frozen=True, slots=True)
class Pin:
    """What the lock file expects under one key.

    Attributes:
        digest: The SHA-256 of the audio, in hex.
        size: The size of the audio in bytes.
        prompt: The shortened prompt, for people; empty if it is not known.
    """

    digest: str
    size: int
    prompt: str = ""

    @classmethod
    def of(cls, data: bytes, prompt: str | None) -> Pin:
        """Return the pin of audio.

        Args:
            data: The audio, as it is stored.
            prompt: Its prompt, if it is known.
        """
        return cls(hashlib.sha256(data).hexdigest(), len(data), _shortened(prompt or ""))

    def fits(self, data: bytes) -> bool:
        """Return whether audio is the pinned one."""
        return len(data) == self.size and hashlib.sha256(data).hexdigest() == self.digest


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
        self.pins: dict[str, Pin] = {}
        self.exists = False
        self._read()

    def pin_of(self, key: str) -> Pin | None:
        """Return the pin of a key, or ``None`` if the key is not pinned."""
        return self.pins.get(key)

    def update(self, pins: Mapping[str, Pin], *, remove: Collection[str] = ()) -> None:
        """Add or replace pins, remove others, and write the file if that changes it.

        The file is read again first, because another process may have added pins.

        Raises:
            OSError: It cannot be written.
            SettingsError: It is not a lock file any more.
        """
        self.pins = {}
        before = self._read()
        self.pins.update(pins)
        for key in remove:
            self.pins.pop(key, None)
        after = "".join(lines_of(self.pins)).encode()
        if before != after and (self.exists or self.pins):
            write_file(self.path, [after])
            self.exists = True

    def _read(self) -> bytes | None:
        """Read the pins; return the content of the file, or ``None`` if it does not exist."""
        name = visible(str(self.path))
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SettingsError(f"{name} cannot be read: {error.strerror or error}") from None
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise SettingsError(f"{name} is not a lock file of russo: it is not UTF-8") from None
        self.exists = True
        for number, line in enumerate(text.split("\n"), 1):
            if problem := self._take(line.strip()):
                raise SettingsError(f"{name}, line {number}: {problem}")
        return data

    def _take(self, line: str) -> str | None:
        """Add the pin of one line; return what is wrong with the line, if anything is."""
        if line.startswith("#"):
            version = _VERSION.match(line)
            if version is not None and int(version["version"]) > 1:
                return "a newer russo wrote this file; pip install --upgrade russo-core"
            return None
        if not line:
            return None
        if line.startswith(_CONFLICT):
            return (
                "a merge conflict; keep the lines of both sides, and delete the lines with <<<, === and >>>"
            )
        found = _LINE.fullmatch(line)
        if found is None:
            return f"not a pin: {shown(line, 60)!r}"
        try:
            key = check_key(found["key"])
        except ValueError:
            return f"not a pin: {shown(line, 60)!r}"
        pin = Pin(found["digest"], int(found["size"]), _unquoted(found["prompt"]))
        if (other := self.pins.setdefault(key, pin)).digest != pin.digest:
            return (
                f"key {key[:12]}… is pinned twice, to different audio ({shown(other.prompt)!r}); "
                "delete one of the two lines"
            )
        return None


def lines_of(pins: Mapping[str, Pin]) -> Iterator[str]:
    """Yield the lines of a lock file, sorted by key."""
    yield _HEADER
    for key in sorted(pins):
        pin = pins[key]
        prompt = f" {json.dumps(pin.prompt, ensure_ascii=False)}" if pin.prompt else ""
        yield f"{key} sha256:{pin.digest} {pin.size}{prompt}\n"


def _shortened(prompt: str) -> str:
    return shown(" ".join(prompt.split()), _SHOWN_PROMPT)


def _unquoted(literal: str | None) -> str:
    if literal is None:
        return ""
    try:
        text = json.loads(literal)
    except ValueError:
        return ""
    return text if isinstance(text, str) else ""
