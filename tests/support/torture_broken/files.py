"""Stores that change foreign files, leave files behind, or cannot be committed to a repository."""

import os
import time

from russo import AudioCache, LayeredCache
from russo._store import cache, directory, files, housekeeping, locks, pair
from support.torture_broken.breaking import caught_by, swap


@caught_by(
    "test_foreign_files.py::test_clear_in_a_home_directory_removes_only_entries",
    "test_foreign_files.py::test_clear_in_a_git_checkout_leaves_the_repository_whole",
    "test_foreign_files.py::test_clear_in_a_directory_of_links_follows_no_link",
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


@caught_by("test_foreign_files.py::test_clear_in_a_directory_of_links_follows_no_link")
def clear_that_follows_links():
    def sweep(directory, _age):
        folder = os.path.join(directory, locks.LOCKS)
        for name in os.listdir(folder) if os.path.isdir(folder) else ():
            if name.endswith(".lock"):
                files.remove(os.path.join(folder, name))

    swap(housekeeping, "sweep_locks", sweep)


@caught_by("test_leftovers.py::test_files_of_a_running_process_stay")
def clear_that_removes_files_in_use():
    swap(housekeeping, "_is_left_over", lambda _root, name: files.TEMPORARY.fullmatch(name) is not None)


@caught_by(
    "test_leftovers.py::test_files_of_a_running_process_stay",
    "test_one_backend_call.py::test_lock_never_has_two_holders",
    slow=True,
)
def sweep_that_removes_held_locks():
    swap(locks, "_sweep_one", lambda path, _age: files.remove(path))


@caught_by(
    "test_whole_or_not.py::test_clear_interleaved_with_a_put_leaves_an_entry_or_nothing",
    "test_foreign_files.py::test_clears_puts_and_reads_at_once_change_no_foreign_file",
    slow=True,
)
def put_that_a_clear_makes_fail():
    def write(folder, key, data, meta):
        directory.make_directory(folder)
        pair._write_once(str(folder), f"{folder}{os.sep}{key}", key, data, meta)

    swap(cache, "write_pair", write)
    clear_that_removes_files_in_use()


@caught_by(
    "test_leftovers.py::test_later_put_removes_old_leftovers_of_a_killed_process",
    "test_leftovers.py::test_one_put_removes_a_thousand_leftovers",
)
def put_that_never_sweeps():
    swap(AudioCache, "_sweep_once", lambda _self, _fresh: None)


@caught_by(
    "test_foreign_files.py::test_key_that_is_not_a_plain_name_is_refused_and_writes_nothing[get-'../k']",
    "test_foreign_files.py::test_key_that_is_not_a_plain_name_is_refused_and_writes_nothing[put-'Key']",
    "test_foreign_files.py::test_key_that_is_not_a_plain_name_is_refused_and_writes_nothing[put-'con']",
)
def keys_that_are_paths():
    swap(cache, "check_key", lambda key: key)


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


@caught_by("test_scale.py::test_hit_miss_and_put_cost_the_same_among_many_entries[10000]", slow=True)
def lookup_that_lists_the_directory():
    real = AudioCache.lookup

    def lookup(self, key, **options):
        if f"{key}.meta" not in os.listdir(self.directory):
            return cache._ABSENT
        return real(self, key, **options)

    swap(AudioCache, "lookup", lookup)


@caught_by("test_recordings.py::test_writable_recordings_are_not_written")
def recordings_that_are_cleared():
    swap(LayeredCache, "clear", lambda self: sum(layer.clear() for layer in self.layers))


@caught_by("test_recordings.py::test_recordings_are_read_first")
def recordings_read_last():
    swap(LayeredCache, "layers", property(lambda self: (self.cache, *self.recordings)))
