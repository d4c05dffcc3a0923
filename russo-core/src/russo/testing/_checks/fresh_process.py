"""Checks in fresh processes: what constructing does, whether the key is stable, what a replay needs."""

from __future__ import annotations

import functools
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ... import AudioCache, CachedSynthesizer
from .._server.loopback import LoopbackServer
from .base import ContractBase, Make, as_json, fields_of
from .child import ProcessReport, construct, replay
from .expect import expect
from .planted_key import PLANTED_KEY

_CONSTRUCTED = pytest.StashKey[tuple[ProcessReport, ProcessReport]]()
_NO_WORK = (
    "constructing a synthesizer and reading its cache_key_extra leaves all possible work to the first miss"
)
_WHY_NO_WORK = "a run that only replays would lose time, or fail because it has no key"
_SECRET = re.compile("API_?KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)
# The environment of another user, language and time zone, to imitate another machine.
_ELSEWHERE = {
    "USER": "nobody",
    "LOGNAME": "nobody",
    "LANG": "tr_TR.UTF-8",
    "LC_ALL": "C.UTF-8",
    "TZ": "Asia/Tokyo",
}


class FreshProcessChecks(ContractBase):
    """Checks a backend in fresh processes."""

    @pytest.fixture
    def fresh_processes(
        self, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
    ) -> tuple[ProcessReport, ProcessReport]:
        """Return the reports of two fresh processes with the planted key; they run once per test class.

        They have different hash seeds. The second one has another user, home, directory and time zone.
        """
        stash = request.node.getparent(pytest.Class).stash
        if _CONSTRUCTED not in stash:
            planted = dict.fromkeys(self.credentials, PLANTED_KEY)
            home = str(tmp_path_factory.mktemp("home"))
            elsewhere = {**planted, **_ELSEWHERE, "HOME": home, "TMPDIR": home, "PYTHONHASHSEED": "2"}
            make = functools.partial(construct, self.backend, self.options, self.sdk)
            with ThreadPoolExecutor() as pool:
                one = pool.submit(make, {**planted, "PYTHONHASHSEED": "1"})
                other = pool.submit(make, elsewhere, home)
                stash[_CONSTRUCTED] = (one.result(), other.result())
        seen: tuple[ProcessReport, ProcessReport] = stash[_CONSTRUCTED]
        return seen

    @pytest.fixture
    def fresh_process(self, fresh_processes: tuple[ProcessReport, ProcessReport]) -> ProcessReport:
        """Return the report of the first fresh process; skip the check if constructing failed there."""
        if fresh_processes[0].error is not None:
            pytest.skip(
                "the synthesizer is not made in a fresh process: see "
                "test_constructing_works_in_a_fresh_process"
            )
        return fresh_processes[0]

    def test_constructing_works_in_a_fresh_process(
        self, fresh_processes: tuple[ProcessReport, ProcessReport]
    ) -> None:
        """``load_synthesizer`` works in a process that has imported nothing before, and the process ends."""
        error = fresh_processes[0].error or fresh_processes[1].error
        expect(
            error is None,
            f"russo.load_synthesizer({self.backend!r}) makes a synthesizer in a fresh process, which ends",
            error or "",
            "pytest --russo-synth does the same",
        )

    def test_constructing_imports_no_sdk(self, fresh_process: ProcessReport) -> None:
        """Constructing and reading ``cache_key_extra`` load none of the modules in ``sdk``."""
        expect(
            not fresh_process.sdk,
            f"{_NO_WORK}: no SDK is imported",
            f"{list(fresh_process.sdk)} are loaded",
            _WHY_NO_WORK,
        )

    def test_constructing_opens_no_socket(self, fresh_process: ProcessReport) -> None:
        """Constructing opens no socket."""
        expect(
            not fresh_process.sockets,
            f"{_NO_WORK}: no socket is opened",
            f"{list(fresh_process.sockets)}",
            _WHY_NO_WORK,
        )

    def test_constructing_starts_no_process(self, fresh_process: ProcessReport) -> None:
        """Constructing starts no process and leaves no thread running."""
        expect(
            not fresh_process.processes,
            f"{_NO_WORK}: no process and no thread is started",
            f"{list(fresh_process.processes)}",
            _WHY_NO_WORK,
        )

    def test_constructing_reads_no_credential(self, fresh_process: ProcessReport) -> None:
        """Constructing reads no variable that is in ``credentials`` or has a name such as ``API_KEY``."""
        read = sorted(
            {
                each
                for each in fresh_process.variables_read
                if each in self.credentials or _SECRET.search(each)
            }
        )
        expect(not read, f"{_NO_WORK}: no credential is read", f"{read} are read", _WHY_NO_WORK)

    def test_constructing_opens_no_file_of_the_user(
        self, fresh_processes: tuple[ProcessReport, ProcessReport], fresh_process: ProcessReport
    ) -> None:
        """Constructing opens nothing in the user's home, the working directory or the temporary directory."""
        files = fresh_processes[1].files
        expect(not files, f"{_NO_WORK}: no file of the user is opened", f"{list(files)}", _WHY_NO_WORK)

    def test_cache_key_extra_is_the_same_in_every_process(
        self, fresh_processes: tuple[ProcessReport, ProcessReport], fresh_process: ProcessReport, make: Make
    ) -> None:
        """The fields do not depend on hash seed, directory, user, language or time zone."""
        here = as_json(fields_of(make()))
        seen = {here, *(each.fields for each in fresh_processes if each.error is None)}
        expect(
            len(seen) == 1,
            "cache_key_extra is the same in every process and on every machine",
            f"{sorted(seen)}",
            "audio that one process stored would be a miss in the others, such as in CI",
        )

    def test_replay_needs_the_cache_alone(
        self, fresh_process: ProcessReport, speaking: Make, server: LoopbackServer | None, tmp_path: Path
    ) -> None:
        """A stored prompt is replayed without SDK, key, network, other processes or the service."""
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
        wanted = "a replay needs only the cache, and no SDK, key, network or service"
        why = "CI replays recordings without any of them"
        expect(seen.error is None, wanted, seen.error or "", why)
        expect(bytes.fromhex(seen.data) == audio.data, wanted, "the replay returns other bytes", why)
        used = [*seen.sdk, *seen.sockets, *seen.processes, *({*seen.variables_read} & {*self.credentials})]
        expect(not used, wanted, f"it used {used}", why)
