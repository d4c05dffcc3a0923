"""How a mistake is registered, with the tests that catch it, and put into the real store."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Break:
    """One mistake.

    Attributes:
        apply: Puts it into the store, for this process.
        caught_by: The tests that fail, each of them.
        slow: Whether they take more than a second of work against the broken store.
    """

    apply: Callable[[], None]
    caught_by: tuple[str, ...]
    slow: bool


BREAKS: dict[str, Break] = {}


def caught_by(*tests, slow=False):
    """Register a mistake with the tests that catch it."""

    def register(function):
        BREAKS[function.__name__] = Break(function, tests, slow)
        return function

    return register


def apply(name):
    """Break the store of this process."""
    BREAKS[name].apply()


def swap(owner, name, value):
    """Replace what has to be there: a mistake in a function that no longer exists would be none."""
    assert hasattr(owner, name), (
        f"{owner.__name__} has no {name}: the broken stores are to follow the real one"
    )
    setattr(owner, name, value)
