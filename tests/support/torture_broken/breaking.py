"""Registers mistakes with the tests that catch them, and puts them into the real store."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Break:
    """One mistake.

    Attributes:
        apply: Puts the mistake into the store of this process.
        caught_by: The tests that must all fail.
        slow: Whether these tests take more than a second of work against the broken store.
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
    """Replace an attribute that must exist: replacing a function that was removed would change nothing."""
    assert hasattr(owner, name), f"{owner.__name__} has no {name}: adapt the broken stores to the real one"
    setattr(owner, name, value)
