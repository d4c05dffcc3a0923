"""A host that cannot be reached, called by every first-party backend in a run."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from russo import AudioCache, CachedSynthesizer, Mode, ServiceError, SynthesisError, SynthesisTimeoutError
from russo._backends import attempts
from russo._flow.run import RunContext
from russo_elevenlabs import ElevenLabsSynthesizer
from russo_google import GoogleSynthesizer
from russo_openai import OpenAISpeechSynthesizer, OpenAISynthesizer
from support.command import enter_project, russo
from support.first_party import PLANTED_KEY, failed
from support.raw_server import full_backlog

BACKENDS = {
    "openai-speech": lambda url, **limits: OpenAISpeechSynthesizer(
        base_url=f"{url}/v1", model="m", api_key=PLANTED_KEY, **limits
    ),
    "openai": lambda url, **limits: OpenAISynthesizer(base_url=f"{url}/v1", api_key=PLANTED_KEY, **limits),
    "elevenlabs": lambda url, **limits: ElevenLabsSynthesizer(base_url=url, api_key=PLANTED_KEY, **limits),
    "google": lambda url, **limits: GoogleSynthesizer(base_url=url, api_key=PLANTED_KEY, **limits),
}


@pytest.fixture
def closed_port() -> Iterator[str]:
    """Return the URL of a port that refuses connections: it is bound, and nothing listens there."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows with every attempt."""
    made: list[str] = []
    plain = attempts.Attempts._attempt

    async def count(self, prompt, attempt):  # type: ignore[no-untyped-def]
        made.append(prompt)
        return await plain(self, prompt, attempt)

    monkeypatch.setattr(attempts.Attempts, "_attempt", count)
    monkeypatch.setattr(attempts, "_FIRST_DELAY", 0.001)
    return made


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_fourth_call_in_a_run_fails_at_once(
    backend: str, closed_port: str, made: list[str], tmp_path: Path
) -> None:
    synthesizer = CachedSynthesizer(BACKENDS[backend](closed_port))
    context = RunContext(AudioCache(tmp_path), Mode.AUTO, report=print)
    errors = [failed(synthesizer.bound_to(context), f"prompt {number}") for number in range(4)]
    assert made == ["prompt 0"] * 3 + ["prompt 1"] * 3 + ["prompt 2"] * 3
    assert [type(error) for error in errors] == [ServiceError] * 4
    assert not any(error.reached for error in errors)
    assert errors[3].what.startswith(f"not tried: {errors[2].what} (earlier calls did not reach this host")
    assert errors[3].advice == errors[2].advice
    assert PLANTED_KEY not in str(errors[3])


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_connection_that_is_never_accepted_counts_as_a_host_that_is_not_reached(
    backend: str, made: list[str], tmp_path: Path
) -> None:
    errors: list[SynthesisError] = []
    with full_backlog() as url:
        synthesizer = CachedSynthesizer(BACKENDS[backend](url, timeout=1, max_attempts=1))
        synthesizer.bound_to(RunContext(AudioCache(tmp_path), Mode.AUTO, report=print))
        # Three failures open the breaker. An import or a slow machine may use up the time of other attempts.
        while len(errors) < 9 and len(made) == len(errors):
            errors.append(failed(synthesizer, f"prompt {len(errors)}"))
    assert errors[-1].what.startswith(f"not tried: no connection to {url.removeprefix('http://')}")
    assert type(errors[-1]) is (SynthesisTimeoutError if backend == "openai" else ServiceError)
    assert (backend == "openai") != ("ConnectTimeout" in errors[-1].what)
    assert [error.reached for error in errors].count(False) == 4


def test_record_without_a_network_ends_soon(
    closed_port: str, made: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter_project(tmp_path, monkeypatch)
    monkeypatch.setenv("OPENAI_API_KEY", PLANTED_KEY)
    Path("prompts.txt").write_text("".join(f"prompt {number}\n" for number in range(200)), "utf-8")
    options = [
        "--synth-option",
        f"openai-speech.base_url={closed_port}/v1",
        "--synth-option=openai-speech.model=m",
        "--json",
    ]
    done = russo("record", "--jobs", "4", "--synth", "openai-speech", *options, "prompts.txt")
    assert done.code == 1
    reasons = [failure["reason"] for failure in done.json["failed"]]
    assert len(reasons) == 200
    assert sum("not tried: no connection to" in reason for reason in reasons) == 200 - len(set(made))
    assert 3 <= len(set(made)) <= 12
    assert not any("pytest" in reason for reason in reasons)  # the command has no mode `replay`
