"""Stores that do not keep an entry whole, or that accept a damaged one."""

import json
import os
from pathlib import Path

from russo import Audio, AudioCache
from russo._store import cache, directory, entry, files, housekeeping, pair
from support.torture_broken.breaking import caught_by, swap


@caught_by(
    "test_damage.py::test_every_flipped_bit_is_a_miss[audio]",
    "test_damage.py::test_files_of_two_puts_of_one_key_are_a_miss",
    "test_whole_or_not.py::test_every_interleaving_of_two_puts_leaves_one_entry",
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


@caught_by("test_damage.py::test_entry_with_files_of_another_key_is_a_miss")
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
    "test_audio_never_lost.py::test_full_disk_keeps_the_old_entry",
    "test_foreign_files.py::test_put_replaces_a_link_and_not_its_target",
    slow=True,
)
def written_in_place():
    swap(pair, "_write_once", _write_in_place)


@caught_by(
    "test_whole_or_not.py::test_readers_see_whole_entries_while_writers_are_killed[500]",
    "test_whole_or_not.py::test_two_writers_of_one_key_never_mix[400]",
    slow=True,
)
def written_in_place_and_not_verified():
    swap(pair, "_write_once", _write_in_place)
    swap(pair, "build_audio", _build_unverified)
    real = pair.read_file
    swap(pair, "read_file", lambda path, _limit, expected=None: real(path, 1 << 30, expected))


@caught_by(
    "test_whole_or_not.py::test_full_disk_at_any_write_keeps_the_old_entry[once]",
    "test_audio_never_lost.py::test_full_disk_keeps_the_old_entry",
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


@caught_by("test_whole_or_not.py::test_every_interleaving_of_two_puts_leaves_one_entry")
def no_check_after_the_write():
    swap(pair, "_is_whole", lambda _path, _key: True)


@caught_by("test_whole_or_not.py::test_read_interleaved_with_a_put_is_whole")
def no_second_look():
    swap(cache, "_LOOKS", (0.0,))


@caught_by("test_whole_or_not.py::test_short_writes_are_completed")
def short_write_not_completed():
    def write_temporary(directory, stem, data):
        path = os.path.join(directory, f".{stem[:48]}.{os.getpid()}-{os.urandom(8).hex()}.russo-tmp")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        os.write(descriptor, data)
        os.close(descriptor)
        return path, files.identify(path)

    swap(pair, "write_temporary", write_temporary)


@caught_by(
    "test_whole_or_not.py::test_put_with_failing_calls_returns_false_and_leaves_nothing_partial[ENOSPC-once]",
    "test_whole_or_not.py::test_interrupted_put_leaves_no_temporary",
    "test_audio_never_lost.py::test_full_disk_costs_only_the_cache[used-cache]",
)
def temporaries_left_behind():
    swap(pair, "remove", lambda _path: True)
    swap(files, "remove", lambda _path: True)


@caught_by(
    "test_damage.py::test_obstacle_at_the_path_is_a_miss_and_the_next_put_replaces_it[LFS pointer-audio]",
    "test_damage.py::test_reader_does_not_remove_unreadable_files",
    "test_whole_or_not.py::test_get_with_failing_calls_is_a_hit_or_a_miss_and_changes_nothing[EMFILE-every-read]",
    "test_audio_never_lost.py::test_too_many_open_files_cost_only_the_cache[warm]",
    "test_recordings.py::test_damaged_recording_is_an_error_or_stored_in_the_private_cache[LFS pointer]",
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


@caught_by("test_damage.py::test_obstacle_at_the_path_is_a_miss_and_the_next_put_replaces_it[FIFO-audio]")
def reader_that_waits_for_a_fifo():
    swap(files, "_READ_FLAGS", files._READ_FLAGS & ~os.O_NONBLOCK)


@caught_by("test_damage.py::test_read_takes_bounded_memory", slow=True)
def reader_without_a_limit():
    real = pair.read_file
    swap(pair, "read_file", lambda path, _limit, expected=None: real(path, 1 << 40, expected))


@caught_by(
    "test_damage.py::test_json_that_is_not_metadata_is_a_miss[NaN]",
    "test_damage.py::test_every_flipped_bit_is_a_miss[meta]",
)
def reader_that_raises():
    swap(entry, "decode_meta", lambda data, _key: json.loads(data))


@caught_by("test_model.py::test_store_behaves_as_its_model")
def clear_that_forgets_a_key():
    real = housekeeping.has_own_metadata
    swap(housekeeping, "has_own_metadata", lambda folder, key: real(folder, key) and "-" not in key)
