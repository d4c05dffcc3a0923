"""One small pytest project per backend: recorded with a service, then replayed from the cache alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

from russo.testing import LoopbackServer
from support.first_party import PLANTED_KEY, SAMPLES

_TESTS = """
    import sys
    import pytest

    EXPECTED = bytes.fromhex("{samples}")

    def test_say(russo_say):
        assert russo_say("Book a flight from Berlin to Rome").pcm() == EXPECTED
        assert russo_say("The 9:40, please").pcm() == EXPECTED

    @pytest.mark.russo("Book a flight from Berlin to Rome")
    def test_marked(russo_audio):
        assert russo_audio.pcm() == EXPECTED

    @pytest.mark.asyncio
    async def test_async(russo_synthesizer):
        assert (await russo_synthesizer.synthesize("And a taxi")).pcm() == EXPECTED
"""
_SDK_TEST = """
    import sys

    def test_sdk():
        assert [name for name in {sdk!r} if name in sys.modules] == {expected!r}
"""


def run_pytest(directory: Path, *arguments: str, **variables: str) -> str:
    """Run pytest in a new process with warnings as errors, assert that all tests passed, return its output."""
    command = [sys.executable, "-m", "pytest", "-W", "error", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(
        command,
        cwd=directory,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    return output


def check_end_to_end(
    directory: Path,
    *,
    backend: str,
    good: Any,
    sdk: Sequence[str],
    key_variable: str,
    path: str = "",
    options: Sequence[str] = (),
    recording: Mapping[str, str] | None = None,
    serve: Callable[[Any], LoopbackServer] = LoopbackServer,
    samples: bytes = SAMPLES,
) -> LoopbackServer:
    """Record with ``--russo-synth=<backend>``, then replay without key, service or SDK.

    Args:
        directory: An empty directory.
        backend: The backend's name.
        good: The service's replies with the samples.
        sdk: Modules that recording needs and replaying must not import.
        key_variable: The variable from which recording reads its key.
        path: The path after the server's url in the option ``base_url``.
        options: Further values of ``russo_synth_options``.
        recording: Further environment variables, for recording only.
        serve: Creates the server of the replies.
        samples: The samples that the service returns.

    Returns:
        The closed server, which holds the requests.
    """
    with serve(good) as server:
        lines = [f"{backend}.base_url={server.url}{path}", *options]
        _write_project(directory, lines, samples)
        _write(directory / "test_zz_sdk.py", _SDK_TEST.format(sdk=list(sdk), expected=list(sdk)))
        key = {key_variable: PLANTED_KEY}
        said = run_pytest(directory, f"--russo-synth={backend}", **key, **(recording or {}))
        assert len(server.requests) == 3
        assert server.wait_closed()
    assert "3 backend calls" in said
    # From here on there is no service and no key.
    _write(directory / "test_zz_sdk.py", _SDK_TEST.format(sdk=list(sdk), expected=[]))
    for mode in ("auto", "replay"):
        replayed = run_pytest(directory, f"--russo-synth={backend}", f"--russo-cache-mode={mode}")
        assert "0 backend calls" in replayed
        said += replayed
    assert PLANTED_KEY not in said
    kept = [each.read_bytes() for each in (directory / ".russo_cache").rglob("*") if each.is_file()]
    assert kept
    assert not any(PLANTED_KEY.encode() in content for content in kept)
    return server


def _write_project(directory: Path, options: Sequence[str], samples: bytes) -> None:
    ini = ["[pytest]", "asyncio_default_fixture_loop_scope = function", "russo_synth_options ="]
    _write(directory / "pytest.ini", "\n".join([*ini, *(f"    {line}" for line in options)]) + "\n")
    _write(directory / "test_speech.py", _TESTS.format(samples=samples.hex()))


def _write(path: Path, text: str) -> None:
    path.write_text(dedent(text), encoding="utf-8")
