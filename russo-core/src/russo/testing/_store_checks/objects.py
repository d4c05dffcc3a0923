"""Checks of one store: what is put into it, and what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pytest

from .._checks.expect import expect, refuse
from .base import StoreContractBase
from .handle import Handle
from .words import MARKER_NAME, PAID_AGAIN, content_of, name_of

CONTENTS: Final[Mapping[str, bytes]] = {
    "1 byte": b"\0",
    "ends of lines": b"\r\n\n\r\x1a\0 \t",
    "every byte value": bytes(range(256)) * 16,
    "invalid UTF-8": b"\xff\xfe\xc3(\xed\xa0\x80",
    "1 MB": content_of(1, (1 << 20) + 1),
    "6 MB": content_of(2, (6 << 20) + 1),
}
_LONG_KEY: Final = "russo_" + "a-" * 61
_STALE: Final = "`russo cache clear` and mode refresh replace speech that is wrong"


class ObjectChecks(StoreContractBase):
    """Checks what is put into a store, and what comes out."""

    def test_missing_object_is_none(self, opened: Handle) -> None:
        """``get`` returns ``None`` for an object that does not exist; it raises no error."""
        try:
            found = opened.run(lambda: opened.store.get(name_of(1), 1000), "get of a missing object")
        except Exception as error:  # noqa: BLE001 - a store may raise anything
            refuse(
                "get returns None if the object does not exist",
                error,
                "the first prompt of every team is a missing object; an error would switch the store off",
            )
        expect(
            found is None,
            "get returns None if the object does not exist",
            f"{found!r:.80} in an empty place",
            "russo would count the prompt as damaged; does make_store lead to an empty place?",
        )

    def test_object_comes_back_byte_for_byte(self, opened: Handle, content: str) -> None:
        """An object comes back byte for byte: one byte, 6 MB, ends of lines, bytes that are not text."""
        data = CONTENTS[content]
        opened.store_new(name_of(1), data)
        back = opened.get(name_of(1))
        if back != data:
            refuse(
                f"an object comes back byte for byte ({content})",
                _difference(data, back),
                "russo verifies every byte, so a changed object is a damaged entry for every machine",
            )

    def test_limit_cuts_a_larger_object(self, opened: Handle) -> None:
        """``get`` returns at most ``limit`` bytes: the first ones of a larger object."""
        data = content_of(1, 1000)
        opened.store_new(name_of(1), data)
        for limit in (1, 999, 1000, 1001):
            back = opened.get(name_of(1), limit)
            expect(
                back == data[:limit],
                f"get with limit {limit} returns {min(limit, 1000)} of 1000 bytes: the first ones",
                "None" if back is None else f"{len(back)} bytes",
                "a wrong object of many gigabytes must not fill the memory of the test run",
            )

    def test_names_are_kept_apart(self, opened: Handle) -> None:
        """Objects of different names are different objects: short and long keys, and the marker."""
        keys = ("0", "a" * 64, "a" * 63 + "b", "b" * 64, "a_b", "a-b", _LONG_KEY)
        names = [MARKER_NAME, *(f"v1/{key[:2]}/{key}.russo" for key in keys)]
        why = "a store that shortens names would answer a prompt with the speech of another one"
        for number, name in enumerate(names):
            expect(
                opened.put(name, content_of(number)),
                f"the object {name!r} is kept apart from objects of similar names",
                "put returned False, as if there were an object of this name",
                why,
            )
        for number, name in enumerate(names):
            expect(
                opened.get(name) == content_of(number),
                f"the object {name!r} is kept apart from objects of similar names",
                "get returned another object, or none",
                why,
            )

    def test_create_only_put_keeps_the_first_object(self, opened: Handle) -> None:
        """Without ``replace``, ``put`` returns False if there is an object, which stays as it is."""
        name = name_of(1)
        opened.store_new(name, content_of(1))
        is_stored = opened.put(name, content_of(2))
        if not self.creates_only and is_stored:
            pytest.skip("`creates_only` is False, and the store has replaced the object")
        expect(
            not is_stored,
            "put without `replace` returns False if there is an object; if the store cannot check this in "
            "one step, declare `creates_only = False`",
            "True for a second object of this name",
            "the first audio stays, so that all machines replay the same audio of a prompt",
        )
        expect(
            opened.get(name) == content_of(1),
            "put without `replace` leaves an existing object as it is",
            "put returned False, but replaced the first object",
            "russo counts on the first object",
        )

    def test_replacing_put_replaces_the_object(self, opened: Handle) -> None:
        """With ``replace``, ``put`` stores the object whole, whether there is one or not."""
        name = name_of(1)
        for number, size in ((1, 3000), (2, 1000), (3, 2000)):
            data = content_of(number, size)
            expect(
                opened.put(name, data, replace=True),
                "put with `replace` returns True",
                f"False for object {number} of one name",
                _STALE,
            )
            back = opened.get(name)
            if back != data:
                refuse("put with `replace` replaces the whole object", _difference(data, back), _STALE)

    def test_deleted_object_is_gone(self, opened: Handle) -> None:
        """If there is a ``delete``, it removes one object; a missing object is not an error."""
        if not opened.has("delete"):
            pytest.skip("the store has no delete, which is optional")
        for number in (1, 2):
            opened.store_new(name_of(number), content_of(number))
        opened.delete(name_of(1))
        expect(
            opened.get(name_of(1)) is None,
            "delete removes the object",
            "get still returns it",
            "speech that was deleted would come back",
        )
        opened.delete(name_of(1))
        expect(
            opened.get(name_of(2)) == content_of(2),
            "delete removes one object only",
            "another object is gone, too",
            PAID_AGAIN,
        )


def _difference(data: bytes, back: bytes | None) -> str:
    """Return how the bytes that came back differ."""
    if back is None:
        return "None"
    if len(back) != len(data):
        return f"{len(back)} bytes instead of {len(data)}"
    at = next((at for at, (one, other) in enumerate(zip(data, back, strict=True)) if one != other), 0)
    return f"byte {at} is {back[at]:#04x} instead of {data[at]:#04x}"
