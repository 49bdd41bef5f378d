"""Where what Triton compiles is kept, and whether a device's kernels are there already."""

import contextlib
import hashlib
import os
import tempfile
import threading
from functools import cache
from pathlib import Path

import platformdirs
import torch

# Seven kernels, compiled for a card on one core of a server: about half a second each (docs/decisions/0019).
COMPILE_SECONDS = 5.0


@cache
def kept_compiled() -> Path:
    """Have Triton keep what it compiles in imgtrans's cache folder, or where the user says; return the folder.

    If it cannot be written, it is a folder that lasts as long as this process.

    Raises:
        ImportError: If there is no Triton, or one that is too old.
    """
    from triton import knobs  # noqa: PLC0415 - nothing else needs it

    chosen = os.environ.get("TRITON_CACHE_DIR")
    if chosen:
        return Path(chosen)
    folder = platformdirs.user_cache_path("imgtrans", appauthor=False) / "triton"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        folder = Path(_passing().name)
    # Not through the environment, which is other programs' too.
    try:
        propagates, knobs.propagate_env = knobs.propagate_env, False
        try:
            knobs.cache.dir = str(folder)
        finally:
            knobs.propagate_env = propagates
    except AttributeError as error:
        raise ImportError(f"this version of Triton cannot be told where to keep things: {error}") from error
    return folder


def wake_compiler() -> None:
    """Have Triton find out by what its caches are known, in a thread: it reads 400 MB of itself for that."""

    def known() -> None:
        with contextlib.suppress(ImportError, OSError):  # whoever compiles will say what is wrong
            from triton.runtime.cache import triton_key  # noqa: PLC0415

            triton_key()

    threading.Thread(target=known, name="waking").start()


def is_compiled(device: torch.device) -> bool:
    """Whether a network was opened on such a device before, by the same versions of everything."""
    try:
        return mark(device).exists()
    except (ImportError, OSError):
        return False


def note_compiled(device: torch.device) -> None:
    """Note that a device's kernels are there."""
    with contextlib.suppress(OSError):
        mark(device).touch()


@cache
def _passing() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="imgtrans-")  # deleted when the process ends


def mark(device: torch.device, *about: object) -> Path:
    """Return the file that stands for a device's kernels, or for what else is true of them in these versions.

    Args:
        device: The device.
        about: What it is true of.

    Raises:
        ImportError: If there is no Triton.
    """
    import triton  # noqa: PLC0415

    where = torch.cuda.get_device_capability(device) if device.type == "cuda" else device.type
    told = hashlib.sha256(f"{where} {triton.__version__} {torch.__version__} {about}".encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        told.update(source.read_bytes())
    return kept_compiled() / f"imgtrans-{told.hexdigest()[:32]}"
