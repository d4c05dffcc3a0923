"""A key lock that does not work costs a bounded wait: no errno causes an endless wait, even if it repeats."""

import asyncio
import errno
import os
import time
import types

import pytest

from russo import AudioCache, CachedSynthesizer
from russo._loops import give_up
from russo._store import locks
from russo._store.files import is_alive
from russo._store.housekeeping import sweep
from support.flow import key_of
from support.speakers import PROMPT, Speaker, run, sound

ERRNOS = [
    errno.ENOENT,
    errno.EPERM,
    errno.EACCES,
    errno.EIO,
    errno.ENOSPC,
    errno.EMFILE,
    errno.ELOOP,
    errno.ENOTDIR,
    errno.ESTALE,
    errno.EEXIST,
    errno.EAGAIN,
    errno.EDEADLK,
    errno.EINTR,
    errno.EROFS,
    errno.ENOLCK,
    errno.ENOSYS,
    errno.ETIMEDOUT,
]


@pytest.fixture
def quick(monkeypatch):
    """Shorten the waits of a lock."""
    monkeypatch.setattr(locks, "PATIENCE", 0.3)
    monkeypatch.setattr(locks, "_OWN_PATIENCE", 0.1)
    monkeypatch.setattr(locks, "_MOST_VANISHED", 5)


def broken_os(call, number):
    """Return a copy of module `os` in which one function always fails."""
    fake = types.ModuleType("os")
    fake.__dict__.update(vars(os))

    def fail(*arguments, **options):
        raise OSError(number, os.strerror(number))

    setattr(fake, call, fail)
    return fake


@pytest.mark.parametrize("number", ERRNOS, ids=errno.errorcode.get)
@pytest.mark.parametrize("call", ["mkdir", "lstat", "open", "stat", "fstat", "utime"])
def test_no_errno_of_a_file_call_causes_an_endless_wait(tmp_path, monkeypatch, quick, call, number):
    monkeypatch.setattr(locks, "os", broken_os(call, number))
    speaker = Speaker()
    cached = CachedSynthesizer(speaker, cache=AudioCache(tmp_path))
    assert run(cached.synthesize(PROMPT), seconds=5) == sound(PROMPT)
    assert speaker.texts == [PROMPT]


@pytest.mark.parametrize("number", ERRNOS, ids=errno.errorcode.get)
@pytest.mark.parametrize("leftover", [False, True], ids=["no file", "a file of a dead process"])
def test_no_errno_of_the_lock_call_causes_an_endless_wait(tmp_path, monkeypatch, quick, number, leftover):
    def refuse(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(locks, "_lock", refuse)
    speaker = Speaker()
    if leftover:
        (tmp_path / locks.LOCKS).mkdir()
        (tmp_path / locks.LOCKS / f"{key_of(speaker)}.lock").touch()
    cached = CachedSynthesizer(speaker, cache=AudioCache(tmp_path))
    assert run(cached.synthesize(PROMPT), seconds=5) == sound(PROMPT)
    assert speaker.texts == [PROMPT]


def test_lock_file_that_always_vanishes_causes_no_endless_wait(tmp_path, monkeypatch, quick):
    real = locks._lock

    def lock(descriptor):
        real(descriptor)
        for path in (tmp_path / locks.LOCKS).iterdir():
            path.unlink()

    monkeypatch.setattr(locks, "_lock", lock)
    assert run(CachedSynthesizer(Speaker(), cache=AudioCache(tmp_path)).synthesize(PROMPT), seconds=5)


def test_file_system_with_changing_inodes_causes_no_endless_wait(tmp_path, monkeypatch, quick):
    monkeypatch.setattr(locks.os.path, "samestat", lambda one, other: False)
    assert run(CachedSynthesizer(Speaker(), cache=AudioCache(tmp_path)).synthesize(PROMPT), seconds=5)


def test_failed_lock_closes_its_descriptors(tmp_path, monkeypatch, quick):
    monkeypatch.setattr(locks, "os", broken_os("fstat", errno.EIO))
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None
    for number in range(10):
        run(CachedSynthesizer(Speaker(), cache=AudioCache(tmp_path)).synthesize(str(number)), seconds=5)
    if before is not None:
        assert len(os.listdir("/proc/self/fd")) <= before + 2


def test_waiter_outwaits_its_patience_while_the_holder_refreshes_the_lock(tmp_path, monkeypatch, quick):
    monkeypatch.setattr(locks, "_SIGN_OF_LIFE", 0.02)

    async def main():
        loop = asyncio.get_running_loop()
        holder, waiter = (locks.KeyLock(tmp_path, "k", loop) for _ in range(2))
        assert holder.try_acquire()
        until = time.monotonic() + 0.8
        while time.monotonic() < until:
            assert not waiter.try_acquire()
            await asyncio.sleep(0.01)
        holder.release()
        assert waiter.try_acquire()
        waiter.release()

    run(main())


def test_lock_of_a_closed_or_abandoned_loop_is_released_early(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "_SIGN_OF_LIFE", 0.05)
    assert locks.PATIENCE == 30
    for number, is_closed in enumerate((True, False)):
        loop = asyncio.new_event_loop()
        holder = locks.KeyLock(tmp_path, f"k{number}", loop)
        assert holder.try_acquire()
        loop.close() if is_closed else give_up(loop)

        async def take(number=number):
            waiter = locks.KeyLock(tmp_path, f"k{number}", asyncio.get_running_loop())
            while not waiter.try_acquire():  # noqa: ASYNC110 - there is no event to wait for
                await asyncio.sleep(0.01)
            assert waiter._generation == 0
            waiter.release()

        run(take(), seconds=5)
        loop.close()


def test_clear_keeps_lock_files_if_advisory_locks_fail(tmp_path, monkeypatch):
    def refuse(descriptor):
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(locks, "_lock", refuse)
    AudioCache(tmp_path).put("k", sound(PROMPT))
    (tmp_path / locks.LOCKS).mkdir(exist_ok=True)
    path = tmp_path / locks.LOCKS / "k.lock"
    path.touch()
    AudioCache(tmp_path).clear()
    assert path.exists()


@pytest.mark.parametrize(("age", "stays"), [(600, True), (4000, False)])
def test_sweep_of_lock_files_uses_the_clock_of_the_file_server(tmp_path, age, stays):
    fresh = tmp_path / "fresh"
    fresh.touch()
    now = 1_000_000_000  # far from this process's own clock
    os.utime(fresh, (now, now))
    (tmp_path / locks.LOCKS).mkdir()
    path = tmp_path / locks.LOCKS / "k.lock"
    path.touch()
    os.utime(path, (now - age, now - age))
    sweep(tmp_path, str(fresh))
    assert path.exists() is stays


def test_process_of_another_user_counts_as_alive(monkeypatch):
    def refuse(pid, number):
        raise PermissionError(errno.EPERM, "not permitted")

    monkeypatch.setattr(os, "kill", refuse)
    assert is_alive(1)


def test_work_per_lock_does_not_depend_on_the_number_of_lock_files(tmp_path):
    async def main(number):
        directory = tmp_path / str(number)
        directory.mkdir()
        begun = time.process_time()
        held = [locks.KeyLock(directory, f"k{at}", asyncio.get_running_loop()) for at in range(number)]
        assert all(lock.try_acquire() for lock in held)
        for lock in held:
            lock.release()
        return time.process_time() - begun

    few, many = run(main(60)), run(main(480))
    assert many < 8 * 5 * max(few, 0.005)
