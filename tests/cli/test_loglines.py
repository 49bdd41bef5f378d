import json
import os
import re
import threading
import time

import pytest

from imgtrans import stdout
from imgtrans.cli import loglines
from imgtrans.cli.loglines import LogLines, Outlet, to_journal


def test_a_log_has_one_line_an_event_with_time_and_level(capfd: pytest.CaptureFixture[str]) -> None:
    lines = LogLines(1)
    lines.say("two\nlines")
    lines.detail("more")
    lines.warn("careful")
    lines.error("it broke", "mend it")
    lines.close()
    told = capfd.readouterr().err.splitlines()
    stamped = [re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d (.*)", line) for line in told]
    assert [line and line[1] for line in stamped] == [
        r"info: two\nlines",
        "debug: more",
        "warning: careful",
        "error: it broke; mend it",
    ]


def test_the_journal_gets_levels_as_it_knows_them(capfd: pytest.CaptureFixture[str]) -> None:
    lines = LogLines(journal=True)
    lines.say("one")
    lines.detail("not asked for")
    lines.warn("two")
    lines.error("three")
    lines.close()
    assert capfd.readouterr().err == "<6>one\n<4>two\n<3>three\n"


def test_the_journal_is_known_by_where_stderr_leads() -> None:
    read, write = os.pipe()
    status = os.fstat(write)
    assert to_journal({"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}, write)
    assert not to_journal({"JOURNAL_STREAM": "1:2"}, write)
    assert not to_journal({}, write)
    os.close(read)
    os.close(write)
    assert not to_journal({"JOURNAL_STREAM": "1:2"}, write)


def test_events_are_json_with_their_time(capfd: pytest.CaptureFixture[str]) -> None:
    lines = LogLines(json_lines=True)
    lines.record(event="image", input="caf\udce9.png")
    lines.close()
    line = json.loads(capfd.readouterr().out)
    assert (line["event"], line["input"]) == ("image", "caf\udce9.png")
    assert line["time"]


def test_events_stay_on_standard_output_when_what_plugins_print_does_not(capfd: pytest.CaptureFixture[str]) -> None:
    lines = LogLines(json_lines=True)
    stdout.claim()
    try:
        stdout.keep()
        lines.record(event="image")
        lines.close()
    finally:
        stdout.give_back()
    told = capfd.readouterr()
    assert (json.loads(told.out)["event"], told.err) == ("image", "")


def test_a_pipe_that_nobody_reads_holds_nothing_up_and_says_what_was_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loglines, "MOST_LINES", 50)
    read, write = os.pipe()
    outlet = Outlet(lambda: write)
    started = time.monotonic()
    for _ in range(1000):
        outlet.put("x" * 1000)
    outlet.close(0.1)
    assert time.monotonic() - started < 5
    assert outlet.dropped > 500
    assert outlet.dropped == 0
    os.close(read)  # which is an error for who waits for a reader, and ends the thread
    outlet.close()
    os.close(write)


def test_a_reader_that_goes_away_is_told_of_once() -> None:
    read, write = os.pipe()
    told: list[bool] = []
    gone = threading.Event()

    def broken() -> None:
        told.append(True)
        gone.set()

    outlet = Outlet(lambda: write, broken)
    os.close(read)
    outlet.put("one")
    assert gone.wait(10)
    outlet.put("two")
    outlet.close()
    assert told == [True]
    os.close(write)
