"""`results`: work on many things in threads, which ends if the caller stops to iterate."""

import threading

from russo._cli import at_once
from russo._cli.at_once import results


def test_results_come_from_several_threads_at_once():
    meeting = threading.Barrier(3)

    def work(number):
        meeting.wait(30)
        return number

    assert sorted(results([1, 2, 3], work, at_once=3)) == [1, 2, 3]


def test_no_further_work_begins_after_the_caller_has_stopped(monkeypatch):
    threads, begun, gate = [], [], threading.Semaphore(1)
    start = at_once.start
    monkeypatch.setattr(at_once, "start", lambda run: threads.append(start(run)))

    def work(number):
        begun.append(number)
        assert gate.acquire(timeout=30)
        return number

    finished = results(range(100), work, at_once=1)
    assert next(finished) == 0
    finished.close()
    gate.release(100)
    threads[0].result(30)
    assert len(begun) <= 2
