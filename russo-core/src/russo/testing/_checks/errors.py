"""Check every error of a backend: its class, backend and prompt, its pickling, and that it shows no key."""

from __future__ import annotations

import pickle
from collections.abc import Collection, Sequence

from ... import SynthesisError
from .expect import expect, refuse
from .planted_key import Output, key_form_in, redacted, texts_of_error
from .reasons import CREDENTIAL_LEAK


def check_error(error: SynthesisError, backends: Sequence[str], prompt: str, output: Output) -> None:
    """Fail the test unless an error has the class, attributes and texts that the contract wants.

    Args:
        error: The error.
        backends: The names that it may carry: the backend's own, and that of the backend it wraps.
        prompt: The exact prompt.
        output: What was logged, warned and printed during the call.
    """
    expect(
        type(error) is not SynthesisError,
        "a failure is a subclass of SynthesisError, which names the kind of failure",
        error,
        "users, the retries and the summary depend on the class",
    )
    expect(
        error.backend in backends and error.prompt == prompt and str(error).startswith(f"{error.backend} "),
        f"an error carries the backend {backends[0]!r} and the exact prompt {prompt[:60]!r}",
        f"backend {error.backend!r}, prompt {error.prompt!r:.80}: {error!r}",
        "a reader of the error has several backends and many prompts",
    )
    _check_pickling(error)
    check_unseen([*texts_of_error(error)], "an error and its chained errors")
    check_unseen([*output.texts()], "log records, warnings and output while a call fails")


def check_unseen(texts: Collection[str], what: str) -> None:
    """Fail the test if one of these texts shows the planted key, in any form."""
    shown = [(form, text) for text in texts if (form := key_form_in(text))]
    if shown:
        form, text = shown[0]
        refuse(f"no credential is shown by {what}", f"{form} in {redacted(text)[:300]!r}", CREDENTIAL_LEAK)


def _check_pickling(error: SynthesisError) -> None:
    """Fail the test unless an error is the same after pickling."""
    why = "pytest-xdist carries errors between processes"
    try:
        copy = pickle.loads(pickle.dumps(error))
    except Exception as problem:  # noqa: BLE001 - the attributes of an error may raise anything
        refuse("an error survives pickling, with all its attributes", problem, why)
    expect(
        (type(copy), str(copy)) == (type(error), str(error)),
        "an error survives pickling",
        f"{copy!r}",
        why,
    )
