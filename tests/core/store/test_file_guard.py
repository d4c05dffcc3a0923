import os
import threading

import pytest

from russo._store import file_guard
from russo._store.file_guard import guarded


def test_guarded_code_of_threads_does_not_overlap(tmp_path):
    inside, overlaps = threading.Lock(), []

    def work():
        for _ in range(20):
            with guarded(tmp_path / "russo.lock"):
                if not inside.acquire(blocking=False):
                    overlaps.append(1)
                else:
                    inside.release()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert overlaps == []


def test_guard_leaves_no_file(tmp_path):
    with guarded(tmp_path / "russo.lock"):
        assert list(tmp_path.iterdir()) == []
    assert list(tmp_path.iterdir()) == []


def test_error_in_guarded_code_releases_the_lock(tmp_path, monkeypatch):
    monkeypatch.setattr(file_guard, "_PATIENCE", 0.0)
    with pytest.raises(KeyError), guarded(tmp_path / "a"):
        raise KeyError
    monkeypatch.setattr(file_guard, "_PATIENCE", 60.0)
    with guarded(tmp_path / "a"):
        pass


def test_waiter_continues_after_its_patience(tmp_path, monkeypatch):
    monkeypatch.setattr(file_guard, "_PATIENCE", 0.05)
    with guarded(tmp_path / "a"), guarded(tmp_path / "a"):
        assert os.listdir(tmp_path) == []


def test_folder_that_does_not_exist_has_no_lock(tmp_path):
    with guarded(tmp_path / "absent" / "russo.lock"):
        assert not (tmp_path / "absent").exists()


def test_file_system_without_locks_raises_no_error(tmp_path, monkeypatch):
    def refuse(descriptor):
        raise OSError(95, "not supported")

    monkeypatch.setattr(file_guard, "_lock", refuse)
    with guarded(tmp_path / "a"), guarded(tmp_path / "a"):
        assert os.listdir(tmp_path) == []
