"""Models on disk: the bundled and the user's, found by name, installed, renamed and removed atomically."""

import difflib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from imgtrans.card import Card, read_card
from imgtrans.errors import FilesError, ModelError, UsageError
from imgtrans.files import fsync_file, fsync_folder, is_temporary, sha256_of
from imgtrans.places import home
from imgtrans.zoo.staging import delete, locked, sweep, temporary

CARD_FILE = "card.toml"
WEIGHTS_FILE = "model.safetensors"
READ_SUFFIXES = frozenset({".safetensors", ".pth", ".pt", ".ckpt", ".bin", ".pkl", ".pickle", ".tar", ".th"})
CHECKPOINT_SUFFIXES = READ_SUFFIXES | {".onnx"}  # which is no name either, and is told apart when it is opened

_MOST_SHOWN = 10
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
_BUNDLED = Path(__file__).parent.parent / "bundled"


@dataclass(frozen=True)
class Model:
    """A model: its card and where its weights are.

    Attributes:
        card: Its card.
        weights: The file of its weights.
        bundled: Whether it comes with imgtrans.
        keys: Where the file spells the network's keys in a way of its own: the network's to the file's.
        network: The network's name in the file, where that has several; else None.
    """

    card: Card
    weights: Path
    bundled: bool = False
    keys: Mapping[str, str] | None = None
    network: str | None = None

    @property
    def name(self) -> str:
        """The model's name."""
        return self.card.name


def models_folder() -> Path:
    """Return the folder of the user's models."""
    return home() / "models"


def models() -> list[Model]:
    """Return all models that can be read: the bundled first, then the user's, each sorted by name."""
    found = [model for folder in _folders() for model in _readable(folder)]
    bundled = {model.name for model in found if model.bundled}
    return [model for model in found if model.bundled or model.name not in bundled]


def names() -> list[str]:
    """Return the names of all models, those that are broken too: the bundled first, then the user's, each sorted."""
    found = (
        path.name
        for folder in _folders()
        if folder.is_dir()
        for path in sorted(folder.iterdir())
        if _NAME.fullmatch(path.name) and _is_model(path)
    )
    return list(dict.fromkeys(found))


def is_path(reference: str) -> bool:
    """Whether a model reference is a path (it has a separator or a checkpoint's suffix) and not a name."""
    separators = {os.sep, os.altsep, "/"} - {None}
    return any(s in reference for s in separators if s) or Path(reference).suffix.lower() in CHECKPOINT_SUFFIXES


def name_of(path: PurePath) -> str:
    """Return what a model is called after its file: ``net`` for ``net.pth.tar``."""
    while path.suffix.lower() in CHECKPOINT_SUFFIXES and path.stem:
        path = path.with_suffix("")
    return path.name


def find(name: str) -> Model:
    """Return the model called ``name``.

    Raises:
        ModelError: If there is none; the hint says which there are.
    """
    for folder in _folders():
        path = folder / name / CARD_FILE
        if _NAME.fullmatch(name) and path.exists():
            try:
                return _read(folder / name)
            except ModelError:
                if path.exists():  # else it was removed at this very moment
                    raise
    known = [model.name for model in models()]
    nearest = difflib.get_close_matches(name, known, n=1)
    question = f"did you mean {nearest[0]}? " if nearest else ""
    shown = ", ".join(known[:_MOST_SHOWN]) or "none"
    more = f" and {len(known) - _MOST_SHOWN} more (imgtrans models list)" if len(known) > _MOST_SHOWN else ""
    raise ModelError(f"there is no model called {name!r}", f"{question}models here: {shown}{more}")


def folder_of(name: str) -> Path:
    """Return the folder of a model, which may be broken.

    Raises:
        ModelError: If there is none.
    """
    for folder in _folders():
        if _NAME.fullmatch(name) and _is_model(folder / name):
            return folder / name
    return find(name).weights.parent  # which says what there is


def check_free(name: str) -> None:
    """Make sure that a model can be called ``name``.

    Raises:
        UsageError: If it is not a name.
        FilesError: If a model has it already.
    """
    if not _NAME.fullmatch(name) or is_path(name):
        raise UsageError(
            f"{name!r} cannot be a model's name",
            "use letters, digits and . _ + -, beginning with a letter or digit, without a checkpoint's suffix",
        )
    for folder in _folders():
        if (folder / name).exists():
            if folder == _BUNDLED:
                raise FilesError(f"a model called {name!r} comes with imgtrans", "choose another name")
            raise FilesError(
                f"a model called {name!r} is in the zoo already",
                f"choose another name, or remove it with imgtrans models rm {name}",
            )


def install(card: Card, write_weights: Callable[[Path], None]) -> Model:
    """Put a model into the zoo, whole or not at all.

    Args:
        card: Its card; the hash of the weights is filled in.
        write_weights: Writes the weights to the safetensors file whose path it gets.

    Raises:
        FilesError: If the name is taken, or the zoo cannot be written.
    """
    check_free(card.name)
    folder = models_folder()
    staging = temporary(folder)
    try:
        staging.mkdir(parents=True)
        write_weights(staging / WEIGHTS_FILE)
        card = replace(card, sha256=sha256_of(staging / WEIGHTS_FILE))
        (staging / CARD_FILE).write_text(card.to_toml(), encoding="utf-8")
        for file in (WEIGHTS_FILE, CARD_FILE):
            fsync_file(staging / file)
        fsync_folder(staging)
        model = Model(replace(read_card(staging / CARD_FILE), name=card.name), folder / card.name / WEIGHTS_FILE)
        with _changing():
            sweep(folder, time.time())
            check_free(card.name)  # somebody else may have been quicker
            for file in (WEIGHTS_FILE, CARD_FILE):
                (staging / file).stat()  # after a long sleep of this machine, others have swept it
            staging.rename(folder / card.name)
            fsync_folder(folder)
    except OSError as error:
        raise FilesError(f"the model cannot be written to {folder}: {error.strerror}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return model


def removable(name: str) -> Path:
    """Return the folder of a model that can be removed or renamed; its card may be broken or missing.

    Raises:
        ModelError: If there is none, or it is bundled.
    """
    if _NAME.fullmatch(name) and (_BUNDLED / name / CARD_FILE).exists():
        raise ModelError(f"{name!r} comes with imgtrans and cannot be removed or renamed")
    folder = models_folder() / name
    if not _NAME.fullmatch(name) or not (folder.is_dir() or folder.is_symlink()):
        return find(name).weights.parent  # which says what there is
    return folder


def remove(name: str) -> None:
    """Remove one of the user's models.

    Raises:
        ModelError: If there is none, or it is bundled.
        FilesError: If it cannot be removed.
    """
    folder = removable(name).parent
    doomed = temporary(folder)
    try:
        with _changing():
            removable(name).rename(doomed)  # at once and whole; the rest is tidying
            fsync_folder(folder)
            delete(doomed)
    except OSError as error:
        raise FilesError(f"the model {name!r} cannot be removed: {error.strerror}") from error


def rename(old: str, new: str) -> Model:
    """Give one of the user's models another name.

    Raises:
        UsageError: If ``new`` is not a name.
        ModelError: If there is no model ``old``, it is bundled, or its card cannot be read.
        FilesError: If ``new`` is taken, or the zoo cannot be written.
    """
    removable(old)
    folder = models_folder()
    try:
        with _changing():
            model = find(old)
            check_free(new)
            removable(old).rename(folder / new)
            fsync_folder(folder)
    except OSError as error:
        raise FilesError(f"the model {old!r} cannot be renamed: {error.strerror}") from error
    return replace(model, card=replace(model.card, name=new), weights=folder / new / WEIGHTS_FILE)


@contextmanager
def _changing() -> Iterator[None]:
    """Keep other processes from changing the zoo meanwhile; its lock is beside the models' folder, where models are."""
    with locked(home() / "models.lock"):
        yield


def _folders() -> tuple[Path, Path]:
    return _BUNDLED, models_folder()


def _is_model(folder: Path) -> bool:
    return (folder / CARD_FILE).exists() or (folder / WEIGHTS_FILE).exists()


def _readable(folder: Path) -> Iterator[Model]:
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if (path / CARD_FILE).exists() and not is_temporary(path.name):
            try:
                yield _read(path)
            except ModelError:
                continue  # ``find`` says what is wrong with it; a list is not spoiled by it


def _read(folder: Path) -> Model:
    card = replace(read_card(folder / CARD_FILE), name=folder.name)  # it is found by the folder's name
    return Model(card, folder / WEIGHTS_FILE, bundled=folder.parent == _BUNDLED)
