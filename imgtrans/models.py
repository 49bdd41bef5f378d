"""The zoo, for other programs: what ``imgtrans models`` does."""

import builtins
import contextlib
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from imgtrans.api.spoken import spoken
from imgtrans.card import Card
from imgtrans.errors import ModelError
from imgtrans.zoo import store

__all__ = ["export", "find", "folder", "import_checkpoint", "list", "pull", "remove", "rename"]


def list() -> builtins.list[Card]:
    """Return the cards of all models that can be read: the bundled first, then yours, each sorted by name."""
    return [model.card for model in store.models()]


def find(name: str) -> Card:
    """Return the card of a model.

    Raises:
        ModelError: If there is none of that name.
    """
    with spoken():
        return store.find(name).card


def folder(name: str = "") -> Path:
    """Return the folder of a model, or without a name that of your models.

    Raises:
        ModelError: If there is none of that name.
    """
    with spoken():
        return store.folder_of(name) if name else store.models_folder()


def import_checkpoint(
    path: str | os.PathLike[str],
    name: str = "",
    *,
    network: str = "",
    assume: Mapping[str, str] | None = None,
    source: str = "",
    target: str = "",
    licence: str = "",
    working_size: int = 0,
) -> Card:
    """Recognise a checkpoint, try it on a picture, and put it into the zoo. No code that it may hold is run.

    What speaks against something that was assumed is a warning.

    Args:
        path: A safetensors file, or one of PyTorch's.
        name: What to call it; "" is as the file.
        network: Which of its networks, where it has several.
        assume: What to assume, instead of the usual, of what the file cannot tell, as ``{"norm": "batch"}``.
        source: What it turns, as "summer".
        target: Into what, as "winter".
        licence: Of the weights.
        working_size: Longest side at which it does best, in pixels; 0 is any.

    Returns:
        Its card.

    Raises:
        FilesError: If the name is taken.
        ModelError: If it cannot be read or recognised, or makes no pictures.
        UsageError: If an assumption cannot be made.
    """
    from imgtrans.zoo.importing import import_checkpoint as bring  # noqa: PLC0415 - and with it PyTorch

    with spoken():
        imported = bring(
            Path(path),
            name or store.name_of(Path(path)),
            network=network,
            assume=assume,
            source=source,
            target=target,
            licence=licence,
            working_size=working_size,
        )
    if imported.zeros:
        warnings.warn(
            f"{os.fspath(path)}: {len(imported.zeros)} of its kernels are nothing but zeros: it was never trained, or "
            "the file was damaged",
            stacklevel=2,
        )
    elif imported.doubts:
        warnings.warn(
            f"{os.fspath(path)}: what it makes of a photograph does not look right ({'; '.join(imported.doubts)}): "
            "something assumed may not be so",
            stacklevel=2,
        )
    return imported.model.card


def pull(
    reference: str,
    name: str = "",
    *,
    sha256: str = "",
    accept_changed: bool = False,
    catalogues: Sequence[str] = (),
    progress: Callable[[int, int | None], None] = lambda done, total: None,
) -> Card:
    """Download a checkpoint and put it into the zoo; one that was cut off goes on where it was.

    Args:
        reference: A name of the catalogue, an address, or ``hf://owner/repo[/file]``.
        name: What to call it; "" is the catalogue's name, or as the file.
        sha256: What the file's SHA-256 must be; "" is any.
        accept_changed: Whether a file may be another than what was pulled from there before.
        catalogues: Your own catalogues, paths or addresses.
        progress: Is told the bytes that have come, and of how many, as far as that is known.

    Returns:
        Its card.

    Raises:
        FilesError: If the name is taken.
        ModelError: If there is none, or it is not what it should be.
        UnavailableError: If there is no network, or the host does not answer.
    """
    from imgtrans.zoo.pull import pull as bring  # noqa: PLC0415 - and with it PyTorch

    def warn(text: str) -> None:
        warnings.warn(text, stacklevel=2)

    with spoken():
        pulled = bring(
            reference,
            name,
            sha256=sha256,
            accept_changed=accept_changed,
            catalogues=catalogues,
            progress=progress,
            say=lambda text: None,
            warn=warn,
        )
    return pulled.model.card


def export(
    name: str,
    path: str | os.PathLike[str],
    to: str = "safetensors",
    *,
    layout: str = "",
    overwrite: bool = False,
) -> Path:
    """Write a model for other programs, and compare what the file computes with the model.

    Args:
        name: The model's name, or the path of a checkpoint.
        path: The file to write.
        to: ``safetensors``, ``pth``, ``onnx`` or ``torch.export``.
        layout: Whose keys safetensors and pth have; "" is the first that fits.
        overwrite: Whether a file that is there is replaced.

    Returns:
        The file.

    Raises:
        FilesError: If it is there already, or cannot be written.
        ModelError: If there is no such model, or the file would compute something else.
        UnavailableError: If what writes it is not installed.
        UsageError: If it cannot be written so.
    """
    from imgtrans.zoo.export import export as write  # noqa: PLC0415 - and with it PyTorch
    from imgtrans.zoo.loading import find_model  # noqa: PLC0415 - the same

    with spoken():
        write(find_model(name), Path(path), to, layout=layout, overwrite=overwrite)
    return Path(path)


def rename(old: str, new: str) -> Card:
    """Give one of your models another name; return its card.

    Raises:
        FilesError: If the name is taken.
        ModelError: If there is none, or it is bundled.
        UsageError: If ``new`` is no name.
    """
    with spoken():
        return store.rename(old, new).card


def remove(name: str) -> None:
    """Remove one of your models.

    Raises:
        FilesError: If it cannot be removed.
        ModelError: If there is none, or it is bundled.
    """
    from imgtrans.zoo.preview import forget_preview  # noqa: PLC0415 - only who removes a model needs it

    with spoken():
        store.removable(name)
        with contextlib.suppress(ModelError, OSError):  # a broken model has none, and a picture left over does no harm
            forget_preview(store.find(name))
        store.remove(name)
