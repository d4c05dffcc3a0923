"""The errors of russo, as one class tree.

    RussoError
      CacheMissError
      BackendNotFoundError
      BackendConfigError
      BudgetExceededError
      SynthesisError
        AuthenticationError
        QuotaExceededError
        RateLimitError
        ServiceError
        SynthesisTimeoutError
        TextRejectedError
        RequestRejectedError
        NoAudioError
      StoreError

Every message says what failed; most also show the value that was seen and what to do next. No message
contains a credential, or a value that may contain one.
"""

from collections.abc import Iterator
from typing import Any, ClassVar, Literal, TypedDict

from ._foreign import shown

_SHOWN_PROMPT = 60
# The escape sequence of one character has up to ten characters.
_LONGEST_LITERAL = 150
# What happened is often in a service's words, so it is escaped and cut like all foreign text.
_SHOWN_REASON = 2000


def shorten(prompt: str) -> str:
    """Return a prompt as a quoted literal on one line, of which at most 60 characters are shown."""
    most = _SHOWN_PROMPT
    while (
        len(literal := repr(prompt if len(prompt) <= most else prompt[: most - 1] + "…")) > _LONGEST_LITERAL
    ):
        most //= 2
    return literal


def chain_of(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception, and the causes and contexts that its traceback shows."""
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)


class RussoError(Exception):
    """Base class of russo's own errors."""

    def __init__(self, message: str, **values: Any) -> None:
        super().__init__(message)
        self.__dict__.update(values)

    def __reduce__(self) -> tuple[Any, ...]:
        # xdist and multiprocessing pickle exceptions, and pickle cannot call a constructor with
        # keyword-only arguments.
        return _rebuild, (type(self), str(self), dict(self.__dict__))


def _rebuild(cls: type[RussoError], message: str, state: dict[str, Any]) -> RussoError:
    error = cls.__new__(cls, message)
    error.args = (message,)
    error.__dict__.update(state)
    return error


class CacheMissError(RussoError):
    """A prompt is not stored, and mode ``replay`` does not synthesize.

    Attributes:
        prompt: The exact prompt.
        key: The key that was looked up.
        directory: The directory that was searched.
    """

    prompt: str
    key: str
    directory: str


class BackendNotFoundError(RussoError):
    """No installed package registers a backend under this name.

    Attributes:
        name: The requested name.
        installed: The names that are registered, sorted.
    """

    name: str
    installed: list[str]


class BackendConfigError(RussoError):
    """A backend cannot be used as asked.

    It has an unknown or unusable option, two packages register its name, it fails to load, or it was
    written for a newer russo.
    """


class BudgetExceededError(RussoError):
    """The run's limit of backend calls is reached; this call was not made, so it is not billed.

    Attributes:
        prompt: The prompt that was not synthesized.
        limit: How many backend calls the run may make.
        reached: Always False, because no service was reached.
    """

    prompt: str
    limit: int
    reached: bool


class ErrorDetails(TypedDict, total=False):
    """The arguments of `SynthesisError` that a backend may add to an error.

    Attributes:
        advice: What to do next; each class has a default.
        retryable: Whether the same call may succeed later; each class has a default.
        retry_after: Seconds the service asked to wait, if it did.
        reached: Whether the call reached the service, so that it may be billed.
    """

    advice: str | None
    retryable: bool | None
    retry_after: float | None
    reached: bool


class SynthesisError(RussoError):
    """A backend could not synthesize a prompt.

    Args:
        what: What happened, with the value that was seen ("HTTP 429, too many requests").
        backend: The backend's name.
        prompt: The prompt; the message contains a shortened form.
        model: The model, if the backend has one.
        advice: What to do next; each class has a default.
        retryable: Whether the same call may succeed later; each class has a default.
        retry_after: Seconds the service asked to wait, if it did.
        reached: Whether the call reached the service, so that it may be billed.

    Attributes:
        what: What happened, as the message says it.
        advice: What to do next, as the message says it; empty if there is no advice.
    """

    default_advice: ClassVar[str] = ""
    """What to do next, if no ``advice`` is given."""
    default_retryable: ClassVar[bool] = False
    """Whether the same call may succeed later, if ``retryable`` is not given."""

    what: str
    advice: str
    backend: str
    model: str | None
    prompt: str
    retryable: bool
    retry_after: float | None
    reached: bool

    def __init__(
        self,
        what: str,
        *,
        backend: str,
        prompt: str,
        model: str | None = None,
        advice: str | None = None,
        retryable: bool | None = None,
        retry_after: float | None = None,
        reached: bool = True,
    ) -> None:
        speaker = shown(f"{backend} ({model})" if model else backend)
        what = shown(what, _SHOWN_REASON)
        message = f"{speaker} could not speak {shorten(prompt)}: {what}"
        advice = self.default_advice if advice is None else advice
        if advice:
            message = f"{message.removesuffix('.')}; {advice}"
        super().__init__(
            message,
            what=what,
            advice=advice,
            backend=backend,
            model=model,
            prompt=prompt,
            retryable=self.default_retryable if retryable is None else retryable,
            retry_after=retry_after,
            reached=reached,
        )


class AuthenticationError(SynthesisError):
    """Wrong or missing credentials."""

    default_advice = "check the credentials"


class QuotaExceededError(SynthesisError):
    """The account's quota is used up, or its plan does not include this voice, model, option or network."""

    default_advice = "check the account's plan and billing; waiting does not help"


class RateLimitError(SynthesisError):
    """The service refused the last attempt because of too many requests."""

    default_advice = "wait, or lower max_concurrency"
    default_retryable = True


class ServiceError(SynthesisError):
    """The service failed: a 5xx status, no connection, a lost connection, or an unreadable reply."""

    default_advice = "try again later"
    default_retryable = True


class SynthesisTimeoutError(SynthesisError):
    """No reply arrived in time."""

    default_advice = "try again, or raise timeout"
    default_retryable = True


class TextRejectedError(SynthesisError):
    """The text was refused, blocked or is too long."""

    default_advice = "change the prompt"


class RequestRejectedError(SynthesisError):
    """The service does not serve this request.

    It does not know the voice, model or option (for example a retired model), or it does not serve this
    country, network or project.
    """

    default_advice = "check voice, model and options"


class NoAudioError(SynthesisError):
    """The reply contains no usable audio: it is empty, truncated or not audio, or speaks other words.

    An error or a page instead of audio, and audio in another format than the requested one, are not retried,
    because the next reply would be the same.

    Attributes:
        said: What the audio says instead of the prompt, if the service sent a transcript; else ``None``.
    """

    said: str | None = None
    default_advice = "try again"
    default_retryable = True


class StoreError(RussoError):
    """A shared store did not answer, or refused.

    Attributes:
        reason: What happened, in words and without a credential.
        kind: ``outage`` if the same call may succeed later: a lost connection, a busy server, a timeout.
            ``refused`` if it will not in this run: credentials, rights, a bucket that does not exist, a clock
            that is wrong. russo asks such a store no more in the run.
    """

    reason: str
    kind: Literal["outage", "refused"]

    def __init__(self, reason: str, kind: Literal["outage", "refused"] = "outage") -> None:
        super().__init__(reason, reason=reason, kind=kind)


for _error in [RussoError, *RussoError.__subclasses__(), *SynthesisError.__subclasses__()]:
    _error.__module__ = "russo"  # users import them from there, and tracebacks show it
