"""One picture from standard input, or to standard output: ``imgtrans run - -o -``."""

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from imgtrans.errors import FilesError, UsageError
from imgtrans.stdout import results

DASH = Path("-")
SHOWN = "standard input"


@dataclass(frozen=True)
class Ends:
    """Where a run's pictures come from and go to, as files.

    Attributes:
        inputs: Files and folders.
        output: Output folder or file; None puts it beside the input.
        to_stdout: Whether the output is then to be written to standard output.
    """

    inputs: Sequence[Path]
    output: Path | None
    to_stdout: bool = False

    def shown(self, text: str) -> str:
        """Return a sentence with standard input and standard output called by their names."""
        if self.inputs and self.inputs[0].name == SHOWN:
            text = text.replace(str(self.inputs[0]), SHOWN)
        return text.replace(str(self.output), "standard output") if self.to_stdout else text

    def finish(self, result: Path) -> None:
        """Write a run's one output to standard output, if it is to go there."""
        with result.open("rb") as file:
            shutil.copyfileobj(file, results().buffer)
        results().buffer.flush()


@contextmanager
def piped(inputs: Sequence[Path], output: Path | None, *, json: bool, files_only: str) -> Iterator[Ends]:
    """Give the files that stand for standard input and standard output, where these are meant by ``-``.

    Args:
        inputs: Of the command line.
        output: Of the command line.
        json: Whether standard output is for JSON Lines.
        files_only: An option that was given and is for files only; "" if there is none.

    Raises:
        UsageError: If they cannot be used so.
        FilesError: If standard input cannot be kept.
    """
    if DASH not in (*inputs, output):
        yield Ends(inputs, output)
        return
    if len(inputs) != 1 or (inputs[0] != DASH and inputs[0].is_dir()):
        raise UsageError("- is one picture", "give it alone, as in imgtrans run - -o -")
    if output is None:
        raise UsageError(
            "a picture from standard input needs an output", "name a file with -o; -o - is standard output"
        )
    if files_only:
        raise UsageError(f"{files_only} is for files", "leave it out, or name files")
    if output == DASH and json:
        raise UsageError("--json and the picture cannot both be written to standard output", "name a file with -o")
    if output == DASH and results().isatty():
        raise UsageError(
            "a picture is not written to a terminal", "put | or > behind the command, or name a file with -o"
        )
    with tempfile.TemporaryDirectory(prefix="imgtrans-") as folder:
        if inputs[0] == DASH:
            inputs = [_kept(Path(folder, SHOWN))]
        yield Ends(inputs, Path(folder, "output") if output == DASH else output, output == DASH)


def _kept(path: Path) -> Path:
    """Write standard input to a file: what is a picture, and which, is told by looking twice."""
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError(
            "there is no picture on standard input", "put < or | before it, as in imgtrans run - -o - < a.jpg"
        )
    try:
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
    except OSError as error:
        raise FilesError(f"standard input cannot be kept in {path.parent}: {error.strerror}") from error
    return path
