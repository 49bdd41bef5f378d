"""A before and after of a model: the meadow that comes with imgtrans, and what the model makes of it."""

import hashlib
from dataclasses import replace
from pathlib import Path

from imgtrans.errors import FilesError
from imgtrans.files import written_atomically
from imgtrans.places import home
from imgtrans.protocols import Pixels
from imgtrans.zoo.store import Model

_HEIGHT = 216  # of the meadow in pixels
_GAP = 8


def preview_path(model: Model) -> Path:
    """Return where a model's preview is, or would be; another card or other weights have another."""
    digest = hashlib.sha256(replace(model.card, name="").to_toml().encode()).hexdigest()
    return home() / "previews" / f"{model.name}-{digest[:12]}.png"


def preview(model: Model) -> Path:
    """Return the preview of a model, made now if there is none yet: before on the left, after on the right.

    Raises:
        ModelError: If the model cannot be loaded, or is for pictures that are neither RGB nor gray.
        FilesError: If it cannot be written.
    """
    path = preview_path(model)
    if path.exists():
        return path
    import numpy as np  # noqa: PLC0415 - who removes a model has no need of it, nor of the next
    from PIL import Image  # noqa: PLC0415

    from imgtrans.zoo.photographs import meadow  # noqa: PLC0415

    before = meadow(_HEIGHT)
    after = _translated(model, before)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_atomically(path) as temporary:
            gap = np.full((before.shape[0], _GAP, 3), 255, np.uint8)
            Image.fromarray(np.hstack([before, gap, after])).save(temporary, "PNG")
    except OSError as error:
        raise FilesError(f"the preview cannot be written to {path}: {error.strerror}") from error
    return path


def forget_preview(model: Model) -> None:
    """Delete the preview of a model that is going, if there is one."""
    preview_path(model).unlink(missing_ok=True)


def _translated(model: Model, pixels: Pixels) -> Pixels:
    import torch

    from imgtrans.zoo.session import open_session, prepared  # noqa: PLC0415 - as torch

    session = open_session(model, torch.device("cpu"), torch.float32).session
    return session.run(prepared(model, pixels))[0, : pixels.shape[0], : pixels.shape[1]]
