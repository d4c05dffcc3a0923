"""Three outages stop the calls for 30 s, a refusal stops them for the run, and a run's processes share both."""

import pytest

from russo import StoreError
from russo import _breaker as breaker_module
from russo._remote import access as access_module
from russo._remote import availability as availability_module
from russo._remote.availability import Availability
from russo._remote.objects import object_name, pack
from support.cache_files import KEY
from support.remote.stores import MemoryStore, access_to, pair_of


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(breaker_module, "monotonic", clock)
    monkeypatch.setattr(availability_module, "monotonic", clock)
    return clock


@pytest.fixture
def processes(tmp_path):
    """Two processes of one run."""
    made = Availability(), Availability()
    for each in made:
        each.share(tmp_path)
    return made


def lose(availability, reason="timed out", times=1):
    for _ in range(times):
        began = availability.begin("get")
        assert isinstance(began, float)
        availability.note_outage(began, reason)


def is_asked(availability, operation="get"):
    return isinstance(availability.begin(operation), float)


def test_a_store_is_asked_at_first(clock):
    assert Availability().begin("get") == 1000.0


def test_two_outages_stop_no_call(clock):
    availability = Availability()
    lose(availability, times=2)
    assert is_asked(availability)


@pytest.mark.parametrize("operation", ["get", "put"])
def test_three_outages_stop_all_calls_with_the_last_reason(clock, operation):
    availability = Availability()
    lose(availability, "reset", 2)
    lose(availability, "timed out")
    assert availability.begin(operation) == "timed out"
    clock.now += 29.9
    assert availability.begin(operation) == "timed out"


def test_outages_of_calls_that_overlap_count_once(clock):
    availability = Availability()
    for _ in range(3):
        began = [availability.begin("get") for _ in range(10)]
        clock.now += 3
        for each in began:
            assert isinstance(each, float)
            availability.note_outage(each, "timed out")
        clock.now += 1
    assert availability.begin("get") == "timed out"
    other = Availability()
    began = [other.begin("get") for _ in range(10)]
    clock.now += 3
    for each in began:
        other.note_outage(each, "timed out")
    assert is_asked(other)


def test_a_reply_forgets_the_outages(clock):
    availability = Availability()
    lose(availability, times=2)
    availability.note_reply(availability.begin("get"))
    lose(availability, times=2)
    assert is_asked(availability)


def test_one_call_tries_after_30_s(clock):
    availability = Availability()
    lose(availability, times=3)
    clock.now += 30
    trial = availability.begin("get")
    assert availability.begin("get") == "timed out"
    availability.note_reply(trial)
    assert is_asked(availability)


def test_a_trial_that_was_not_made_leaves_room_for_another(clock):
    availability = Availability()
    lose(availability, times=3)
    clock.now += 30
    availability.note_nothing(availability.begin("get"))
    assert is_asked(availability)


# -- refusals


def test_a_refusal_stops_the_calls_of_its_kind_for_the_run(clock):
    availability = Availability()
    availability.switch_off("get", "access is denied (403)")
    availability.switch_off("get", "another reason")
    clock.now += 1e6
    assert availability.begin("get") == "access is denied (403)"


def test_a_store_that_refuses_writes_is_read(clock):
    availability = Availability()
    availability.switch_off("put", "access is denied (403)")
    assert is_asked(availability, "get")
    assert not is_asked(availability, "put")


# -- processes of one run


def test_processes_share_a_refusal(clock, processes):
    one, other = processes
    one.switch_off("put", "no bucket")
    assert (other.begin("put"), is_asked(other, "get")) == ("no bucket", True)


def test_known_trouble_is_that_of_this_process(clock, processes):
    one, other = processes
    lose(one, times=3)
    one.switch_off("put", "no bucket")
    assert (one.known_trouble("get"), one.known_trouble("put")) == ("timed out", "no bucket")
    assert (other.known_trouble("get"), other.known_trouble("put")) == (None, None)
    clock.now += 31
    assert one.known_trouble("get") is None


def test_a_refusal_is_read_from_the_directory_once(clock, processes, tmp_path):
    one, other = processes
    one.switch_off("get", "no bucket")
    assert not is_asked(other)
    for path in tmp_path.iterdir():
        path.unlink()
    assert other.begin("get") == "no bucket"


def test_processes_share_an_outage(clock, processes):
    one, other = processes
    lose(one, times=3)
    assert other.begin("get") == "timed out"
    clock.now += 29.9
    assert other.begin("put") == "timed out"


@pytest.mark.parametrize("first", [0, 1])
def test_after_30_s_one_process_tries(clock, processes, first):
    lose(processes[0], times=3)
    clock.now += 30.1
    tries, waits = processes[first], processes[1 - first]
    trial = tries.begin("get")
    assert isinstance(trial, float)
    assert waits.begin("get") == "timed out"
    assert tries.begin("get") == "timed out"
    tries.note_reply(trial)
    assert is_asked(waits)
    assert is_asked(tries)


@pytest.mark.parametrize("first", [0, 1])
def test_a_trial_that_fails_stops_all_processes_again(clock, processes, first):
    lose(processes[0], times=3)
    clock.now += 30.1
    tries, waits = processes[first], processes[1 - first]
    lose(tries, "still timed out")
    for each in (tries, waits):
        assert not is_asked(each)
    clock.now += 30.1
    assert is_asked(waits)


def test_a_process_that_dies_in_its_trial_is_followed_by_another(clock, processes):
    lose(processes[0], times=3)
    clock.now += 30.1
    assert is_asked(processes[0])
    clock.now += 30.1
    assert is_asked(processes[1])


def test_two_processes_that_see_the_end_of_30_s_together_make_one_trial(clock, processes, monkeypatch):
    one, other = processes
    lose(one, times=3)
    clock.now += 30.1
    seen = other._read("remote-outage")
    assert is_asked(one)
    monkeypatch.setattr(other, "_read", lambda name: seen if name == "remote-outage" else None)
    assert other.begin("get") == "timed out"


def test_an_outage_does_not_overwrite_a_refusal(clock, processes):
    one, other = processes
    one.switch_off("get", "no bucket")
    began = 1000.0
    for _ in range(3):
        other.note_outage(began, "timed out")
        began = clock.now = clock.now + 1
    clock.now += 31
    assert one.begin("get") == other.begin("get") == "no bucket"


@pytest.mark.parametrize("content", ["", "null", "3", "[]", '["timed out"]', '["a", null]', "[1, 2, 3]", "{"])
def test_a_file_that_is_not_complete_is_ignored(clock, processes, tmp_path, content):
    lose(processes[0], times=3)
    (file,) = tmp_path.iterdir()
    file.write_text(content)
    assert is_asked(processes[1])


def test_a_directory_that_cannot_be_written_shares_nothing(clock, tmp_path):
    one = Availability()
    one.share(tmp_path / "absent")
    lose(one, times=3)
    one.switch_off("put", "no bucket")
    assert (one.begin("get"), one.begin("put")) == ("timed out", "no bucket")


# -- calls of a store


@pytest.fixture
def down(clock):
    """The access to a store that was down for 30 s, and the store: the next call is the trial."""

    def lose(operation, name):
        raise StoreError("timed out")

    store = MemoryStore({object_name(KEY): pack(pair_of())})
    answer, store.before = store.before, lose
    access = access_to(store, write=True)
    assert [access.fetch(KEY).outcome for _ in range(4)] == ["failed", "failed", "failed", "skipped"]
    store.before = answer
    clock.now += 30
    return access, store


def test_a_trial_that_is_refused_shows_that_the_store_answers(down):
    access, store = down

    def refuse_writes(operation, name):
        if operation == "put":
            raise StoreError("access is denied", kind="refused")

    store.before = refuse_writes
    other = "0" * 64
    assert access.upload(other, pair_of(other)).outcome == "failed"
    assert access.fetch(KEY).outcome == "hit"


def test_a_trial_without_a_thread_leaves_the_trial_to_the_next_call(down, monkeypatch):
    def refuse(call):
        raise RuntimeError("can't start new thread")

    access, _ = down
    with monkeypatch.context() as patch:
        patch.setattr(access_module, "start", refuse)
        assert access.fetch(KEY).reason == "no thread can be started"
    assert access.fetch(KEY).outcome == "hit"
