"""Standard output, kept for results, whatever libraries and plugins print."""

import contextlib
import os
import sys
from dataclasses import dataclass
from typing import TextIO


@dataclass(frozen=True)
class _Kept:
    """Standard output as it was.

    Attributes:
        stream: Writes there.
        before: What was called so.
        number: Its file.
    """

    stream: TextIO
    before: TextIO
    number: int


_claimed = [False]
_kept: list[_Kept] = []  # one, or none


def claim() -> None:
    """Have :func:`keep` do something: this is a program of its own, and its standard output is for results."""
    _claimed[0] = True


def results() -> TextIO:
    """Return where results are written; None where standard output is closed."""
    return _kept[0].stream if _kept else sys.stdout


def descriptor() -> int:
    """Return the descriptor of where results are written just now."""
    return _kept[0].stream.fileno() if _kept else 1


def keep() -> None:
    """Have all but results that is printed to standard output go to stderr from now on, where it was claimed."""
    if not _claimed[0] or _kept or sys.stdout is None or sys.stderr is None:
        return
    with contextlib.suppress(OSError, ValueError):  # what stands for it in a program may be no file
        before = sys.stdout
        before.flush()
        number = before.fileno()
        # Line by line: a signal may end the program at once.
        stream = os.fdopen(os.dup(number), "w", buffering=1, encoding=before.encoding, errors=before.errors)
        _kept.append(_Kept(stream, before, number))
        if number == 1:
            os.dup2(2, number)
        sys.stdout = sys.stderr


def give_back() -> None:
    """End :func:`claim` and :func:`keep`."""
    _claimed[0] = False
    if not _kept:
        return
    kept = _kept.pop()
    with contextlib.suppress(OSError):
        kept.stream.flush()
    if kept.number == 1:
        os.dup2(kept.stream.fileno(), kept.number)
    sys.stdout = kept.before
    with contextlib.suppress(OSError):
        kept.stream.close()


def discard() -> None:
    """Let what is written from now on vanish: nobody takes it any more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in {1, *(kept.stream.fileno() for kept in _kept)}:
        os.dup2(nowhere, number)
