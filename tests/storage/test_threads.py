"""Calls that wait for a store, several at a time."""

import os
import subprocess
import sys
import threading
import time

import pytest

from imgtrans.storage import threads
from imgtrans.storage.threads import in_order, in_order_where_called


def test_calls_are_answered_in_their_order_and_what_they_raise_is_raised():
    assert [*in_order([lambda n=n: n for n in range(100)], 7)] == [*range(100)]
    assert [*in_order_where_called([1, lambda: 2, 3], 2)] == [1, 2, 3]

    def fails() -> int:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        [*in_order([lambda: 1, fails, lambda: 3], 2)]


def test_threads_stay_for_the_next_calls_and_end_when_there_are_none(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(threads, "_IDLE_SECONDS", 2.0)
    monkeypatch.setattr(threads, "_THREADS", threads._Threads())
    seen = set()

    def call() -> None:
        seen.add(threading.current_thread())
        time.sleep(0.02)

    for _ in range(5):
        assert [*in_order([call] * 3, 3)] == [None] * 3
        time.sleep(0.02)
    assert 1 <= len(seen) <= 3
    for thread in seen:
        thread.join(30)
        assert not thread.is_alive()
    assert [*in_order([lambda: 1, lambda: 2], 2)] == [1, 2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_that_was_forked_has_threads_of_its_own():
    code = """
import os, warnings
warnings.simplefilter("ignore")
from imgtrans.storage.threads import in_order
assert [*in_order([lambda: 1], 2)] == [1]
child = os.fork()
if not child:
    os._exit(0 if [*in_order([lambda: 1, lambda: 2], 2)] == [1, 2] else 1)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
