import traceback

import pytest

from russo import BackendConfigError, load_synthesizer
from russo._backends.discovery import convert_options

KEY = "sk-SECRET0123"


class Custom(str):
    def __new__(cls, text):
        raise ValueError(f"{text} is no custom text; {text!r}")


class Misplaced:
    def __init__(self, *, api_key: int = 0, count: int = 0, custom: Custom = "", **more):
        raise ValueError(f"no {more}, no {self!r}, no {api_key}")


@pytest.mark.parametrize("option", ["api_key", "count", "custom"])
def test_value_that_may_be_a_credential_is_not_shown(option):
    with pytest.raises(BackendConfigError) as caught:
        convert_options("custom", Misplaced, {option: KEY})
    assert f"option {option}: " in str(caught.value)
    assert "a text of 13 characters" in str(caught.value)
    assert "SECRET" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("option", ["api_key", "access_token", "client_secret", "PASSWORD"])
def test_credential_in_a_constructors_error_is_not_shown(option):
    with pytest.raises(BackendConfigError, match="refuses its options") as caught:
        load_synthesizer(f"{__name__}:Misplaced", **{option: KEY})
    assert "SECRET" not in "".join(traceback.format_exception(caught.value))
