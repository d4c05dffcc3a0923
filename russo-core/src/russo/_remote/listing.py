"""The entries that a shared store has, listed with a limit for each wait."""

from __future__ import annotations

from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from .._errors import StoreError
from .objects import key_of_object
from .store import StoredObject
from .threads import CALL_SECONDS, start

if TYPE_CHECKING:
    from .access import StoreAccess


def sizes_in(access: StoreAccess) -> dict[str, int]:
    """Return the size of each entry in a store by its key; other objects are left out.

    Raises:
        StoreError: The store cannot list its objects, refused, or sent nothing for 10 s.
    """
    found: SimpleQueue[StoredObject | None] = SimpleQueue()

    def run() -> None:
        try:
            for each in access.list():
                found.put(each)
        finally:
            found.put(None)

    future, sizes = start(run), {}
    try:
        while (each := found.get(timeout=CALL_SECONDS)) is not None:
            if not isinstance(each, StoredObject):
                raise StoreError(
                    f"its list has {type(each).__name__} instead of StoredObject", kind="refused"
                )
            if (key := key_of_object(each.name)) is not None:
                sizes[key] = each.size
    except Empty:
        raise StoreError(f"no answer in {CALL_SECONDS:g} s") from None
    if (error := future.exception(CALL_SECONDS)) is not None:
        raise error
    return sizes
