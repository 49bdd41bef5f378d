"""A network in int8, fitted to pictures such as it is for."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from imgtrans.errors import FilesError, UnavailableError
from imgtrans.sessions import Values
from imgtrans_openvino.options import FEWEST, MOST

SIDE = 256


def pictures(folder: Path, multiple: int) -> list[Values]:
    """Return the middle of each picture of a folder, as the network sees it.

    Args:
        folder: It, with all folders below; files that are no pictures are left out.
        multiple: A side that the network takes.

    Returns:
        At most ``MOST``, in the order of their names: (1, 3, side, side) in [-1, 1].

    Raises:
        FilesError: If there are fewer than ``FEWEST``.
    """
    side = -(-SIDE // multiple) * multiple
    found: list[Values] = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with contextlib.suppress(OSError, SyntaxError, ValueError), Image.open(path) as picture:
            found.append(_values(picture.convert("RGB"), side))
        if len(found) == MOST:
            break
    if len(found) < FEWEST:
        raise FilesError(
            f"{folder} holds {len(found)} pictures, and {FEWEST} are needed to calibrate with",
            "name a folder of pictures such as the model is for with -O openvino.calibration=FOLDER",
        )
    return found


def quantised(model: Any, seen: list[Values]) -> Any:
    """Return an OpenVINO model with its convolutions in int8.

    Raises:
        UnavailableError: If NNCF is not installed, or cannot.
    """
    with _quiet():
        try:
            import nncf  # noqa: PLC0415 - large, and for this alone
        except ImportError as error:
            raise UnavailableError("int8 needs NNCF", 'pip install "imgtrans-openvino[int8]"') from error
        try:
            return nncf.quantize(model, nncf.Dataset(seen), subset_size=len(seen), preset=nncf.QuantizationPreset.MIXED)
        except Exception as error:  # it has exceptions of its own for everything
            raise UnavailableError(f"the network cannot be brought to int8: {error}") from error


def _values(picture: Image.Image, side: int) -> Values:
    """Return the middle square of a picture, at most twice as large as what is left of it."""
    shorter = min(picture.size)
    if shorter > 2 * side or shorter < side:
        scale = (2 * side if shorter > 2 * side else side) / shorter
        picture = picture.resize((max(side, round(picture.width * scale)), max(side, round(picture.height * scale))))
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    cut = np.asarray(picture.crop((left, top, left + side, top + side)), np.float32)
    return np.ascontiguousarray((cut / 127.5 - 1).transpose(2, 0, 1)[None], np.float32)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep NNCF from drawing its progress over ours."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            with contextlib.redirect_stderr(io.StringIO()):
                yield
    finally:
        logging.disable(disabled)
