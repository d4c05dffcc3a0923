"""The faults of a real client and a loopback server, through the whole flow: no fault fails a test in mode `auto`.

Each fault costs a bounded time, the prompt gets its audio, the local cache holds a whole entry, and the
reason is reported.
"""

import asyncio
import time

import pytest

from russo import RemoteLookup, RemoteUpload
from russo._remote import access as access_module
from russo._remote.objects import object_name, pack
from russo.testing import LoopbackObjectServer
from support.cache_files import entry_files
from support.flow import key_of
from support.remote.stores import objects_of, pair_of, synthesizer_with
from support.speakers import PROMPT, Speaker, run, sound, synthesize

pytest.importorskip("russo_remote")

KEY = key_of(Speaker())
NAME = object_name(KEY)
SLACK = 20  # seconds that a busy machine may add


class Machine:
    """One machine before an object server that has the prompt.

    Attributes:
        server: The server.
        directory: Its cache.
        speaker: Its backend.
        events: The events so far.
    """

    def __init__(self, server, directory, events):
        self.server, self.directory, self.speaker, self.events = server, directory, Speaker(), events

    def cached(self, **options):
        """Return its synthesizer, which reads the settings of the server from the variables."""
        return synthesizer_with(self.directory, self.server.store_url, speaker=self.speaker, **options)

    def lookups(self):
        return [event.outcome for event in self.events.all(RemoteLookup)]

    def check(self, outcome, reason="", paid=1):
        """Speak the prompt once; return the seconds."""
        cached = self.cached()
        audio, seconds = timed(synthesize, cached)
        lookup = self.events.one(RemoteLookup)
        assert (audio, self.speaker.calls) == (sound(PROMPT), paid)
        assert lookup.outcome == outcome
        assert bool(lookup.reason) is (outcome != "hit")
        assert reason in lookup.reason
        assert "127.0.0.1" not in lookup.reason
        assert entry_files(self.directory).keys() == {f"{KEY}.meta", f"{KEY}.audio"}
        assert cached.cache.get(KEY) == sound(PROMPT)
        return seconds


@pytest.fixture
def machine(monkeypatch, tmp_path, events):
    """A machine whose store has the prompt."""
    with LoopbackObjectServer() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        server.objects.update({f"voice/{name}": data for name, data in objects_of(PROMPT).items()})
        yield Machine(server, tmp_path / "cache", events)


def timed(call, *arguments):
    start = time.monotonic()
    result = call(*arguments)
    return result, time.monotonic() - start


def test_without_a_fault_the_prompt_is_not_paid(machine):
    machine.check("hit", paid=0)


@pytest.mark.parametrize(
    ("fault", "outcome", "reason"),
    [
        ("reset", "failed", ""),
        ("InternalError", "failed", "500"),
        ("SlowDown", "failed", "503"),
        ("cut", "failed", ""),
        ("page", "damaged", "its object is not an entry of russo"),
        ("AccessDenied", "failed", "403"),
        ("NoSuchBucket", "failed", "there is no bucket 'team'"),
        ("RequestTimeTooSkewed", "failed", "the clock of this machine is wrong"),
        ("PermanentRedirect", "failed", ""),
    ],
)
def test_fault_that_is_found_at_once_is_a_miss(machine, fault, outcome, reason):
    machine.server.faults = fault
    assert machine.check(outcome, reason) < 2 + SLACK


@pytest.mark.parametrize("fault", ["AccessDenied", "NoSuchBucket", "RequestTimeTooSkewed"])
def test_refusal_switches_the_store_off(machine, fault):
    machine.server.faults = fault
    cached = machine.cached()
    synthesize(cached)
    asked = len(machine.server.requests)
    for number in range(5):
        synthesize(cached, f"prompt {number}")
    assert len(machine.server.requests) == asked
    assert machine.lookups() == ["failed"] + ["skipped"] * 5
    assert machine.speaker.calls == 6


@pytest.mark.parametrize(
    "data",
    [b"", pack(pair_of(KEY))[:100], pack(pair_of(KEY))[:-1], pack(pair_of("0" * 64)), b"x" * 5000],
    ids=["empty", "head", "half", "swapped", "noise"],
)
def test_object_that_is_not_the_entry_is_damaged(machine, data):
    machine.server.objects[f"voice/{NAME}"] = data
    machine.check("damaged")


def test_fault_of_one_request_is_tried_again(machine):
    machine.server.faults = ["SlowDown", "reset", None]
    machine.check("hit", paid=0)


def test_closed_port_is_a_miss(machine):
    machine.server.close()
    assert machine.check("failed") < 5 + SLACK


def test_server_that_ends_in_a_get_is_a_miss(machine):
    server, cached = machine.server, machine.cached()
    server.faults = "stalled"

    async def main():
        speaking = asyncio.create_task(cached.synthesize(PROMPT))
        while not server.requests:  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.001)
        await asyncio.to_thread(server.close)
        return await speaking

    audio, seconds = timed(run, main())
    assert (audio, machine.speaker.calls) == (sound(PROMPT), 1)
    assert seconds < 3 + SLACK
    assert machine.lookups() == ["failed"]
    assert cached.cache.get(KEY) == sound(PROMPT)


# -- a role without the right to list: S3 answers 403 for an object that does not exist


def test_reader_that_may_not_list_an_empty_store_switches_it_off(machine):
    machine.server.objects.clear()
    machine.server.may_list = False
    cached = machine.cached()
    synthesize(cached)
    synthesize(cached, "another")
    assert machine.lookups() == ["failed", "skipped"]


def test_writer_that_may_not_list_fills_an_empty_store_and_readers_see_it(machine, tmp_path):
    machine.server.objects.clear()
    machine.server.may_list = False
    writer = machine.cached(write=True)
    synthesize(writer)
    writer.cache.remote.close()
    assert machine.events.one(RemoteUpload).outcome == "uploaded"
    reader = synthesizer_with(tmp_path / "reader", machine.server.store_url, speaker=machine.speaker)
    assert synthesize(reader) == sound(PROMPT)
    synthesize(reader, "another")
    assert machine.lookups() == ["absent", "hit", "absent"]
    assert machine.speaker.calls == 2


# -- uploads


@pytest.mark.parametrize(
    ("faults", "outcome"),
    [
        (["AccessDenied"] * 9, "failed"),
        (["NoSuchBucket"] * 9, "failed"),
        (["InternalError"] * 9, "failed"),
        (["reset"] * 9, "failed"),
        (["SlowDown"], "uploaded"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_fault_of_an_upload_costs_only_the_upload(machine, faults, outcome):
    server, cached = machine.server, machine.cached(write=True)
    server.objects.clear()
    waiting = list(faults)
    server.faults = lambda request: waiting.pop() if request.method == "PUT" and waiting else None
    synthesize(cached)
    (_, seconds) = timed(cached.cache.remote.close)
    assert seconds < 5 + SLACK
    assert machine.events.one(RemoteUpload).outcome == outcome
    assert cached.cache.get(KEY) == sound(PROMPT)
    assert (f"voice/{NAME}" in server.objects) is (outcome == "uploaded")


def test_lost_answer_of_an_upload_leaves_a_whole_object(machine):
    """The client does not know whether the object was stored, so the upload may count as failed."""
    server, cached, lost = machine.server, machine.cached(write=True), []

    def lose_one(request):
        if request.method == "PUT" and not lost:
            lost.append(request)
            return "lost answer"
        return None

    server.objects.clear()
    server.faults = lose_one
    synthesize(cached)
    cached.cache.remote.close()
    assert machine.events.one(RemoteUpload).outcome in ("uploaded", "exists", "failed")
    files = entry_files(machine.directory)
    assert server.objects[f"voice/{NAME}"].endswith(files[f"{KEY}.meta"] + files[f"{KEY}.audio"])
    assert cached.cache.get(KEY) == sound(PROMPT)


# -- slow


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["silent", "stalled"])
def test_server_that_sends_nothing_is_given_up_after_3_s(machine, fault):
    machine.server.faults = fault
    assert 2.5 < machine.check("failed") < 4 + SLACK


@pytest.mark.slow
def test_server_that_sends_ten_bytes_a_second_is_given_up_at_the_limit(machine, monkeypatch):
    assert access_module.CALL_SECONDS == 10
    monkeypatch.setattr(access_module, "CALL_SECONDS", 4.0)
    machine.server.faults = "slow"
    assert 3.5 < machine.check("failed", "no answer in 4 s") < 5 + SLACK


@pytest.mark.slow
def test_20_prompts_in_a_row_wait_for_three_lookups(machine):
    machine.server.faults = "silent"
    cached = machine.cached()

    def speak_all():
        return [synthesize(cached, f"prompt {number}") for number in range(20)]

    heard, seconds = timed(speak_all)
    assert heard == [sound(f"prompt {number}") for number in range(20)]
    assert machine.lookups() == ["failed"] * 3 + ["skipped"] * 17
    assert machine.speaker.calls == 20
    assert seconds < 12 + SLACK


@pytest.mark.slow
def test_40_prompts_at_once_wait_for_one_lookup(machine):
    machine.server.faults = "silent"
    cached = machine.cached()

    async def main():
        return await asyncio.gather(*(cached.synthesize(f"prompt {number}") for number in range(40)))

    heard, seconds = timed(run, main(), 60)
    assert heard == [sound(f"prompt {number}") for number in range(40)]
    assert set(machine.lookups()) <= {"failed", "skipped"}
    assert machine.speaker.calls == 40
    assert seconds < 6 + SLACK
