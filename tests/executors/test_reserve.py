"""Worker processes are started before anybody knows what they are for, as many as there is something to do for."""

import os
import signal
import time
from pathlib import Path

from imgtrans.executors.reserve import Reserve
from imgtrans.executors.worker import Worker
from tests.executors.test_worker import JOB, item_for
from tests.pictures import save


def waiting(reserve: Reserve, many: int) -> list[int]:
    """Wait until so many processes are there, and return their numbers."""
    ends = time.monotonic() + 60
    while len(reserve._waiting) < many:
        assert time.monotonic() < ends
        time.sleep(0.01)
    return [process.pid for process, _ in reserve._waiting]


def runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_worker_takes_a_process_that_is_there_already_and_the_next_one_starts_its_own(tmp_path: Path) -> None:
    item = item_for(save(tmp_path / "a.png", 21, 13))
    with Reserve(1, lambda: 5) as reserve:
        (process,) = waiting(reserve, 1)
        workers = [Worker(JOB, reserve=reserve) for _ in "ab"]
        frames = [worker.read(item).frames[0].shape for worker in workers]
        assert frames == [(16, 24, 3)] * 2
        assert [worker._process.pid == process for worker in workers] == [True, False]
        for worker in workers:
            worker.close()


def test_there_are_no_more_of_them_than_there_is_something_to_do_for() -> None:
    found = 0
    with Reserve(2, lambda: found) as reserve:
        assert not reserve._waiting
        found = 1
        waiting(reserve, 1)
        time.sleep(0.1)
        assert len(reserve._waiting) == 1
        found = 9
        processes = waiting(reserve, 2)
        assert all(map(runs, processes))
    assert not any(map(runs, processes))  # nobody has taken them


def test_one_that_has_died_meanwhile_is_not_given_to_anybody() -> None:
    with Reserve(1, lambda: 1) as reserve:
        (process,) = waiting(reserve, 1)
        os.kill(process, signal.SIGKILL)
        reserve._waiting[0][0].wait()
        assert reserve.take() is None
