"""Read the API key at each call, and build the error for missing credentials."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from .._errors import AuthenticationError, SynthesisError
from .._secret import Secret
from .attempts import Attempts
from .backend_call import current_backend_call
from .http import Exchange


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
    is_missing, given, key = not key, "", ""  # the traceback may be shown with the locals of this frame
    if is_missing:
        advice = f"set {' or '.join(variables)} (or pass api_key=… to the synthesizer)"
        raise credentials_error(Exchange(attempts, prompt), "there is no API key", advice=advice)
    # Checked here, because the HTTP client's error would contain the key.
    what = "the API key contains a space, a line end or another character that an HTTP header cannot carry"
    raise attempts.error(AuthenticationError, what, prompt=prompt, advice=f"correct {name}", reached=False)


def credentials_error(
    exchange: Exchange, what: str, *, advice: str, cause: BaseException | None = None
) -> SynthesisError:
    """Build the error for missing credentials. Nothing was sent.

    If the cache has no entry for the prompt with these settings, the message says so too: often a changed
    setting is the reason why credentials are needed. In a test run it names the mode that shows the change.

    Args:
        exchange: The exchange that needs the credentials.
        what: What is missing.
        advice: How to provide the credentials.
        cause: The exception that says why there are none, if there is one.
    """
    call = current_backend_call.get()
    if call is not None and call.is_absent:
        what = f"{what}, and this prompt is not recorded with these settings"
        if call.replay_command is not None:
            replay = f"run {call.replay_command} to see whether the prompt is recorded with other settings"
            advice = f"{advice}, or {replay}"
    if cause is not None:
        what = f"{what}: {cause}"
    return exchange.error(AuthenticationError, what, advice=advice, reached=False)
