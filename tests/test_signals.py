"""Signals end at once what would lose nothing, and are heard by what would."""

import os
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")


def ran(code: str) -> tuple[int, str, str]:
    """Run a program that begins like imgtrans; return its exit code, stdout and stderr."""
    begin = "import os, signal, sys, time\nfrom imgtrans import signals\nfrom imgtrans.signals import Stopping\n"
    ended = subprocess.run(
        [sys.executable, "-c", begin + code], capture_output=True, text=True, timeout=60, check=False
    )
    return ended.returncode, ended.stdout, ended.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_at_once_is_one_line_whatever_catches_errors(number: int, code: int):
    program = f"""
signals.end_at_once()
print("a result")
try:
    signal.raise_signal({number:d})
except BaseException:
    print("swallowed")
"""
    assert ran(program) == (code, "a result\n", "stopped\n")


def test_who_was_told_to_ignore_ctrl_c_goes_on_doing_so():
    assert ran("""
signal.signal(signal.SIGINT, signal.SIG_IGN)
for listen in (signals.end_at_once, signals.raise_errors):
    listen()
    signal.raise_signal(signal.SIGINT)
print("here")
""") == (0, "here\n", "")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_where_something_would_be_lost_a_signal_is_heard_and_a_quick_second_one_is_the_same(number: int, code: int):
    assert ran(f"""
stopping = Stopping(lambda: "", lambda: "late")
stopping.listen()
print(stopping.asked())
signal.raise_signal({number:d})
signal.raise_signal({number:d})
print(stopping.asked(), stopping.exit_code)
""") == (0, f"False\nTrue {code}\n", "")


def test_who_insists_is_let_go():
    assert ran("""
signals._PATIENCE_SECONDS = 0.0
stopping = Stopping(lambda: "", lambda: "late")
stopping.listen()
signal.raise_signal(signal.SIGINT)
time.sleep(0.01)
signal.raise_signal(signal.SIGTERM)
print("still here")
""") == (143, "", "late\n")


def test_quiet_says_nothing():
    assert ran("""
Stopping(lambda: "stopped", lambda: "late", quiet=True).listen()
signal.raise_signal(signal.SIGINT)
""") == (130, "", "")


def test_while_signals_are_held_back_nothing_ends_and_afterwards_it_does():
    assert ran("""
Stopping(lambda: "stopped", lambda: "late").listen()
before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
signal.getsignal(signal.SIGINT)(signal.SIGINT, None)  # as if another thread had been given it
print("held")
signal.pthread_sigmask(signal.SIG_SETMASK, before)
print("never")
""") == (130, "held\n", "stopped\n")


def test_the_last_lines_of_a_program_are_not_broken_off():
    assert ran("""
signals.raise_errors()
signals.ignore()
signal.raise_signal(signal.SIGINT)
signal.raise_signal(signal.SIGTERM)
print("done")
""") == (0, "done\n", "")
