import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from russo import BudgetExceededError
from russo._backends.budget import Budget


def claim_all(budget):
    """Claim until the budget refuses; return the slots."""
    slots = []
    while True:
        try:
            slots.append(budget.claim("Hello"))
        except BudgetExceededError:
            return slots


@pytest.mark.parametrize("limit", [0, 1, 7])
def test_budget_allows_exactly_as_many_calls_as_its_limit(tmp_path, limit):
    assert len(claim_all(Budget(limit, tmp_path))) == limit
    with pytest.raises(BudgetExceededError, match=f"limit of {limit} backend calls is reached: 'Hello'"):
        Budget(limit, tmp_path).claim("Hello")


def test_limit_may_exceed_64_bits(tmp_path):
    assert Budget(10**30, tmp_path).claim("Hello").exists()


@pytest.mark.parametrize("number", [0, 2])
def test_returned_slot_is_used_again_by_every_process(tmp_path, number):
    one, other = Budget(3, tmp_path), Budget(3, tmp_path)
    slots = claim_all(one)
    assert claim_all(other) == []
    one.give_back(slots[number])
    assert claim_all(other) == [slots[number]]
    other.give_back(slots[number])
    assert claim_all(one) == [slots[number]]
    assert claim_all(one) == claim_all(other) == []


def test_slot_returned_twice_is_one_slot(tmp_path):
    budget = Budget(2, tmp_path)
    slots = claim_all(budget)
    budget.give_back(slots[0])
    budget.give_back(slots[0])
    assert len(claim_all(budget)) == 1


def test_slot_is_not_lost_if_its_return_cannot_be_written(tmp_path):
    budget = Budget(1, tmp_path)
    (slot,) = claim_all(budget)
    (tmp_path / "calls-returned").mkdir()
    budget.give_back(slot)
    shutil.rmtree(tmp_path / "calls-returned")
    assert claim_all(budget) == [slot]


@pytest.mark.parametrize("rest", [b"9", b"99999999999999999999", b"0" * 50])
def test_damaged_file_of_returned_slots_does_not_raise_the_limit(tmp_path, rest):
    (tmp_path / "calls-returned").write_bytes(rest)
    assert len(claim_all(Budget(3, tmp_path))) == 3


def test_call_that_cannot_be_counted_is_not_made(tmp_path):
    budget = Budget(3, tmp_path / "gone")
    with pytest.raises(
        BudgetExceededError, match=r"cannot be counted \(No such file or directory\)"
    ) as caught:
        budget.claim("Hello")
    assert not caught.value.reached


def test_threads_share_the_limit(tmp_path):
    budget = Budget(200, tmp_path)
    with ThreadPoolExecutor(8) as threads:
        claimed = [slot for slots in threads.map(lambda _: claim_all(budget), range(8)) for slot in slots]
    assert len(claimed) == len(set(claimed)) == 200


CLAIM_ALL = """
import pathlib, sys
from russo import BudgetExceededError
from russo._backends.budget import Budget

budget = Budget(300, pathlib.Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
count = 0
while True:
    try:
        budget.claim("Hello")
    except BudgetExceededError:
        break
    count += 1
print(count)
"""


def test_processes_share_the_limit(tmp_path):
    command = [sys.executable, "-c", CLAIM_ALL, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    workers = [subprocess.Popen(command, **pipes) for _ in range(3)]
    assert [worker.stdout.readline() for worker in workers] == ["ready\n"] * 3
    assert sum(int(worker.communicate("go\n", timeout=60)[0]) for worker in workers) == 300


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_child_forked_while_a_thread_claims_does_not_hang(tmp_path):
    budget = Budget(5, tmp_path)
    held, free = threading.Event(), threading.Event()

    def hold():
        with budget._lock:
            held.set()
            free.wait(20)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(10)
    child = os.fork()
    if not child:
        signal.alarm(8)  # kills a child that hangs
        os._exit(0 if len(claim_all(budget)) == 5 else 1)
    assert os.waitpid(child, 0)[1] == 0
    free.set()
    holder.join(10)


def test_killed_process_keeps_its_slot(tmp_path):
    code = (
        "import os, signal, sys; from pathlib import Path; from russo._backends.budget import Budget;"
        "Budget(2, Path(sys.argv[1])).claim('x'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, timeout=60)
    assert len(claim_all(Budget(2, tmp_path))) == 1


def seconds_of(work):
    begun = time.process_time()
    work()
    return max(time.process_time() - begun, 0.001)


def test_cost_of_a_claim_does_not_depend_on_the_number_of_slots(tmp_path):
    def work(number):
        (tmp_path / str(number)).mkdir()
        budget, other = Budget(number, tmp_path / str(number)), Budget(number, tmp_path / str(number))
        slots = claim_all(budget)
        for slot in slots:
            with pytest.raises(BudgetExceededError):
                other.claim("Hello")
            budget.give_back(slot)
            other.claim("Hello")

    few, many = seconds_of(lambda: work(100)), seconds_of(lambda: work(800))
    assert many < 8 * 4 * few
