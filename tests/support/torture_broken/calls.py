"""Stores that lose audio, or let equal requests make several backend calls."""

import errno
import os
import warnings

from russo import AudioCache
from russo._flow import miss, single_flight
from russo._store import cache, directory, locks, pair
from support.torture_broken.breaking import caught_by, swap


@caught_by(
    "test_audio_never_lost.py::test_failing_calls_lose_no_audio[ENOSPC]",
    "test_audio_never_lost.py::test_full_disk_costs_only_the_cache[empty-cache]",
    "test_audio_never_lost.py::test_read_only_file_system_costs_only_the_cache",
    "test_audio_never_lost.py::test_missing_permission_costs_only_the_cache[may-not-write]",
    "test_audio_never_lost.py::test_directory_that_becomes_a_file_costs_only_the_cache",
    "test_recordings.py::test_failing_private_cache_writes_nowhere_else",
    slow=True,
)
def store_that_raises():
    def store(request, audio):
        cache.store(request.cache.writable, request.key, audio, prompt=request.prompt)

    swap(miss, "_store", store)


@caught_by("test_audio_never_lost.py::test_failed_store_is_logged_once_without_warnings")
def failure_reported_by_warnings():
    swap(
        AudioCache,
        "_log_once",
        lambda _self, _topic, message, *values: warnings.warn(message % values, stacklevel=2),
    )


@caught_by(
    "test_audio_never_lost.py::test_failed_store_is_logged_once_without_warnings",
    "test_audio_never_lost.py::test_read_only_file_system_costs_only_the_cache",
)
def failure_logged_each_time():
    swap(
        AudioCache, "_log_once", lambda _self, _topic, message, *values: cache._log.warning(message, *values)
    )


@caught_by("test_audio_never_lost.py::test_deleted_directory_is_created_again")
def directory_made_once():
    real, made = directory.make_directory, set()

    def make(folder):
        if folder not in made:
            made.add(folder)
            real(folder)

    swap(pair, "make_directory", make)
    swap(locks, "make_directory", make)


@caught_by(
    "test_one_backend_call.py::test_eight_processes_of_eight_tasks_call_once_per_prompt",
    "test_one_backend_call.py::test_threads_with_own_event_loops_call_once[a-cache-each]",
    "test_one_backend_call.py::test_lock_never_has_two_holders",
    "test_one_backend_call.py::test_failing_calls_of_several_processes_run_one_at_a_time",
    slow=True,
)
def no_lock():
    swap(locks.KeyLock, "try_acquire", lambda _self: True)


@caught_by("test_one_backend_call.py::test_lock_released_at_any_moment_has_one_next_holder")
def lock_of_a_removed_file():
    swap(locks.KeyLock, "_is_current", lambda _self, _descriptor: True)


@caught_by("test_one_backend_call.py::test_killed_caller_is_replaced_at_once", slow=True)
def lock_that_outlives_its_holder():
    def refuse(_descriptor):
        raise OSError(errno.ENOLCK, "no locks")

    swap(locks, "_lock", refuse)
    swap(locks, "PATIENCE", 4.0)


@caught_by(
    "test_one_backend_call.py::test_stopped_caller_costs_one_bounded_wait_and_one_more_call", slow=True
)
def waiting_without_end():
    swap(locks.KeyLock, "_watch", lambda _self, _descriptor: None)


@caught_by("test_one_backend_call.py::test_waiters_wait_for_a_slow_running_caller", slow=True)
def caller_that_never_touches_its_lock():
    swap(locks.KeyLock, "_touch", lambda _self: None)


@caught_by("test_one_backend_call.py::test_waiters_of_a_stopped_caller_call_one_at_a_time[locks]", slow=True)
def stampede_behind_a_stopped_caller():
    real = locks.KeyLock.try_acquire
    swap(locks.KeyLock, "try_acquire", lambda self: real(self) or self._generation > 0)


@caught_by("test_one_backend_call.py::test_waiters_return_soon_after_the_caller", slow=True)
def waiters_that_rarely_look():
    swap(miss, "_SHORTEST_LOOK", 2.0)
    swap(miss, "_LONGEST_LOOK", 2.5)


@caught_by("test_one_backend_call.py::test_failure_reaches_all_waiters_and_the_next_call_retries")
def no_flights():
    async def join(_self, _name, call):
        return await call(), True

    swap(single_flight.SingleFlight, "join", join)


@caught_by("test_one_backend_call.py::test_caller_whose_waiters_all_give_up_still_stores_its_audio")
def flight_that_ends_with_its_waiter():
    import asyncio

    real = single_flight._Flight.wait

    async def wait(self):
        try:
            return await real(self)
        except asyncio.CancelledError:
            self.task.cancel()
            raise

    swap(single_flight._Flight, "wait", wait)


@caught_by("test_one_backend_call.py::test_forked_child_does_not_wait_forever_for_a_flight_of_its_parent")
def flights_that_survive_a_fork():
    first = os.getpid()
    real = single_flight.SingleFlight._begin

    def begin(self):
        if os.getpid() == first:
            real(self)

    swap(single_flight.SingleFlight, "_begin", begin)
