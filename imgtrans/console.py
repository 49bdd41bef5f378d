"""What a person sees: messages and progress on stderr, results on stdout; the only module that imports rich."""

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TextIO

from imgtrans.stdout import results

if TYPE_CHECKING:
    from rich.console import Console as RichConsole
    from rich.live import Live
    from rich.panel import Panel
    from rich.progress import Progress
    from rich.text import Text

_LINE_SECONDS = 5.0
_WIDEST_BAR = 40
_NARROW = 45  # columns, below which there is no room for a bar
ELAPSED = "\0elapsed"  # among the parts of a progress line: the time that has passed


class Console:
    """The door between the program and the person.

    Args:
        verbosity: -1 says errors only, 0 the usual, 1 more.
        json_lines: Print results as JSON Lines instead of text.
    """

    def __init__(self, verbosity: int = 0, json_lines: bool = False) -> None:
        self.verbosity = verbosity
        self.json_lines = json_lines

    @cached_property
    def _err(self) -> "RichConsole":
        from rich.console import Console as RichConsole  # noqa: PLC0415 - a tenth of a second, not owed by each result

        # No emoji: ``:smile:`` in a file's name is no smile. NO_COLOR takes bold away too.
        colours: Literal["auto"] | None = None if os.environ.get("NO_COLOR") else "auto"
        return RichConsole(stderr=True, highlight=False, soft_wrap=True, emoji=False, color_system=colours)

    def say(self, text: str) -> None:
        """Tell what is going on, unless quiet."""
        if self.verbosity >= 0:
            self._print(printable(text), markup=False)

    def beginning(self, text: str) -> None:
        """Tell whoever sits at a terminal what takes a moment before there is anything else to say, unless quiet."""
        if self.verbosity >= 0 and self._err.is_terminal:
            self._print(f"{printable(text)} ...", markup=False, style="dim")

    def detail(self, text: str) -> None:
        """Tell more, if asked to be verbose."""
        if self.verbosity > 0:
            self._print(printable(text), markup=False, style="dim")

    def warn(self, text: str) -> None:
        """Tell what deserves attention though the program goes on."""
        self._labelled("warning:", "yellow", text)

    def error(self, message: str, hint: str = "") -> None:
        """Tell what went wrong, and what to do about it."""
        self._labelled("error:", "bold red", message)
        if hint:
            self._print(f"  {printable(hint)}", markup=False)

    def _labelled(self, label: str, style: str, text: str) -> None:
        from rich.text import Text  # noqa: PLC0415 - as rich.console

        self._print(Text.assemble((label, style), f" {printable(text)}"))  # at once: threads speak, too

    def _print(self, text: Any, **options: Any) -> None:
        try:
            self._err.print(text, **options)
        except OSError:
            nobody_reads_messages()

    def result(self, text: str) -> None:
        """Print a result for a person or a pipe (not in JSON mode)."""
        if not self.json_lines:
            print(printable(text, results()), file=results())

    def record(self, **fields: Any) -> None:
        """Print a result as one JSON line (in JSON mode only)."""
        if self.json_lines:
            print(json.dumps(fields, ensure_ascii=True, default=str), file=results(), flush=True)

    def table(self, columns: list[str], rows: list[list[str]]) -> None:
        """Print rows as a table with a head on a terminal, tab-separated in a pipe (not in JSON mode)."""
        if self.json_lines:
            return
        out = results()
        rows = [[printable(cell, out) for cell in row] for row in rows]
        if not (out and out.isatty()):  # a closed one is None
            for row in rows:
                print("\t".join(row), file=out)
            return
        widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
        for row in [columns, *rows]:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip(), file=out)

    def progress(self, total: int, done: int = 0) -> "ProgressDisplay":
        """Return a display of work in progress: a bar on a terminal, else a line every few seconds."""
        return ProgressDisplay(self, self._err, total, done)

    def panel(self, title: str, total: int, done: int = 0) -> "PanelDisplay":
        """Return a display of a long work with many figures: a panel on a terminal, else a line every few seconds."""
        return PanelDisplay(self, self._err, title, total, done)

    def download(self) -> "ProgressDisplay":
        """Return such a display of bytes that arrive; :meth:`ProgressDisplay.reach` tells how many there will be."""
        return ProgressDisplay(self, self._err, None, 0, in_bytes=True)


def nobody_reads_messages() -> None:
    """Go on without stderr, which cannot be written any more: what a command makes is worth more than what it says."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


class ProgressDisplay:
    """Progress of a known number of things, and how it goes, in parts of which a narrow terminal shows the first."""

    _frame = 0  # columns that are taken by what stands around it

    def __init__(
        self, console: Console, rich_console: "RichConsole", total: int | None, done: int, in_bytes: bool = False
    ) -> None:
        self._console = console
        self._total = total
        self._done = done
        self._in_bytes = in_bytes
        self._of = f"{total}"
        self._said = self._started = time.monotonic()
        self._parts: tuple[str, ...] = ()
        self._shown = console.verbosity >= 0
        self._bar: Progress | None = None
        if self._shown and rich_console.is_terminal:
            from rich import progress  # noqa: PLC0415 - only a terminal needs it

            width = rich_console.width - self._frame
            bar = progress.BarColumn(min(_WIDEST_BAR, width // 5))
            columns: list[progress.ProgressColumn] = [bar, progress.DownloadColumn(), progress.TransferSpeedColumn()]
            if not in_bytes:
                room = width - (bar.bar_width or 0) - 2 if width >= _NARROW else width
                columns = [bar, progress.RenderableColumn(_Line(self, room))]
            if width < _NARROW:  # what is done is the last to go
                columns = columns[1:2]
            self._bar = progress.Progress(*columns, console=rich_console, transient=True)
            self._task = self._bar.add_task("", total=total, completed=done)

    def __enter__(self) -> "ProgressDisplay":
        """Start to show."""
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop to show."""
        if self._bar:
            self._bar.stop()

    def advance(self, by: int = 1, *parts: str) -> None:
        """Count ``by`` more as done; the parts say how it goes, the most important first."""
        self._done += by
        self._parts = parts
        if self._bar:
            self._bar.update(self._task, advance=by)
        elif self._shown and time.monotonic() - self._said >= _LINE_SECONDS:
            self._said = time.monotonic()
            self._console.say(self.line())

    def reach(self, done: int, total: int | None, *parts: str, of: str = "") -> None:
        """Set how many are done and how many there are, as far as it is known; ``of`` is how that is written."""
        self._total, self._of = total, of or f"{total}"
        if self._bar:
            self._bar.update(self._task, total=total)
        self.advance(done - self._done, *parts)

    def line(self, width: int | None = None) -> str:
        """Return how it goes in one line: the count, and as many of the parts as there is room for."""
        line = self._count()
        for part in self._parts if self._bar is None or ELAPSED in self._parts else (*self._parts, ELAPSED):
            text = f"elapsed {clock(time.monotonic() - self._started)}" if part == ELAPSED else printable(part)
            if width is not None and len(line) + 2 + len(text) > width:
                break
            line += f"  {text}"
        return line

    def _count(self) -> str:
        if not self._in_bytes:
            return f"{self._done}/{self._of}"
        return f"{self._done / 1e6:.1f}" + (f" of {self._total / 1e6:.1f} MB" if self._total is not None else " MB")


class PanelDisplay(ProgressDisplay):
    """Progress of a long work, with rows of figures and facts below it where there is a terminal to show them on."""

    _frame = 4

    def __init__(self, console: Console, rich_console: "RichConsole", title: str, total: int, done: int) -> None:
        super().__init__(console, rich_console, total, done)
        self._title = title
        self._live: Live | None = None
        if self._bar:
            from rich import live  # noqa: PLC0415 - as rich.progress

            self._rows: Sequence[tuple[str, ...]] = ()
            self._facts: Mapping[str, str] = {}
            self._live = live.Live(
                console=rich_console, get_renderable=self._panel, transient=True, refresh_per_second=2
            )

    @property
    def is_plain(self) -> bool:
        """Whether only ASCII can be shown."""
        return printable("▁") != "▁"

    @property
    def is_live(self) -> bool:
        """Whether there is a terminal for it."""
        return self._live is not None

    def __enter__(self) -> "PanelDisplay":
        """Start to show."""
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop to show."""
        if self._live:
            with suppress(OSError):  # of a terminal that was closed
                self._live.stop()

    def show(self, rows: Sequence[tuple[str, ...]], facts: Mapping[str, str]) -> None:
        """Set what is shown besides the count: rows of cells, and facts by name."""
        if self._live:
            self._rows, self._facts = rows, facts

    def _panel(self) -> "Panel":
        from rich import box, console, panel, table, text  # noqa: PLC0415 - as rich.progress

        assert self._bar
        grid = table.Table.grid(padding=(0, 2))
        for row in self._rows:
            grid.add_row(*(text.Text(printable(cell)) for cell in row))
        facts = text.Text()
        for name, told in self._facts.items():
            facts.append(f"{printable(name)} ", "dim").append(f"{printable(told)}   ")
        frame = box.ASCII if self.is_plain else box.ROUNDED
        inside = console.Group(self._bar.get_renderable(), grid, facts)
        return panel.Panel(inside, title=text.Text(printable(self._title)), box=frame, title_align="left")


class _Line:
    """What a terminal shows beside the bar, made anew each time it is drawn."""

    def __init__(self, display: ProgressDisplay, width: int) -> None:
        self._display = display
        self._width = width

    def __rich__(self) -> "Text":
        """Return the line."""
        from rich.text import Text  # noqa: PLC0415 - as rich.console

        return Text(self._display.line(self._width), no_wrap=True, overflow="ellipsis")


def clock(seconds: float) -> str:
    """Return a time as ``0:41``, ``12:05`` or ``3:10:00``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def printable(text: str, stream: TextIO | None = None) -> str:
    """Escape what would garble a line: control characters, and what the stream (stderr) has no code for."""
    encoding = getattr(stream or sys.stderr, "encoding", None) or "utf-8"  # a closed stream is None
    text = text.encode(encoding, "backslashreplace").decode(encoding)
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
