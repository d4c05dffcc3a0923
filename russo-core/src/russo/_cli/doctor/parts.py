"""The parts of the output of ``russo doctor``, and what must be hidden in each of them.

Users paste the output into an issue, so it has no credential and no name of the home directory.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..._backends.constructor import convert_options, option_types
from ..._backends.redaction import redact
from ..._foreign import shown
from ..._secret import is_credential
from ..urls import without_credentials

_LONGEST: Final = 300
# A variable such as KEYBOARD_LAYOUT has a short value, which may be a word of the output.
_SHORTEST_KEY: Final = 8


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong, and what to do.

    Attributes:
        what: What is wrong.
        advice: What to do.
    """

    what: str
    advice: str


@dataclass(slots=True)
class Section:
    """One section of the output.

    Attributes:
        title: Its title; in JSON the name of its data.
        lines: Its lines for people.
        data: The same as JSON values.
        problems: What is wrong.
    """

    title: str
    lines: list[str] = field(default_factory=list)
    data: Any = None
    problems: list[Problem] = field(default_factory=list)

    def add(self, what: str, advice: str) -> None:
        """Add a problem."""
        self.problems.append(Problem(shown(what, _LONGEST), shown(advice, _LONGEST)))


class Tidy:
    """Replaces credentials and the home directory in texts.

    Args:
        secrets: Texts that are, or may be, credentials.
        variables: Variables that hold credentials; others are known by their names.
    """

    def __init__(self, secrets: Iterable[str], variables: Iterable[str]) -> None:
        named = set(variables)
        self._secrets = [
            *secrets,
            *(
                value.strip()
                for name, value in os.environ.items()
                # A path, such as that of a file with credentials, is not a credential.
                if (name in named or (is_credential(name) and len(value) >= _SHORTEST_KEY))
                and not os.path.exists(value)
            ),
        ]
        home = os.path.expanduser("~")
        homes = {each for each in (home, os.path.realpath(home)) if len(each) > 1 and os.path.isabs(each)}
        self._home = re.compile(
            "|".join(rf"(?<![\w./-]){re.escape(each)}(?![\w.-])" for each in homes) or r"(?!)"
        )

    def text(self, text: str) -> str:
        """Return a text without credentials and with ``~`` for the home directory."""
        return self._home.sub("~", redact(text, *self._secrets))

    def value(self, value: Any) -> Any:
        """Return a JSON value whose texts are tidy, also the names in it."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(name)): self.value(each) for name, each in value.items()}
        return [self.value(each) for each in value] if isinstance(value, (list, tuple)) else value


def option_text(name: str, value: object) -> str:
    """Return the value of an option or a setting for people; a credential is not shown."""
    if is_credential(name):
        return "(hidden)"
    text = str(value)
    return without_credentials(text) if "://" in text else shown(text, _LONGEST)


def why_hidden(backend: str, factory: Callable[..., Any] | None, option: str, text: str) -> str:
    """Return why the value of a backend's option must be hidden, in addition to `option_text`; else empty.

    A value under a wrong name, or of a wrong type, may be a credential. So a value is shown only if the
    backend has this option and takes the text.

    Args:
        backend: The backend's name.
        factory: Makes the backend; ``None`` if it is not imported.
        option: The option's name.
        text: Its value.
    """
    if is_credential(option):
        return ""
    if factory is None:
        return f"backend {shown(backend)} is not imported"
    if option not in option_types(factory)[0]:
        return f"backend {shown(backend)} does not declare this option"
    try:
        convert_options(factory, {option: text})
    except ValueError:
        return "not a value of this option"
    return ""


def module_exists(name: str, places: Iterable[str] = ()) -> bool:
    """Return whether the first part of a module's name can be found; nothing is imported.

    Args:
        name: The name of the module.
        places: Directories that pytest may add to ``sys.path``.
    """
    top = name.partition(".")[0]
    with contextlib.suppress(ImportError, ValueError):
        if importlib.util.find_spec(top) is not None:
            return True
    return any(os.path.exists(os.path.join(place, each)) for place in places for each in (top, f"{top}.py"))
