"""The machine: processors, memory, what a container allows, disks, and how folders are watched."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import platformdirs
import psutil

from imgtrans.doctor.finding import GOOD, NOTE, WRONG, Finding
from imgtrans.memory import available_memory, in_words
from imgtrans.places import home, state_folder

_LITTLE_MEMORY = 1_500_000_000  # PyTorch and a picture of some megapixels take about that
_LITTLE_DISK = 500_000_000
_FEW_WATCHES = 65_536
_INOTIFY = Path("/proc/sys/fs/inotify")
_CGROUP = Path("/sys/fs/cgroup")


def check_memory() -> Iterator[Finding]:
    """Look at processors and memory, within a container's limits."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Finding(GOOD, f"{usable} of {os.cpu_count()} processors may be used")
    free, total = available_memory(), psutil.virtual_memory().total
    said = f"{in_words(free)} of memory free, of {in_words(total)}"
    if limit := _container_limit():
        said += f"; the container allows {in_words(limit)}"
    if free < _LITTLE_MEMORY:
        yield Finding(
            NOTE, said, "large pictures are streamed in strips; close other programs, or allow the container more"
        )
    else:
        yield Finding(GOOD, said)


def check_disks() -> Iterator[Finding]:
    """Look at the folders that imgtrans writes into, whatever is translated."""
    folders = {
        "models": home(),
        "state": state_folder(),
        "cache": platformdirs.user_cache_path("imgtrans", appauthor=False),
        "temporary files": Path(tempfile.gettempdir()),
    }
    for what, folder in folders.items():
        there = next(path for path in (folder, *folder.parents) if path.exists())
        free = shutil.disk_usage(there).free
        if not os.access(there, os.W_OK):
            yield Finding(NOTE, f"{folder} ({what}) cannot be written", "set IMGTRANS_HOME to a folder that can")
        elif free < _LITTLE_DISK:
            yield Finding(NOTE, f"{folder} ({what}) has {in_words(free)} left", "make room")
        else:
            yield Finding(GOOD, f"{folder} ({what}), {in_words(free)} free")


def check_watching() -> Iterator[Finding]:
    """Look at how many folders the system lets a process watch."""
    if sys.platform != "linux":
        yield Finding(GOOD, "folders are watched by the system's events")
        return
    watches, instances = (_number(_INOTIFY / name) for name in ("max_user_watches", "max_user_instances"))
    if not watches or not instances:
        yield Finding(
            WRONG, "this system tells nobody of changes in folders", "watch works by looking, every few seconds"
        )
    elif watches < _FEW_WATCHES:
        hint = "for larger inboxes: sysctl fs.inotify.max_user_watches=524288"
        yield Finding(NOTE, f"{watches:,} folders can be watched at once, by {instances} programs", hint)
    else:
        yield Finding(GOOD, f"{watches:,} folders can be watched at once, by {instances} programs")


def check_terminal() -> Iterator[Finding]:
    """Look at where output goes."""
    streams = {"stdin": sys.stdin, "stdout": sys.stdout, "stderr": sys.stderr}
    shown = [name for name, stream in streams.items() if stream and stream.isatty()]
    size = shutil.get_terminal_size()
    encoding = getattr(sys.stdout, "encoding", None) or "none"
    where = f"a terminal of {size.columns}x{size.lines} ({', '.join(shown)})" if shown else "no terminal"
    said = f"{where}, TERM={os.environ.get('TERM', '')}, encoding {encoding}, locale {_locale()}"
    if encoding.lower().replace("-", "") not in ("utf8", "cp65001"):
        yield Finding(NOTE, said, "names that this encoding has no letters for are escaped; PYTHONUTF8=1 helps")
    else:
        yield Finding(GOOD, said)


def _locale() -> str:
    return next((value for name in ("LC_ALL", "LC_CTYPE", "LANG") if (value := os.environ.get(name))), "C")


def _container_limit() -> int:
    """Return the bytes that a container allows; 0 if there is no such limit."""
    return _number(_CGROUP / "memory.max")


def _number(path: Path) -> int:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0
