"""Checks of the optional ``list``."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest

from ... import StoredObject
from .._checks.expect import expect
from .base import StoreContractBase
from .handle import Handle
from .words import content_of, name_of

_DAY: Final = 86400.0
_LONG: Final = 120.0  # seconds, for more than a thousand puts
_PULL: Final = "`russo cache pull --all` and `push` would leave entries out, or stop"


class ListingChecks(StoreContractBase):
    """Checks of the optional ``list``."""

    @pytest.fixture
    def listing(self, opened: Handle) -> Handle:
        """Return an opened store that has a list; skip the check if it has none."""
        if not opened.has("list"):
            pytest.skip("the store has no list, which is optional; `russo cache pull --all` needs it")
        return opened

    def test_list_has_the_name_and_size_of_each_object(self, listing: Handle) -> None:
        """``list`` yields each object once, with its whole name and its size; nothing in an empty place."""
        expect(
            listing.list("v1/") == [],
            "list of an empty place yields nothing",
            f"{listing.list('v1/')}",
            _PULL,
        )
        sizes = {name_of(number): 10 + number for number in range(12)}
        for number, (name, size) in enumerate(sizes.items()):
            listing.store_new(name, content_of(number, size))
        found = sorted((each.name, each.size) for each in listing.list("v1/"))
        expect(
            found == sorted(sizes.items()),
            "list yields each object once: its name as it was given to put, and its size in bytes",
            f"{found[:3]}… ({len(found)}) instead of {sorted(sizes.items())[:3]}… ({len(sizes)})",
            _PULL,
        )

    def test_list_is_limited_to_the_prefix(self, listing: Handle) -> None:
        """``list`` yields only the objects of a folder, if the prefix is a folder."""
        names = [name_of(number) for number in range(6)]
        for number, name in enumerate(names):
            listing.store_new(name, content_of(number))
        folder = names[0][:6]  # v1/ab/
        wanted = sorted(name for name in names if name.startswith(folder))
        found = sorted(each.name for each in listing.list(folder))
        expect(found == wanted, f"list({folder!r}) yields the objects below it only", f"{found}", _PULL)

    def test_list_has_the_time_of_each_object(self, listing: Handle) -> None:
        """``modified`` is in seconds since 1970, or ``None`` if the store does not know it."""
        listing.store_new(name_of(1), content_of(1))
        (each, *_) = [*listing.list("v1/"), StoredObject("none", 0)]
        expect(
            each.modified is None or abs(float(each.modified) - time.time()) < _DAY,
            "`modified` is the time of the put, in seconds since 1970, or None",
            f"{each.modified!r} for an object that was put now",
            "people read this time",
        )

    def test_list_goes_on_after_its_first_page(self, listing: Handle) -> None:
        """``list`` yields all objects, also those after the first page of the server."""
        if not self.page_size:
            pytest.skip("`page_size` is 0: the list does not come in pages")
        names = {name_of(number) for number in range(self.page_size + 1)}
        with ThreadPoolExecutor(16) as threads:
            stored = threads.map(lambda name: listing.store.put(name, b"1", replace=False), names)
            listing.checked(lambda: list(stored), f"storing {len(names)} objects", _LONG)
        found = {each.name for each in listing.list("v1/")}
        expect(
            found == names,
            f"list yields all of {len(names)} objects",
            f"{len(found)}; read the next page until there is none",
            _PULL,
        )
