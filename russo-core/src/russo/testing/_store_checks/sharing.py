"""Checks of two stores that are opened on one place, as two machines open them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from ... import AudioCache, CachedSynthesizer, LayeredCache, RemoteCache
from .._checks.deadlines import run_within
from .._checks.expect import expect, refuse
from .._fake import FakeSynthesizer
from .base import Open, StoreContractBase
from .handle import Handle
from .words import PAID_AGAIN, SHARED, content_of, name_of

_PROMPT = "Book a flight from Berlin to Rome"


class SharingChecks(StoreContractBase):
    """Checks that what one store puts, another one gets."""

    def test_two_stores_see_the_objects_of_each_other(self, open_store: Open) -> None:
        """Of two stores that are opened on one place, each gets what the other has put, at once."""
        one, other = open_store(), open_store()
        for number, (writer, reader) in enumerate(((one, other), (other, one))):
            name = name_of(number)
            self._check_missing(reader, name)
            writer.store_new(name, content_of(number))
            expect(
                reader.get(name) == content_of(number),
                "a store gets what another store of the same place has put, also if it has missed it before",
                "None, or another object, after the put of the other store",
                SHARED,
            )

    def _check_missing(self, reader: Handle, name: str) -> None:
        expect(reader.get(name) is None, "make_store leads to an empty place", f"it has {name}", SHARED)

    def test_replaced_object_is_seen_by_another_store(self, open_store: Open) -> None:
        """A store that has read an object gets the new one, after another store has replaced it."""
        one, other = open_store(), open_store()
        one.store_new(name_of(1), content_of(1))
        other.get(name_of(1))
        one.put(name_of(1), content_of(2), replace=True)
        expect(
            other.get(name_of(1)) == content_of(2),
            "a store keeps no copy of an object, because russo has a cache of its own",
            "the old object, after another store has replaced it",
            "speech that was wrong would come back on every machine that has read it",
        )

    def test_speech_of_one_machine_is_a_hit_on_another(self, open_store: Open, tmp_path: Path) -> None:
        """A prompt that one machine has synthesized is a cache hit on another machine."""
        calls = [self._speak_on_a_machine(open_store().store, tmp_path / name) for name in ("one", "other")]
        expect(
            calls == [1, 0],
            "the second machine gets the audio of the first machine from the store, without a backend call",
            f"{calls[0]} backend calls of the first machine, {calls[1]} of the second one",
            PAID_AGAIN,
        )

    def _speak_on_a_machine(self, store: Any, directory: Path) -> int:
        """Return how many backend calls one prompt needs on a machine with an empty cache."""
        fake, remote = FakeSynthesizer(cache_key_extra={"voice": "a"}), RemoteCache(store, write=True)
        cache = LayeredCache(AudioCache(directory / "cache"), remote=remote)
        cached = CachedSynthesizer(fake, cache=cache, mode="auto")
        try:
            run_within(lambda: cached.synthesize(_PROMPT), 6 * self.patience)
        except Exception as error:  # noqa: BLE001 - a store may raise anything
            refuse("a test gets its audio, even if the store fails", error, "the store must not fail tests")
        remote.close()
        return fake.calls

    def test_store_works_after_event_loops_have_ended(self, open_store: Open) -> None:
        """A store may be used by threads of one event loop after another."""
        handle = open_store()
        store, name = handle.store, name_of(1)

        def use() -> object:
            asyncio.run(asyncio.to_thread(store.put, name, content_of(1), replace=True))
            return asyncio.run(asyncio.to_thread(store.get, name, 10_000))

        expect(
            handle.checked(use, "a put and a get from the threads of two event loops, one after another,")
            == content_of(1),
            "a store works in threads of many event loops",
            "None, or another object",
            "each async test has its own loop; a client that belongs to a loop does not work after the loop",
        )
