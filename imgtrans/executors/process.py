"""Starts a process by a command of its own, in which the program that asks for it is not run once more."""

import atexit
import multiprocessing
import os
import signal
import subprocess
import sys
from multiprocessing import spawn
from multiprocessing.connection import Connection
from typing import Any, TypeAlias

from imgtrans import signals

Process: TypeAlias = "subprocess.Popen[bytes]"

_PROGRAM = "import sys; sys.path[:] = {path!r}; from {module} import {function}; {function}({handle})"


def start(module: str, function: str) -> tuple[Process, Connection]:
    """Start a process that calls a function with the handle of its end of a pipe; see :func:`opened`.

    Python's own way to spawn imports the program's main module first. That would run a user's script, which uses
    imgtrans as a library, in every process once more, and has nothing to import where Python reads from standard input.

    Returns:
        The process, and this one's end of the pipe.

    Raises:
        OSError: If the system lets none start.
    """
    ours, theirs = multiprocessing.Pipe()
    try:
        handle = theirs.fileno()
        program = _PROGRAM.format(path=sys.path, module=module, function=function, handle=handle)
        flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
        # -P: the folder that one happens to be in is no place to look for modules.
        command = [os.fsdecode(spawn.get_executable()), *flags, "-P", "-c", program]
        with signals.held(signal.SIGINT, spawned=False):
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **_with_handle(handle))
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    signals.accompanied_by(process)
    return process, ours


def end(process: Process) -> None:
    """End a process, whatever it is doing."""
    process.kill()
    process.wait()
    signals.parted_from(process)


def opened(handle: int) -> Connection:
    """Return a process's own end of the pipe, in a process that was started by :func:`start`."""
    if sys.platform == "win32":
        from multiprocessing.connection import PipeConnection  # noqa: PLC0415 - there is none elsewhere

        return PipeConnection(handle)  # type: ignore[return-value]
    return Connection(handle)


def _with_handle(handle: int) -> dict[str, Any]:
    """Return the options with which a process inherits a handle, and nothing else."""
    if sys.platform == "win32":
        os.set_handle_inheritable(handle, True)
        return {"startupinfo": subprocess.STARTUPINFO(lpAttributeList={"handle_list": [handle]})}
    return {"pass_fds": [handle]}


atexit.register(signals.end_companions)  # one that is stuck with a picture would not notice that nobody is there
