"""Deliberately broken stores, one mistake each: the torture has to catch them, or it is worth nothing.

Each is a function that puts its mistake into the real store, and says which tests catch it. The mistakes are
those that trusted caches have made.
"""

import errno
import json
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from russo import Audio, AudioCache, LayeredCache
from russo._flow import miss, single_flight
from russo._store import cache, directory, entry, files, housekeeping, locks, pair


@dataclass(frozen=True)
class Break:
    """One mistake.

    Attributes:
        apply: Puts it into the store, for this process.
        caught_by: The tests that fail, each of them.
    """

    apply: Callable[[], None]
    caught_by: tuple[str, ...]


BREAKS: dict[str, Break] = {}


def caught_by(*tests):
    """Register a mistake with the tests that catch it."""

    def register(function):
        BREAKS[function.__name__] = Break(function, tests)
        return function

    return register


def apply(name):
    """Break the store of this process."""
    BREAKS[name].apply()


def swap(owner, name, value):
    """Replace what has to be there: a mistake in a function that no longer exists would be none."""
    assert hasattr(owner, name), (
        f"{owner.__name__} has no {name}: the broken stores are to follow the real one"
    )
    setattr(owner, name, value)


# --- whole or not at all, damage ---


@caught_by(
    "test_damage.py::test_every_flipped_bit_is_a_miss[audio]",
    "test_damage.py::test_files_of_two_puts_of_one_key_are_a_miss",
    "test_whole_or_not.py::test_every_interleaving_of_two_puts_converges",
    "test_whole_or_not.py::test_read_interleaved_with_a_put_is_whole",
)
def no_checksum():
    swap(pair, "build_audio", _build_unverified)


def _build_unverified(stated, data):
    return Audio(data, *stated.sound)


@caught_by(
    "test_damage.py::test_every_flipped_bit_is_a_miss[meta]",
    "test_damage.py::test_missing_field_is_a_miss[prompt]",
)
def no_check_of_the_metadata_itself():
    real = entry.decode_meta

    def decode(data, key):
        try:
            return real(data, key)
        except entry.DamagedEntryError:
            meta = json.loads(data)
            if meta.get("key") != key:
                raise
            return meta

    swap(entry, "decode_meta", decode)


@caught_by("test_damage.py::test_entry_swapped_with_anothers_is_a_miss")
def no_key_in_the_metadata():
    real = entry.decode_meta

    def decode(data, key):
        try:
            return real(data, json.loads(data)["key"])
        except ValueError as error:
            raise entry.DamagedEntryError("no JSON") from error

    swap(entry, "decode_meta", decode)


@caught_by(
    "test_whole_or_not.py::test_put_killed_at_any_call_leaves_the_old_entry_the_new_one_or_a_miss[no entry-before]"
)
def metadata_before_audio():
    real, waiting = pair.replace, []

    def replace(temporary, path):
        if path.endswith(".audio"):
            waiting.append((temporary, path))
            return
        real(temporary, path)
        while waiting:
            real(*waiting.pop())

    swap(pair, "replace", replace)


def _write_in_place(folder, path, _key, data, meta):
    directory.make_directory(Path(folder))
    names = [path + suffix for suffix in (".audio", ".meta")]
    for name, content in zip(names, (data, meta), strict=True):
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        try:
            for start in range(0, len(content), 4096):
                os.write(descriptor, content[start : start + 4096])
        finally:
            os.close(descriptor)
    return [files.identify(name) for name in names]


@caught_by(
    "test_whole_or_not.py::test_put_killed_at_any_call_leaves_the_old_entry_the_new_one_or_a_miss[an entry-before]",
    "test_whole_or_not.py::test_put_killed_at_any_system_call_leaves_an_entry_or_a_miss",
    "test_whole_or_not.py::test_full_disk_at_any_write_keeps_the_old_entry[once]",
    "test_audio_never_lost.py::test_full_disk_keeps_the_entry_that_is_to_be_replaced",
    "test_foreign_files.py::test_put_replaces_a_link_and_not_what_it_points_to",
)
def written_in_place():
    swap(pair, "_write_once", _write_in_place)


@caught_by(
    "test_whole_or_not.py::test_readers_see_whole_entries_through_a_storm_of_kills",
    "test_whole_or_not.py::test_two_writers_of_one_key_never_mix",
)
def written_in_place_and_not_verified():
    swap(pair, "_write_once", _write_in_place)
    swap(pair, "build_audio", _build_unverified)
    real = pair.read_file
    swap(pair, "read_file", lambda path, _limit, expected=None: real(path, 1 << 30, expected))


@caught_by(
    "test_whole_or_not.py::test_full_disk_at_any_write_keeps_the_old_entry[once]",
    "test_audio_never_lost.py::test_full_disk_keeps_the_entry_that_is_to_be_replaced",
)
def audio_renamed_before_the_metadata_is_written():
    def write(folder, path, key, data, meta):
        directory.make_directory(Path(folder))
        there = []
        for suffix, content in ((".audio", data), (".meta", meta)):
            temporary, _ = files.write_temporary(folder, key, content)
            files.replace(temporary, path + suffix)
            there.append(files.identify(path + suffix))
        return there

    swap(pair, "_write_once", write)


@caught_by("test_whole_or_not.py::test_every_interleaving_of_two_puts_converges")
def no_look_back():
    swap(pair, "_is_whole", lambda _path, _key: True)


@caught_by("test_whole_or_not.py::test_read_interleaved_with_a_put_is_whole")
def no_second_look():
    swap(cache, "_LOOKS", (0.0,))


@caught_by("test_whole_or_not.py::test_short_writes_are_finished")
def short_write_taken_for_a_whole_one():
    def write_temporary(directory, stem, data):
        path = os.path.join(directory, f".{stem[:48]}.{os.getpid()}-{os.urandom(8).hex()}.russo-tmp")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        os.write(descriptor, data)
        os.close(descriptor)
        return path, files.identify(path)

    swap(pair, "write_temporary", write_temporary)


@caught_by(
    "test_whole_or_not.py::test_put_whose_calls_fail_says_so_and_leaves_nothing_half[ENOSPC-once]",
    "test_whole_or_not.py::test_interrupted_put_leaves_no_temporary",
    "test_audio_never_lost.py::test_full_disk_costs_only_the_cache[used-cache]",
)
def temporaries_left_behind():
    swap(pair, "remove", lambda _path: True)
    swap(files, "remove", lambda _path: True)


@caught_by(
    "test_damage.py::test_whatever_lies_in_its_place_is_a_miss_that_the_next_put_heals[LFS pointer-audio]",
    "test_damage.py::test_reader_removes_nothing_that_it_cannot_read",
    "test_whole_or_not.py::test_get_whose_calls_fail_is_a_hit_or_a_miss_and_changes_nothing[EMFILE-every-read]",
    "test_audio_never_lost.py::test_too_many_open_files_cost_only_the_cache[warm]",
    "test_recordings.py::test_damaged_recording_is_a_clear_miss_or_spoken_into_the_private_cache[LFS pointer]",
)
def reader_that_deletes():
    real = AudioCache.lookup

    def lookup(self, key, **options):
        found = real(self, key, **options)
        if isinstance(found, cache.Miss) and found.reason != "absent":
            for suffix in (".meta", ".audio"):
                files.remove(self._root + key + suffix)
        return found

    swap(AudioCache, "lookup", lookup)


@caught_by("test_damage.py::test_whatever_lies_in_its_place_is_a_miss_that_the_next_put_heals[FIFO-audio]")
def reader_that_waits_for_a_fifo():
    swap(files, "_READ_FLAGS", files._READ_FLAGS & ~os.O_NONBLOCK)


@caught_by("test_damage.py::test_read_takes_bounded_memory")
def reader_without_a_limit():
    real = pair.read_file
    swap(pair, "read_file", lambda path, _limit, expected=None: real(path, 1 << 40, expected))


@caught_by(
    "test_damage.py::test_json_that_is_no_description_is_a_miss[NaN]",
    "test_damage.py::test_every_flipped_bit_is_a_miss[meta]",
)
def reader_that_raises():
    swap(entry, "decode_meta", lambda data, _key: json.loads(data))


@caught_by("test_model.py::test_store_behaves_as_its_model")
def clear_that_forgets_a_key():
    real = housekeeping.has_own_metadata
    swap(housekeeping, "has_own_metadata", lambda folder, key: real(folder, key) and "-" not in key)


# --- the audio is never lost ---


@caught_by(
    "test_audio_never_lost.py::test_failing_calls_lose_no_audio[ENOSPC]",
    "test_audio_never_lost.py::test_full_disk_costs_only_the_cache[empty-cache]",
    "test_audio_never_lost.py::test_read_only_file_system_costs_only_the_cache",
    "test_audio_never_lost.py::test_missing_permission_costs_only_the_cache[may-not-write]",
    "test_audio_never_lost.py::test_directory_that_becomes_a_file_costs_only_the_cache",
    "test_recordings.py::test_failing_private_cache_writes_nowhere_else",
)
def store_that_raises():
    def store(request, audio):
        cache.store(request.cache.writable, request.key, audio, prompt=request.prompt)

    swap(miss, "_store", store)


@caught_by("test_audio_never_lost.py::test_trouble_is_told_by_the_log_and_never_by_warnings")
def trouble_told_by_warnings():
    swap(
        AudioCache,
        "_log_once",
        lambda _self, _topic, message, *values: warnings.warn(message % values, stacklevel=2),
    )


@caught_by(
    "test_audio_never_lost.py::test_trouble_is_told_by_the_log_and_never_by_warnings",
    "test_audio_never_lost.py::test_read_only_file_system_costs_only_the_cache",
)
def trouble_told_each_time():
    swap(
        AudioCache, "_log_once", lambda _self, _topic, message, *values: cache._log.warning(message, *values)
    )


@caught_by("test_audio_never_lost.py::test_directory_deleted_under_way_is_made_again")
def directory_made_once():
    real, made = directory.make_directory, set()

    def make(folder):
        if folder not in made:
            made.add(folder)
            real(folder)

    swap(pair, "make_directory", make)
    swap(locks, "make_directory", make)


# --- one backend call ---


@caught_by(
    "test_one_paid_call.py::test_eight_processes_of_eight_tasks_pay_once_per_prompt",
    "test_one_paid_call.py::test_never_two_in_one_place",
    "test_one_paid_call.py::test_failures_of_several_processes_come_one_at_a_time",
)
def no_lock():
    swap(locks.KeyLock, "try_acquire", lambda _self: True)


@caught_by("test_one_paid_call.py::test_place_given_up_at_any_moment_has_one_heir")
def lock_of_a_file_that_is_gone():
    swap(locks.KeyLock, "_is_current", lambda _self, _descriptor: True)


@caught_by("test_one_paid_call.py::test_killed_payer_is_taken_over_at_once")
def lock_that_outlives_its_holder():
    def refuse(_descriptor):
        raise OSError(errno.ENOLCK, "no locks")

    swap(locks, "_lock", refuse)
    swap(locks, "PATIENCE", 4.0)


@caught_by("test_one_paid_call.py::test_frozen_payer_costs_one_bounded_wait_and_one_more_call")
def patience_without_end():
    swap(locks.KeyLock, "_watch", lambda _self, _descriptor: None)


@caught_by("test_one_paid_call.py::test_payer_that_shows_life_is_waited_for")
def payer_that_shows_no_life():
    swap(locks.KeyLock, "_touch", lambda _self: None)


@caught_by("test_one_paid_call.py::test_behind_a_frozen_payer_the_others_go_one_at_a_time[locks]")
def stampede_behind_a_frozen_payer():
    real = locks.KeyLock.try_acquire
    swap(locks.KeyLock, "try_acquire", lambda self: real(self) or self._generation > 0)


@caught_by("test_one_paid_call.py::test_waiters_hear_soon_after_the_payer_is_done")
def waiters_that_look_seldom():
    swap(miss, "_SHORTEST_LOOK", 2.0)
    swap(miss, "_LONGEST_LOOK", 2.5)


@caught_by("test_one_paid_call.py::test_failure_reaches_all_waiters_and_the_next_call_tries_again")
def no_flights():
    async def join(_self, _name, call):
        return await call(), True

    swap(single_flight.SingleFlight, "join", join)


@caught_by("test_one_paid_call.py::test_payer_whose_waiters_all_give_up_still_keeps_what_it_pays_for")
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


@caught_by("test_one_paid_call.py::test_forked_child_does_not_wait_for_its_parents_flight_for_ever")
def flights_that_survive_a_fork():
    first = os.getpid()
    real = single_flight.SingleFlight._begin

    def begin(self):
        if os.getpid() == first:
            real(self)

    swap(single_flight.SingleFlight, "_begin", begin)


# --- foreign files, leftovers ---


@caught_by(
    "test_foreign_files.py::test_clear_in_a_home_directory_takes_entries_alone",
    "test_foreign_files.py::test_clear_in_a_git_checkout_leaves_the_repository_whole",
    "test_foreign_files.py::test_clear_in_a_directory_of_links_follows_none",
)
def clear_by_suffix():
    def clear(self):
        names = [
            n for n in os.listdir(self.directory) if n.endswith((".audio", ".meta", ".russo-tmp", ".lock"))
        ]
        for name in names:
            files.remove(self._root + name)
        return len(names) // 2

    swap(AudioCache, "clear", clear)


@caught_by("test_foreign_files.py::test_clear_in_a_directory_of_links_follows_none")
def clear_that_follows_links():
    def sweep(directory, _age):
        folder = os.path.join(directory, locks.LOCKS)
        for name in os.listdir(folder) if os.path.isdir(folder) else ():
            if name.endswith(".lock"):
                files.remove(os.path.join(folder, name))

    swap(housekeeping, "sweep_locks", sweep)


@caught_by("test_leftovers.py::test_what_a_living_process_uses_stays")
def clear_that_takes_from_the_living():
    swap(housekeeping, "_is_left_over", lambda path: files.TEMPORARY.fullmatch(path.name) is not None)


@caught_by(
    "test_leftovers.py::test_what_a_living_process_uses_stays",
    "test_one_paid_call.py::test_never_two_in_one_place",
)
def sweep_that_takes_held_locks():
    swap(locks, "_sweep_one", lambda path, _age: files.remove(path))


@caught_by(
    "test_whole_or_not.py::test_clear_interleaved_with_a_put_leaves_an_entry_or_nothing",
    "test_foreign_files.py::test_clears_puts_and_reads_at_once_touch_nothing_foreign",
)
def put_that_a_clear_makes_fail():
    def write(folder, key, data, meta):
        directory.make_directory(folder)
        pair._write_once(str(folder), f"{folder}{os.sep}{key}", key, data, meta)

    swap(cache, "write_pair", write)
    clear_that_takes_from_the_living()


@caught_by(
    "test_leftovers.py::test_old_leftovers_of_the_dead_go_with_a_later_put",
    "test_leftovers.py::test_thousand_leftovers_are_swept_at_once",
)
def put_that_never_sweeps():
    swap(AudioCache, "_sweep_once", lambda _self, _fresh: None)


@caught_by(
    "test_foreign_files.py::test_key_that_is_no_plain_name_is_refused_and_writes_nothing[get-'../k']",
    "test_foreign_files.py::test_key_that_is_no_plain_name_is_refused_and_writes_nothing[put-'Key']",
    "test_foreign_files.py::test_key_that_is_no_plain_name_is_refused_and_writes_nothing[put-'con']",
)
def keys_that_are_paths():
    swap(cache, "check_key", lambda key: key)


# --- commit-friendly, scale, recordings ---


@caught_by("test_commit_friendly.py::test_same_put_makes_the_same_bytes")
def metadata_with_the_time():
    real = cache.encode_meta

    def encode(key, audio, *, prompt, fields):
        return real(key, audio, prompt=prompt, fields={**(fields or {}), "stored": time.time()})

    swap(cache, "encode_meta", encode)


@caught_by("test_commit_friendly.py::test_modes_follow_the_umask[2]")
def entries_of_mode_0600():
    real = pair.write_temporary

    def write_temporary(*arguments):
        path, identity = real(*arguments)
        os.chmod(path, 0o600)
        return path, identity

    swap(pair, "write_temporary", write_temporary)


@caught_by("test_commit_friendly.py::test_git_checkout_is_a_full_cache[from-unix-core.autocrlf=true]")
def no_git_attributes():
    swap(directory, "_GIT_FILES", {})


@caught_by("test_scale.py::test_hit_miss_and_put_cost_the_same_among_many_entries")
def lookup_that_lists_the_directory():
    real = AudioCache.lookup

    def lookup(self, key, **options):
        if f"{key}.meta" not in os.listdir(self.directory):
            return cache._ABSENT
        return real(self, key, **options)

    swap(AudioCache, "lookup", lookup)


@caught_by("test_recordings.py::test_recordings_given_writable_are_not_written_either")
def recordings_that_are_cleared():
    swap(LayeredCache, "clear", lambda self: sum(layer.clear() for layer in self.layers))


@caught_by("test_recordings.py::test_recordings_answer_first")
def recordings_read_last():
    swap(LayeredCache, "layers", property(lambda self: (self.cache, *self.recordings)))
