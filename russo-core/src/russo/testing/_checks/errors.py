"""What every error of a backend is, whatever failed: of the tree, of its prompt, picklable, without a key."""

from __future__ import annotations

import pickle
from collections.abc import Collection, Sequence

from ... import SynthesisError
from .expect import expect, refuse
from .planted_key import Said, shown_by, shown_in, without_key

PAID = "every attempt may be paid for; russo.authoring.Attempts decides it for all backends"
TREE = "users, the retries and the summary act on the class; russo.authoring.Exchange builds it"
LEAK = "messages, logs and reports end in CI's output, in bug reports and in mails"


def check_error(error: SynthesisError, backends: Sequence[str], prompt: str, said: Said) -> None:
    """Fail the test unless an error is what every error of a backend must be.

    Args:
        error: The error.
        backends: The names that it may carry: the backend's own, and that of what it wraps.
        prompt: The exact prompt.
        said: What was logged, warned of and printed meanwhile.
    """
    expect(
        type(error) is not SynthesisError,
        "a failure is one of the classes below SynthesisError, which tells what failed",
        error,
        "users, the retries and the summary act on the class",
    )
    expect(
        error.backend in backends and error.prompt == prompt and str(error).startswith(f"{error.backend} "),
        f"an error carries the backend {backends[0]!r} and the exact prompt {prompt[:60]!r}",
        f"backend {error.backend!r}, prompt {error.prompt!r:.80}: {error!r}",
        "whoever reads it has several backends and many prompts",
    )
    _check_pickling(error)
    check_unseen([*shown_by(error)], "an error and what it is chained to")
    check_unseen([*said.texts()], "what is logged, warned of and printed while a call fails")


def check_unseen(texts: Collection[str], what: str) -> None:
    """Fail the test where one of these texts shows the planted key, in any form."""
    shown = [(form, text) for text in texts if (form := shown_in(text))]
    if shown:
        form, text = shown[0]
        refuse(f"no credential is shown by {what}", f"{form} in {without_key(text)[:300]!r}", LEAK)


def _check_pickling(error: SynthesisError) -> None:
    why = "pytest-xdist carries errors between processes"
    try:
        copy = pickle.loads(pickle.dumps(error))
    except Exception as problem:  # noqa: BLE001 - whatever its parts raise
        refuse("an error survives pickling, with all its attributes", problem, why)
    expect(
        (type(copy), str(copy)) == (type(error), str(error)),
        "an error survives pickling",
        f"{copy!r}",
        why,
    )
