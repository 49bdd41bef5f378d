"""stderr is for people, stdout for results; nothing garbles either."""

import io
import json
import re
import sys
from datetime import date
from types import SimpleNamespace

import pytest

from imgtrans import console as module
from imgtrans.console import ELAPSED, Console

Captured = pytest.CaptureFixture[str]
NASTY = "a\x1b[31mred\x07\nerror: forged\r\t\u202egpj.exe\udce9 [bold]b[/] :smile: \\"
SHOWN = "a\\x1b[31mred\\x07\\nerror: forged\\r\\t\\u202egpj.exe\\udce9 [bold]b[/] :smile: \\"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make rich take what it writes to for a terminal with colours."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "200")


def everything(console: Console, text: str) -> None:
    """Say one text in every way there is."""
    console.say(text)
    console.detail(text)
    console.warn(text)
    console.error(text, text)
    console.result(text)
    console.table(["name", text], [[text, "x"]])
    with console.progress(2) as progress:
        progress.advance(1, text)


# Where things go


def test_messages_go_to_stderr_and_results_to_stdout(capsys: Captured):
    console = Console()
    console.say("said")
    console.warn("careful")
    console.error("broken", "mend it")
    console.result("path")
    out, err = capsys.readouterr()
    assert out == "path\n"
    assert err == "said\nwarning: careful\nerror: broken\n  mend it\n"


def test_json_lines_replace_the_texts_on_stdout_and_only_those(capsys: Captured):
    console = Console(json_lines=True)
    everything(console, "text")
    console.record(event="end", count=3, none=None)
    out, err = capsys.readouterr()
    assert [json.loads(line) for line in out.splitlines()] == [{"event": "end", "count": 3, "none": None}]
    assert "error: text" in err


def test_records_are_for_json_mode_only(capsys: Captured):
    Console().record(event="end")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("verbosity", "expected"), [(-1, {"warned"}), (0, {"said", "warned"}), (1, {"said", "detailed", "warned"})]
)
def test_verbosity_chooses_what_is_said(capsys: Captured, verbosity: int, expected: set[str]):
    console = Console(verbosity)
    console.say("said")
    console.detail("detailed")
    console.warn("warned")
    console.result("result")
    out, err = capsys.readouterr()
    assert {line.removeprefix("warning: ") for line in err.splitlines()} == expected
    assert out == "result\n"


def test_long_lines_are_not_broken(capsys: Captured):
    text = "word " * 100
    Console().error(text, text)
    assert capsys.readouterr().err == f"error: {text}\n  {text}\n"


# What a pipe gets


def test_a_table_in_a_pipe_is_tab_separated_without_a_head(capsys: Captured):
    Console().table(["name", "size"], [["a", "1 MB"], ["b", "2 MB"]])
    assert capsys.readouterr().out == "a\t1 MB\nb\t2 MB\n"


def test_pipes_get_no_escape_codes(capsys: Captured):
    everything(Console(1), "text")
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err
    assert (out.count("text"), err.count("text")) == (2, 5)


def test_terminals_get_colours_unless_no_color_is_set(
    terminal: None, monkeypatch: pytest.MonkeyPatch, capsys: Captured
):
    def shown() -> str:
        console = Console()
        console.error("broken")
        return "".join(capsys.readouterr())

    assert "\x1b[1;31merror:\x1b[0m" in shown()
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in shown()
    monkeypatch.setenv("NO_COLOR", "")  # set but empty is as good as not set
    assert "\x1b[" in shown()


def test_a_table_on_a_terminal_has_a_head(monkeypatch: pytest.MonkeyPatch, capsys: Captured):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    Console().table(["name", "size"], [["a", "1 MB"], ["longer", NASTY]])
    assert capsys.readouterr().out == f"name    size\na       1 MB\nlonger  {SHOWN}\n"


# Texts that want to be more than text


def test_control_characters_undecodable_bytes_and_markup_are_shown_as_text(capsys: Captured):
    everything(Console(1), NASTY)
    out, err = capsys.readouterr()
    assert err.splitlines() == [SHOWN, SHOWN, f"warning: {SHOWN}", f"error: {SHOWN}", f"  {SHOWN}"]
    assert out.splitlines() == [SHOWN, f"{SHOWN}\tx"]


def test_on_a_terminal_too(terminal: None, monkeypatch: pytest.MonkeyPatch, capsys: Captured):
    monkeypatch.setenv("NO_COLOR", "1")
    console = Console(1)
    console.say(NASTY)
    console.warn(NASTY)
    assert capsys.readouterr().err.splitlines() == [SHOWN, f"warning: {SHOWN}"]


def test_letters_of_all_languages_are_text(capsys: Captured):
    Console().say("Übergrößen, 写真, зима, صور, 🏔")
    assert capsys.readouterr().err == "Übergrößen, 写真, зима, صور, 🏔\n"


def test_a_stream_that_cannot_show_a_letter_gets_its_code(monkeypatch: pytest.MonkeyPatch):
    streams = {
        name: io.TextIOWrapper(io.BytesIO(), encoding=code) for name, code in (("stdout", "ascii"), ("stderr", "utf-8"))
    }
    for name, stream in streams.items():
        monkeypatch.setattr(sys, name, stream)
    everything(Console(1), "写真\udce9")
    written = {}
    for name, stream in streams.items():
        stream.flush()
        written[name] = stream.buffer.getvalue().decode()  # type: ignore[attr-defined]
    assert written["stdout"].splitlines() == ["\\u5199\\u771f\\udce9", "\\u5199\\u771f\\udce9\tx"]
    assert written["stderr"].splitlines()[0] == "写真\\udce9"


def test_json_says_undecodable_bytes_so_that_they_can_be_had_back(capsys: Captured):
    Console(json_lines=True).record(input=NASTY, day=date(2026, 1, 31))
    out = capsys.readouterr().out
    assert out.isascii()
    assert out.count("\n") == 1
    assert json.loads(out) == {"input": NASTY, "day": "2026-01-31"}


def test_closed_streams_are_no_reason_to_fail(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    everything(Console(1), "text")
    Console(json_lines=True).record(event="end")


# Progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def test_progress_in_a_pipe_is_a_line_every_few_seconds(capsys: Captured, clock: SimpleNamespace):
    with Console().progress(100, done=10) as progress:
        for _ in range(20):
            clock.now += 1
            progress.advance(1, "fine")
    assert capsys.readouterr().err.splitlines() == [f"{done}/100  fine" for done in (15, 20, 25, 30)]


def test_progress_is_not_shown_to_who_wants_quiet(capsys: Captured, clock: SimpleNamespace):
    with Console(-1).progress(100) as progress:
        clock.now += 60
        progress.advance(50, "fine")
    assert capsys.readouterr().err == ""


def test_progress_on_a_terminal_is_a_bar_that_goes_away(terminal: None, capsys: Captured):
    with Console().progress(4, done=1) as progress:
        progress.advance(2, "[bold]x[/]")
    out, err = capsys.readouterr()
    assert out == ""
    assert "3/4" in err
    assert "[bold]x[/]" in err
    assert err.endswith("\x1b[2K")  # erased


def test_a_download_in_a_pipe_is_a_line_every_few_seconds(capsys: Captured, clock: SimpleNamespace):
    with Console().download() as progress:
        for done, total in ((0, None), (3_000_000, None), (0, 9_000_000), (4_500_000, 9_000_000)):
            clock.now += 5
            progress.reach(done, total)
    assert capsys.readouterr().err.splitlines() == ["0.0 MB", "3.0 MB", "0.0 of 9.0 MB", "4.5 of 9.0 MB"]


def test_a_download_on_a_terminal_is_a_bar_of_bytes_that_goes_away(terminal: None, capsys: Captured):
    with Console().download() as progress:
        progress.reach(0, None)
        progress.reach(4_500_000, 9_000_000)
    out, err = capsys.readouterr()
    assert out == ""
    assert "4.5/9.0 MB" in err
    assert err.endswith("\x1b[2K")  # erased


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (12, "12/120"),
        (40, "12/120  0:41 left  3.20 pictures/s"),
        (52, "12/120  0:41 left  3.20 pictures/s  elapsed 0:05"),
        (62, "12/120  0:41 left  3.20 pictures/s  elapsed 0:05  5.1 MP/s"),
        (100, "12/120  0:41 left  3.20 pictures/s  elapsed 0:05  5.1 MP/s  decode 1%, model 98%, encode 1%"),
    ],
)
def test_what_has_no_room_goes_from_the_end(clock: SimpleNamespace, width: int, shown: str):
    display = Console().progress(120)
    clock.now += 4.6
    display.advance(12, "0:41 left", "3.20 pictures/s", ELAPSED, "5.1 MP/s", "decode 1%, model 98%, encode 1%")
    assert display.line(width) == shown


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_a_narrow_terminal_shows_the_count_and_the_time_left_in_one_line(
    terminal: None, monkeypatch: pytest.MonkeyPatch, capsys: Captured, columns: int
):
    monkeypatch.setenv("COLUMNS", str(columns))
    with Console().progress(4100) as progress:
        progress.reach(3999, 98400, "about 3:10:00 left", "12.00 pictures/s", ELAPSED, "25.1 MP/s", of="~98400")
    drawn = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().err).replace("\r", "\n").splitlines()
    lines = [line.rstrip() for line in drawn if "3999" in line]
    assert lines and all("3999/~98400  about 3:10:00 left" in line and len(line) <= columns for line in lines)


def drawn(text: str) -> list[str]:
    """The lines that a terminal was sent, without what moves about."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "\n").splitlines()


@pytest.mark.parametrize("columns", [14, 20, 29, 40])
@pytest.mark.parametrize("kind", ["progress", "panel"])
def test_the_count_is_the_last_to_go_when_a_terminal_is_narrow(
    terminal: None, monkeypatch: pytest.MonkeyPatch, capsys: Captured, columns: int, kind: str
):
    monkeypatch.setenv("COLUMNS", str(columns))
    console = Console()
    with console.progress(4100) if kind == "progress" else console.panel("training", 4100, 0) as progress:
        progress.reach(3999, 4100, "about 3:10:00 left", "12.00 pictures/s")
    lines = [line for line in drawn(capsys.readouterr().err) if "3999" in line]
    assert lines and all("3999/4100" in line and len(line) <= columns for line in lines)


@pytest.mark.parametrize("columns", [14, 29, 40])
def test_what_has_arrived_is_the_last_to_go_of_a_download(
    terminal: None, monkeypatch: pytest.MonkeyPatch, capsys: Captured, columns: int
):
    monkeypatch.setenv("COLUMNS", str(columns))
    with Console().download() as progress:
        progress.reach(4_500_000, 9_000_000)
    lines = [line for line in drawn(capsys.readouterr().err) if "9.0" in line]
    assert lines and all("4.5/9.0 MB" in line and len(line) <= columns for line in lines)


def test_times_are_written_as_on_a_clock() -> None:
    assert [module.clock(seconds) for seconds in (0.2, 41, 725, 11_400)] == ["0:00", "0:41", "12:05", "3:10:00"]
