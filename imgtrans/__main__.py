"""The program: runs the command line and turns what goes wrong into one sentence and an exit code."""

import os
import sys

from imgtrans import signals, stdout

if __name__ == "__main__" or os.path.basename(sys.argv[0]).startswith("imgtrans"):  # noqa: PTH119 - pathlib takes time
    signals.end_at_once()  # what is imported now takes a tenth of a second

import atexit
import contextlib
import errno
import faulthandler
import threading
import traceback
import warnings
from typing import Any, NoReturn

import typer

from imgtrans.cli.app import app
from imgtrans.cli.command import mistake
from imgtrans.console import Console, nobody_reads_messages
from imgtrans.errors import FilesError, ImgtransError, UsageError

BUG, BROKEN_PIPE = 70, 141

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the disk, one's share of it, or the largest file that it takes

# What typer raises about a command line; the class has no public name of its own in every version.
_CommandLineError: Any = typer.BadParameter.__base__


def main() -> NoReturn:
    """Run ``imgtrans`` with the process's arguments; never returns."""
    signals.end_at_once()
    stdout.claim()
    if not faulthandler.is_enabled() and sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            faulthandler.enable()  # a plugin may crash the process: this says in whose code
    warnings.showwarning = _show_warning  # type: ignore[assignment]
    code = _exit_code()
    signals.ignore()
    stdout.give_back()
    sys.exit(code)


def _exit_code() -> int:
    try:
        code = app(prog_name="imgtrans", standalone_mode=False)
        print(end="", file=stdout.results(), flush=True)
    except ImgtransError as error:
        Console().error(error.message, error.hint)
        return error.exit_code
    except _CommandLineError as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()  # empty where the help is printed already
        else:
            said = mistake(error)
            Console().error(said.message, said.hint)
        return UsageError.exit_code
    except (typer.Abort, KeyboardInterrupt):
        Console().say("stopped")
        return signals.INTERRUPTED
    except SystemExit as error:
        if not isinstance(error.__context__, BrokenPipeError):  # typer's way to end then
            raise
        return _discard_output()
    except BrokenPipeError:
        return _discard_output()
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _FULL:
            _discard_output()
            Console().error(f"the disk is full ({error.filename or 'while printing'})")
            return FilesError.exit_code
        try:
            traceback.print_exc()
        except OSError:
            nobody_reads_messages()
        Console().error(f"this is a bug in imgtrans: {error!r}", "please report it with the lines above")
        return BUG
    return code if isinstance(code, int) else 0


def _discard_output() -> int:
    """Nobody takes our output any more; Python must not flush into it again."""
    stdout.discard()
    return BROKEN_PIPE


def _show_warning(message: Warning | str, *_: object) -> None:
    """Show a warning as one line, without Python's file and line number."""
    Console().warn(" ".join(str(message).split()))


def program() -> NoReturn:
    """Be the program: :func:`main`, and then the end of the process.

    Python takes apart what was imported, piece by piece, before it ends. For PyTorch that takes most of a second, in
    which nothing is done any more: so threads end, what is to be done at the end is done, and that is all.
    """
    try:
        main()
    except SystemExit as ended:
        if "torch" not in sys.modules or not isinstance(ended.code, int):
            raise
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(ended.code)


if __name__ == "__main__":
    program()
