"""Tests that no frame of an error of a first-party backend shows its key, however a call ends."""

from __future__ import annotations

import asyncio
import os
import struct
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from russo import AuthenticationError, BackendConfigError, RussoError, load_synthesizer
from russo.testing import LoopbackServer
from support.first_party import PLANTED_KEY, PROMPT
from support.raw_server import RawServer, head, without_end

TESTS = Path(__file__).parents[1]


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception with its causes, contexts and members, including suppressed contexts."""
    waiting, seen = [error], set[int]()
    while waiting:
        each = waiting.pop()
        if id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += [other for other in (each.__cause__, each.__context__) if other is not None]
            waiting += each.exceptions if isinstance(each, BaseExceptionGroup) else ()


def places_of(secret: str, error: BaseException) -> list[str]:
    """Return the messages of an error, and the locals of frames outside of the tests, that show a secret."""
    found = []
    for each in chain(error):
        if secret in "".join(traceback.format_exception_only(each)) + repr(each):
            found.append(f"message of {type(each).__name__}")
        for frame, line in traceback.walk_tb(each.__traceback__):
            if TESTS not in Path(frame.f_code.co_filename).parents:
                place = f"{frame.f_code.co_filename}:{line}"
                found += [f"{place} {name}" for name, value in frame.f_locals.items() if shows(value, secret)]
    return found


def caught_by(synthesizer: Any, within: float | None = None) -> BaseException:
    """Return the exception that synthesizing raises; cancel the call after ``within`` seconds."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - its type is asserted by the caller
        asyncio.run(asyncio.wait_for(synthesizer.synthesize(PROMPT), within))
    return caught.value


def shows(value: object, secret: str) -> bool:
    try:
        return secret in repr(value)
    except Exception:  # noqa: BLE001 - an object that is half constructed; pytest cannot show it either
        return False


class HidesKey:
    """Tests for a class of `FirstPartyService`.

    Attributes:
        deep: A function that each exchange calls within the HTTP client or the SDK.
    """

    deep = "russo._backends.bodies._charset"

    @pytest.mark.parametrize("what", ["401", "500", "no audio", "fault of the SDK"])
    def test_no_frame_shows_the_key_when_a_call_fails(
        self, make: Any, loopback: LoopbackServer, what: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        service = self.service  # type: ignore[attr-defined]
        said = f"no {PLANTED_KEY}!"
        loopback.replies = {
            "401": service.error_reply(401, said, None),
            "500": service.error_reply(500, said, None),
        }.get(what, service.good(b""))
        if what.startswith("fault"):
            monkeypatch.setattr(self.deep, fail_deep_inside)
        error = caught_by(make(base_url=service.base_url(loopback.url), api_key=PLANTED_KEY, max_attempts=1))
        assert isinstance(error, RussoError)
        assert places_of(PLANTED_KEY, error) == []
        assert loopback.requests or what.startswith("fault")

    @pytest.mark.parametrize("end", ["timeout", "cancelled", "refused", "reset", "proxy", "no proxy"])
    def test_no_frame_shows_the_key_when_there_is_no_reply(
        self, make: Any, end: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with RawServer(b"" if end == "reset" else without_end(b"", b"", 1.0)) as server:
            url = "http://127.0.0.1:1" if end == "refused" else server.url
            if end == "proxy":
                monkeypatch.delenv("NO_PROXY", raising=False)
                monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:99999")
                url = "http://speech.example"
            elif end == "no proxy":
                monkeypatch.setenv("NO_PROXY", "[::1]")
            timeout = 0.5 if end in ("timeout", "no proxy") else 30.0
            url = self.service.base_url(url)  # type: ignore[attr-defined]
            synthesizer = make(base_url=url, api_key=PLANTED_KEY, max_attempts=1, timeout=timeout)
            error = caught_by(synthesizer, within=1.0 if end == "cancelled" else None)
        assert isinstance(error, TimeoutError if end == "cancelled" else RussoError)
        assert places_of(PLANTED_KEY, error) == []

    def test_no_frame_shows_the_key_when_an_option_is_refused(self) -> None:
        with pytest.raises(ValueError, match="timeout") as caught:
            self.factory(api_key=PLANTED_KEY, timeout=-1)  # type: ignore[attr-defined]
        assert places_of(PLANTED_KEY, caught.value) == []
        with pytest.raises(BackendConfigError) as refused:
            load_synthesizer(self.backend, api_key=PLANTED_KEY, timeout=-1)  # type: ignore[attr-defined]
        assert places_of(PLANTED_KEY, refused.value) == []

    @pytest.mark.parametrize(
        "key", [f"{PLANTED_KEY} {PLANTED_KEY}", f"{PLANTED_KEY}\n{PLANTED_KEY}", "ä" * 9]
    )
    def test_no_frame_shows_a_key_that_cannot_be_sent(self, make: Any, key: str) -> None:
        error = caught_by(make(base_url=self.service.base_url("http://127.0.0.1:1"), api_key=key))  # type: ignore[attr-defined]
        assert type(error) is AuthenticationError
        assert places_of(key[:9], error) == []

    def test_frames_of_the_caller_keep_their_locals(self, make: Any) -> None:
        def before() -> None:
            mine = "my own local"
            raise LookupError(mine)

        try:
            before()
        except LookupError as error:
            caught_by(make(base_url=self.service.base_url("http://127.0.0.1:1"), api_key=PLANTED_KEY))  # type: ignore[attr-defined]
            frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        assert frames[-1].f_locals["mine"] == "my own local"

    def test_pytest_with_locals_does_not_show_the_key(self, tmp_path: Path) -> None:
        more = getattr(self, "options", {})
        with RawServer(head(401, content_length="0")) as server:
            url = self.service.base_url(server.url)  # type: ignore[attr-defined]
            (tmp_path / "test_it.py").write_text(
                "import asyncio\nfrom russo import load_synthesizer\n\n\n"
                "def test_it():\n"
                f"    made = load_synthesizer({self.backend!r}, base_url={url!r}, **{more!r})\n"  # type: ignore[attr-defined]
                "    asyncio.run(made.synthesize('Hi'))\n"
            )
            variable = self.factory.credentials[0]  # type: ignore[attr-defined]
            done = subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "pytest",
                    "-l",
                    "-vv",
                    "--full-trace",
                    "--tb=long",
                    "--junitxml=j.xml",
                ],
                cwd=tmp_path,
                env={**os.environ, variable: PLANTED_KEY},
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
        assert "AuthenticationError" in done.stdout
        assert "exchange " in done.stdout  # the locals of russo's frames
        shown = done.stdout + done.stderr + (tmp_path / "j.xml").read_text()
        assert [line for line in shown.splitlines() if PLANTED_KEY in line] == []


def fail_deep_inside(*_: object) -> None:
    raise struct.error(f"a fault deep inside, with {PLANTED_KEY}")
