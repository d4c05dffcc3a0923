"""Checks in fresh processes: constructing is free, the key is stable, a replay needs the cache alone."""

from __future__ import annotations

import functools
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ... import AudioCache, CachedSynthesizer
from .._server.loopback import LoopbackServer
from .base import Declared, Make, as_json, fields_of
from .child import Seen, construct, replay
from .expect import expect
from .planted_key import PLANTED_KEY

_CONSTRUCTED = pytest.StashKey[tuple[Seen, Seen]]()
_FREE = "constructing a synthesizer, and reading its cache_key_extra, does nothing that the first miss can do"
_WHY_FREE = "a run that replays everything would pay for it, in seconds or in a key it does not have"
_SECRET = re.compile("API_?KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)
# Another machine, as far as one process can be on it: its user, his home, his language and his clock.
_ELSEWHERE = {
    "USER": "nobody",
    "LOGNAME": "nobody",
    "LANG": "tr_TR.UTF-8",
    "LC_ALL": "C.UTF-8",
    "TZ": "Asia/Tokyo",
}


class ProcessChecks(Declared):
    """What holds in a fresh process."""

    @pytest.fixture
    def constructed(
        self, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
    ) -> tuple[Seen, Seen]:
        """Two fresh processes, where the planted key is set; once per class, with whatever comes of it.

        They have different hash seeds; the other one stands in another directory, at home elsewhere.
        """
        kept = request.node.getparent(pytest.Class).stash
        if _CONSTRUCTED not in kept:
            planted = dict.fromkeys(self.credentials, PLANTED_KEY)
            home = str(tmp_path_factory.mktemp("home"))
            elsewhere = {**planted, **_ELSEWHERE, "HOME": home, "TMPDIR": home, "PYTHONHASHSEED": "2"}
            make = functools.partial(construct, self.backend, self.options, self.sdk)
            with ThreadPoolExecutor() as pool:
                one = pool.submit(make, {**planted, "PYTHONHASHSEED": "1"})
                other = pool.submit(make, elsewhere, home)
                kept[_CONSTRUCTED] = (one.result(), other.result())
        seen: tuple[Seen, Seen] = kept[_CONSTRUCTED]
        return seen

    @pytest.fixture
    def made_afresh(self, constructed: tuple[Seen, Seen]) -> Seen:
        """What a fresh process saw that made the synthesizer; skips the check where it could not."""
        if constructed[0].error is not None:
            pytest.skip("it is not made in a fresh process: see test_constructing_works_in_a_fresh_process")
        return constructed[0]

    def test_constructing_works_in_a_fresh_process(self, constructed: tuple[Seen, Seen]) -> None:
        """``load_synthesizer`` makes it where nothing has been imported, and the process ends."""
        error = constructed[0].error or constructed[1].error
        expect(
            error is None,
            f"russo.load_synthesizer({self.backend!r}) makes a synthesizer in a fresh process, which ends",
            error or "",
            "it is what pytest --russo-synth does",
        )

    def test_constructing_imports_no_sdk(self, made_afresh: Seen) -> None:
        """None of the modules in ``sdk`` is loaded by constructing and by reading the key's fields."""
        expect(
            not made_afresh.sdk,
            f"{_FREE}: no SDK is imported",
            f"{list(made_afresh.sdk)} are loaded",
            _WHY_FREE,
        )

    def test_constructing_opens_no_socket(self, made_afresh: Seen) -> None:
        """Nothing is asked of the network."""
        expect(
            not made_afresh.sockets,
            f"{_FREE}: no socket is opened",
            f"{list(made_afresh.sockets)}",
            _WHY_FREE,
        )

    def test_constructing_starts_no_process(self, made_afresh: Seen) -> None:
        """No command is run, and no thread goes on."""
        expect(
            not made_afresh.processes,
            f"{_FREE}: no process and no thread is started",
            f"{list(made_afresh.processes)}",
            _WHY_FREE,
        )

    def test_constructing_reads_no_credential(self, made_afresh: Seen) -> None:
        """No variable is asked for that stands in ``credentials``, or is named as a key is."""
        read = sorted(
            {each for each in made_afresh.asked if each in self.credentials or _SECRET.search(each)}
        )
        expect(not read, f"{_FREE}: no credential is read", f"{read} are read", _WHY_FREE)

    def test_constructing_opens_no_file_of_the_user(
        self, constructed: tuple[Seen, Seen], made_afresh: Seen
    ) -> None:
        """Nothing is read or made in the user's home, in the working directory or among temporary files."""
        files = constructed[1].files
        expect(not files, f"{_FREE}: no file of the user is opened", f"{list(files)}", _WHY_FREE)

    def test_cache_key_extra_is_the_same_in_every_process(
        self, constructed: tuple[Seen, Seen], made_afresh: Seen, make: Make
    ) -> None:
        """Processes of different hash seeds, directories, users, languages and clocks declare the same."""
        here = as_json(fields_of(make()))
        seen = {here, *(each.fields for each in constructed if each.error is None)}
        expect(
            len(seen) == 1,
            "cache_key_extra is the same in every process and on every machine",
            f"{sorted(seen)}",
            "what one process stored would be a miss in all others: in CI, say",
        )

    def test_replay_needs_the_cache_alone(
        self, made_afresh: Seen, speaking: Make, server: LoopbackServer | None, tmp_path: Path
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
