"""Reading the API key, at each call."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from .._errors import AuthenticationError
from .._secret import Secret
from .attempts import Attempts


def read_api_key(attempts: Attempts, prompt: str, given: str | None, *variables: str) -> str:
    """Return the given key, else the key in the first environment variable that is set.

    White space around the key is removed. The ``repr`` of the key is hidden.

    Args:
        attempts: The attempts of the synthesizer, for the error.
        prompt: The prompt, for the error.
        given: The option ``api_key``.
        variables: Environment variables, in order of precedence. They are read at every call.

    Raises:
        AuthenticationError: There is no key, or an HTTP header cannot carry it.
    """
    found: Iterator[tuple[str, str]] = (
        (name, Secret(((given if name == "api_key" else os.environ.get(name)) or "").strip()))
        for name in ("api_key", *variables)
    )
    name, key = next((pair for pair in found if pair[1]), ("", ""))
    if re.fullmatch(r"[!-~]+", key):
        return key
    if key:  # checked here, because the HTTP client's error would contain the key
        what = "the API key holds a space, a line end or another character that no HTTP header carries"
        advice = f"correct {name}"
    else:
        what, advice = "there is no API key", f"set {' or '.join(variables)}, or give api_key"
    given = key = ""  # the traceback may be shown with the locals of this frame
    raise attempts.error(AuthenticationError, what, prompt=prompt, advice=advice, reached=False)
