"""Where the journal of an output folder is: in the folder, or, of single pictures, out of the user's way."""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from imgtrans.places import state_folder

P = TypeVar("P", bound=Path)
FOLDER = ".imgtrans"
SUFFIX = ".sqlite"


def inside(output: P) -> P:
    """Return the folder of the journal of an output folder."""
    return output / FOLDER


def beside(folder: Path) -> Path:
    """Return the folder of the journal of single pictures whose outputs are in a folder of the user's."""
    real = os.path.realpath(folder)
    digest = hashlib.sha256(os.fsencode(real)).hexdigest()[:16]
    return state_folder() / "beside" / digest


def journals(output: Path) -> Iterator[Path]:
    """Yield the journals that tell of outputs in a folder."""
    for where in (inside(output), beside(output)):
        with contextlib.suppress(OSError):  # nothing there, or nothing that may be read
            yield from [where / name for name in sorted(os.listdir(where)) if name.endswith(SUFFIX)]
