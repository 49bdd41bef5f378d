"""Whether somebody still has a file open for writing, where the system tells."""

import os
import signal
import sys

if sys.platform == "linux":
    import fcntl


def can_tell() -> bool:
    """Whether this process can ask; see :func:`ready_to_ask`."""
    return sys.platform == "linux" and signal.getsignal(signal.SIGIO) == signal.SIG_IGN


def ready_to_ask() -> None:
    """Make it safe to ask: whoever opens a file just then would have a signal sent to us, which kills."""
    if sys.platform == "linux":
        signal.signal(signal.SIGIO, signal.SIG_IGN)


def is_written(path: str) -> bool:
    """Whether a file is open for writing; False where that cannot be known.

    A lease on reading is given only where nobody writes. It is given back at once.
    """
    if sys.platform != "linux" or not can_tell():
        return False
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:  # somebody else's file, or a file system without leases
        return False
    finally:
        os.close(descriptor)
    return False
