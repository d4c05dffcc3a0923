"""Checks in fresh processes: constructing is free, the key is stable, a replay needs the cache alone."""

from __future__ import annotations

import functools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .. import AudioCache, CachedSynthesizer
from ._declared import PLANTED_KEY, Declared, Make, as_json, fields_of
from ._expect import expect
from ._fresh import Seen, construct, replay
from ._loopback import LoopbackServer

_CONSTRUCTED = pytest.StashKey[tuple[Seen, Seen]]()
_FREE = "constructing a synthesizer does nothing costly; all of that waits for the first miss"
_WHY_FREE = "a run that replays everything would pay for it, in seconds or in a key it does not have"


class ProcessChecks(Declared):
    """What holds in a fresh process."""

    @pytest.fixture
    def constructed(self, request: pytest.FixtureRequest) -> tuple[Seen, Seen]:
        """Two fresh processes, of different hash seeds, where the planted key is set; once per class."""
        kept = request.node.getparent(pytest.Class).stash
        if _CONSTRUCTED not in kept:
            planted = dict.fromkeys(self.credentials, PLANTED_KEY)
            given = [{**planted, "PYTHONHASHSEED": seed} for seed in "12"]
            with ThreadPoolExecutor() as pool:
                one, other = pool.map(
                    functools.partial(construct, self.backend, self.options, self.sdk), given
                )
            kept[_CONSTRUCTED] = (one, other)
        seen: tuple[Seen, Seen] = kept[_CONSTRUCTED]
        return seen

    def test_constructing_works_in_a_fresh_process(self, constructed: tuple[Seen, Seen]) -> None:
        """``load_synthesizer`` makes the synthesizer where nothing else has been imported."""
        (seen, _) = constructed
        expect(
            seen.error is None,
            f"russo.load_synthesizer({self.backend!r}) makes a synthesizer in a fresh process",
            seen.error or "",
            "it is what pytest --russo-synth does",
        )

    def test_constructing_imports_no_sdk(self, constructed: tuple[Seen, Seen]) -> None:
        """None of the modules in ``sdk`` is loaded by constructing and by reading the key's fields."""
        (seen, _) = constructed
        expect(not seen.sdk, f"{_FREE}: no SDK is imported", f"{list(seen.sdk)} are loaded", _WHY_FREE)

    def test_constructing_opens_no_socket(self, constructed: tuple[Seen, Seen]) -> None:
        """Nothing is asked of the network."""
        (seen, _) = constructed
        expect(not seen.sockets, f"{_FREE}: no socket is opened", f"{list(seen.sockets)}", _WHY_FREE)

    def test_constructing_starts_no_process(self, constructed: tuple[Seen, Seen]) -> None:
        """No command is run."""
        (seen, _) = constructed
        expect(not seen.processes, f"{_FREE}: no process is started", f"{list(seen.processes)}", _WHY_FREE)

    def test_constructing_reads_no_credential(self, constructed: tuple[Seen, Seen]) -> None:
        """None of the variables in ``credentials`` is asked for."""
        (seen, _) = constructed
        read = sorted({*seen.asked} & {*self.credentials})
        expect(not read, f"{_FREE}: no credential is read", f"{read} are read", _WHY_FREE)

    def test_cache_key_extra_is_the_same_in_every_process(
        self, constructed: tuple[Seen, Seen], make: Make
    ) -> None:
        """Two processes of different hash seeds, and this one, declare the same."""
        here = as_json(fields_of(make()))
        seen = {here, *(each.fields for each in constructed if each.error is None)}
        expect(
            len(seen) == 1,
            "cache_key_extra is the same in every process and on every machine",
            f"{sorted(seen)}",
            "what one process stored would be a miss in all others: in CI, say",
        )

    def test_replay_needs_the_cache_alone(
        self, speaking: Make, server: LoopbackServer | None, tmp_path: Path
    ) -> None:
        """A stored prompt is replayed without SDK, key, network, other processes and a running service."""
        audio = self.speak(CachedSynthesizer(speaking(), cache=AudioCache(tmp_path), mode="auto"))
        options = dict(self.options)
        if self.service is not None and server is not None:
            server.close()
            options["base_url"] = self.service.base_url(server.url)
        seen = replay(
            self.backend,
            options=options,
            sdk=self.sdk,
            credentials=self.credentials,
            directory=tmp_path,
            text=self.prompt,
        )
        wanted = (
            "a replay needs the cache alone: the SDK may be missing, the key, the network and the service"
        )
        why = "CI replays recordings where none of them exists"
        expect(seen.error is None, wanted, seen.error or "", why)
        expect(bytes.fromhex(seen.data) == audio.data, wanted, "the replay returns other bytes", why)
        used = [*seen.sdk, *seen.sockets, *seen.processes, *({*seen.asked} & {*self.credentials})]
        expect(not used, wanted, f"it used {used}", why)
