import copy
import pickle

import pytest

import russo
from russo import (
    AuthenticationError,
    BackendConfigError,
    BackendNotFoundError,
    BudgetExceededError,
    CacheMissError,
    NoAudioError,
    QuotaExceededError,
    RateLimitError,
    RequestRejectedError,
    RussoError,
    ServiceError,
    StoreError,
    SynthesisError,
    SynthesisTimeoutError,
    TextRejectedError,
)
from russo._errors import shorten
from support.speakers import PROMPT

OF_SYNTHESIS = {
    # class: is it retryable, advice
    AuthenticationError: (False, "check the credentials"),
    QuotaExceededError: (False, "check the account's plan and billing; waiting does not help"),
    RateLimitError: (True, "wait, or lower max_concurrency"),
    ServiceError: (True, "try again later"),
    SynthesisTimeoutError: (True, "try again, or raise timeout"),
    TextRejectedError: (False, "change the prompt"),
    RequestRejectedError: (False, "check voice, model and options"),
    NoAudioError: (True, "try again"),
}
PLAIN = (CacheMissError, BackendNotFoundError, BackendConfigError, BudgetExceededError, StoreError)
synthesis_errors = pytest.mark.parametrize("kind", OF_SYNTHESIS)


def make(kind, **values):
    if issubclass(kind, SynthesisError):
        return kind(**{"what": "HTTP 500", "backend": "acme", "model": "m-1", "prompt": PROMPT} | values)
    return kind("what failed", **values)


def test_class_tree_is_the_documented_one():
    own = {kind for kind in RussoError.__subclasses__() if kind.__module__ == "russo"}  # not of companions
    assert own == {*PLAIN, SynthesisError}
    assert set(SynthesisError.__subclasses__()) == set(OF_SYNTHESIS)
    assert RussoError.__bases__ == (Exception,)
    assert all(kind.__bases__ == (SynthesisError,) for kind in OF_SYNTHESIS)


@pytest.mark.parametrize("kind", [RussoError, SynthesisError, *PLAIN, *OF_SYNTHESIS])
def test_module_of_every_class_is_russo(kind):
    assert kind.__module__ == "russo"
    assert getattr(russo, kind.__name__) is kind


@synthesis_errors
def test_message_names_backend_model_prompt_and_advice(kind):
    error = make(kind, what="HTTP 418, a teapot")
    _, advice = OF_SYNTHESIS[kind]
    assert str(error) == f"acme (m-1) could not speak {PROMPT!r}: HTTP 418, a teapot; {advice}"


def test_model_and_advice_are_optional_in_a_message():
    error = make(ServiceError, model=None, advice="")
    assert str(error) == f"acme could not speak {PROMPT!r}: HTTP 500"


def test_full_stop_of_a_service_is_removed_before_the_advice():
    error = ServiceError("Please retry.", backend="acme", prompt="Hi", advice="wait a little")
    assert str(error) == "acme could not speak 'Hi': Please retry; wait a little"


def test_advice_may_be_replaced():
    assert str(make(ServiceError, advice="restart it")).endswith("HTTP 500; restart it")


@synthesis_errors
def test_data_of_an_error_are_attributes(kind):
    error = make(kind)
    assert (error.backend, error.model, error.prompt) == ("acme", "m-1", PROMPT)
    assert (error.retryable, error.retry_after, error.reached) == (OF_SYNTHESIS[kind][0], None, True)


@synthesis_errors
def test_defaults_may_be_overridden(kind):
    retryable = not OF_SYNTHESIS[kind][0]
    error = make(kind, retryable=retryable, retry_after=2.5, reached=False)
    assert (error.retryable, error.retry_after, error.reached) == (retryable, 2.5, False)


@pytest.mark.parametrize("prompt", ["x" * 100_000, "line\n" * 50, "\ud800" * 80, "👋" * 100])
def test_prompt_of_a_message_is_short_and_on_one_line(prompt):
    message = str(make(ServiceError, prompt=prompt))
    assert len(message) < 600
    assert "\n" not in message
    message.encode("utf-8")
    assert make(ServiceError, prompt=prompt).prompt == prompt


@pytest.mark.parametrize(
    ("prompt", "shown"),
    [
        ("short", "'short'"),
        ("x" * 60, repr("x" * 60)),
        ("x" * 61, repr("x" * 59 + "…")),
        ("a\nb", r"'a\nb'"),
        ("\ud800", r"'\ud800'"),
        ("", "''"),
    ],
)
def test_prompt_is_quoted_and_cut_at_60_characters(prompt, shown):
    assert shorten(prompt) == shown


def test_prompt_with_escapes_is_cut_earlier():
    assert shorten("\x1b" * 60) == repr("\x1b" * 29 + "…")
    assert len(shorten("\U000e0001" * 60)) <= 150


VALUES = {
    CacheMissError: {"prompt": PROMPT, "key": "abc", "directory": "/cache"},
    BackendNotFoundError: {"name": "acme", "installed": ["local"]},
}


@pytest.mark.parametrize("kind", [SynthesisError, *PLAIN, *OF_SYNTHESIS])
@pytest.mark.parametrize(
    "carry",
    [
        *(lambda e, p=p: pickle.loads(pickle.dumps(e, p)) for p in range(pickle.HIGHEST_PROTOCOL + 1)),
        copy.copy,
    ],
)
def test_error_can_be_sent_to_another_process(kind, carry):
    values = (
        {"retry_after": 1.5, "reached": False} if issubclass(kind, SynthesisError) else VALUES.get(kind, {})
    )
    error = make(kind, **values)
    arrived = carry(error)
    assert type(arrived) is kind
    assert str(arrived) == str(error)
    assert arrived.args == error.args
    assert all(getattr(arrived, name) == value for name, value in values.items())
    assert repr(arrived) == repr(error)


def test_notes_are_sent_to_another_process():
    error = make(ServiceError)
    error.add_note("seen on the third attempt")
    assert pickle.loads(pickle.dumps(error)).__notes__ == ["seen on the third attempt"]


class AcmeError(ServiceError):
    """An error class of a third party with its own attribute."""

    def __init__(self, code, **values):
        super().__init__(f"code {code}", **values)
        self.code = code


def test_derived_error_can_be_sent_to_another_process():
    arrived = pickle.loads(pickle.dumps(AcmeError(7, backend="acme", prompt=PROMPT)))
    assert (type(arrived), arrived.code, arrived.retryable) == (AcmeError, 7, True)
    assert "code 7" in str(arrived)
