"""Where outputs go: beside the input under the model's name, or where the user says."""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from imgtrans.errors import FilesError, UsageError
from imgtrans.finding.file import Found
from imgtrans.finding.inputs import Named
from imgtrans.images.formats import has_image_name
from imgtrans.images.written import GRAY, NEVER_WRITTEN, WITHOUT_COLOURS, format_of_name, output_name
from imgtrans.protocols import Item
from imgtrans.storage.address import READ_ONLY, Address


@dataclass(frozen=True)
class Destination:
    """The output folder of a run, and how an input's place in it follows.

    Attributes:
        folder: The output folder.
        suffix: Added to the stem of every output.
        name: File name of the one output, where the user gave it; else "".
        keep_roots: Whether each input folder becomes a folder of its own in the output folder.
        format: Pillow's name of the format that outputs are written in; "" is each picture's own.
        singles: Whether the folder is one of the user's, where only single pictures are put.
        keep_gray: Whether gray pictures stay gray, which some names tell.
    """

    folder: Path
    suffix: str = ""
    name: str = ""
    keep_roots: bool = False
    format: str = ""
    singles: bool = False
    keep_gray: bool = False

    def place(self, root: Path, relative: Path) -> Path:
        """Return where the translation of ``root / relative`` goes, relative to the output folder."""
        if self.name:
            return Path(self.name)
        if self.suffix:
            relative = relative.with_name(f"{relative.stem}{self.suffix}{relative.suffix}")
        if self.keep_roots and root.is_dir():
            return Path(_real(root).name) / relative
        return relative


def choose_destination(
    inputs: Sequence[Path],
    output: Path | None,
    model: str,
    suffix: str = "",
    format: str = "",
    keep_gray: bool = False,
) -> Destination:
    """Decide where the outputs of a run go; nothing is created.

    Args:
        inputs: Files and folders.
        output: Where the user wants them; None is beside the input.
        model: The model's name, which tells outputs beside their input from it.
        suffix: What the user wants added to the stem of every output.
        format: Pillow's name of the format that the user wants; "" is each picture's own, or what the name of the one
            output says.
        keep_gray: Whether gray pictures stay gray.

    Raises:
        UsageError: If the user has to say it (``-o``).
        FilesError: If outputs would fall on inputs, or into an input folder.
    """
    if suffix and (Path(f"a{suffix}").name != f"a{suffix}" or "\0" in suffix):
        raise UsageError(f"--suffix is {suffix!r}", "it is a piece of a file's name, as in --suffix -winter")
    named = Named(inputs)
    if output is None:
        destination = _beside(inputs, model, suffix, format)
    elif len(inputs) == 1 and not named.folders and not output.is_dir() and output.suffix:
        destination = _called(inputs[0], output, suffix, format)
    else:
        if output.exists() and not output.is_dir():
            raise FilesError(f"{output} is a file, not a folder", "name a folder with -o")
        if not suffix and any(not path.is_dir() and _real(path.parent) == _real(output) for path in inputs):
            raise FilesError(
                f"{output} is the folder of the input itself",
                "imgtrans never writes over an input; name another folder with -o, or a --suffix",
            )
        destination = Destination(output, suffix=suffix, keep_roots=len(inputs) > 1, format=format)
    for root in inputs:
        named.check_apart(root, destination.folder / destination.place(root, Path("x")).parent)
    if Path(destination.name).suffix.lower() in (NEVER_WRITTEN if keep_gray else WITHOUT_COLOURS):
        raise UsageError(
            f"{output}: a translation has colours, for which such a file has no room",
            f"use .ppm, or {GRAY} with --keep-gray",
        )
    return replace(destination, keep_gray=keep_gray)


def _beside(inputs: Sequence[Path], model: str, suffix: str, format: str) -> Destination:
    """Return the destination of who did not say one: beside the folder, or beside each picture."""
    folders = {os.path.realpath(path.parent) for path in inputs}
    if len(inputs) > 1 and (len(folders) > 1 or any(path.is_dir() for path in inputs)):
        raise UsageError("inputs from several folders need an output folder", "name it with -o FOLDER")
    first = inputs[0]
    far = isinstance(first, Address)
    place = first if far else _real(first) if first.is_dir() else _real(first.parent) / first.name
    if place.parent == place or (far and len(place.parts) <= 2):  # a bucket
        raise UsageError(f"{first} has no folder beside it", "name the output folder with -o FOLDER")
    if not (first.scheme not in READ_ONLY if isinstance(first, Address) else os.access(place.parent, os.W_OK)):
        raise UsageError(f"{place.parent} cannot be written", "name another output folder with -o FOLDER")
    if not first.is_dir():
        return Destination(first.parent, suffix=suffix or f"-{model}", format=format, singles=True)
    folder = first.parent / f"{place.name}-{model}" if first.name else Path(f"{place}-{model}")
    return Destination(folder, suffix=suffix, format=format)


def _called(input: Path, output: Path, suffix: str, format: str) -> Destination:
    """Return the destination of one picture whose output the user has given a name."""
    if _real(output) == _real(input):
        raise FilesError(f"{output} is the input itself", "imgtrans never writes over an input; name another -o")
    if suffix:
        raise UsageError(f"{output} is the output's whole name", "leave --suffix out, or name a folder with -o")
    if not has_image_name(output):
        raise UsageError(
            f"{output}: nothing can be written as {output.suffix!r}",
            "use .jpg, .png, .webp, .avif or .tif; or make the folder of that name first",
        )
    named = format_of_name(output.name)
    if format and named != format:
        raise UsageError(f"{output} is no name for a picture in {format}", "leave --format out, or change the name")
    return Destination(output.parent, name=output.name, format=named, singles=True)


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))  # which takes links that lead in circles as they are


def item_for(found: Found, destination: Destination) -> Item:
    """Return the item that a file makes."""
    name = found.relative.name
    if found.format:
        name, _ = output_name(name, found.format, destination.format, destination.keep_gray)
    relative = destination.place(found.root, found.relative.with_name(name))
    return Item(
        input=found.path,
        output=destination.folder / relative,
        key=os.fsencode(relative),
        source=os.fsencode(found.relative),
        format=found.format,
        size=found.size,
        mtime_ns=found.mtime_ns,
    )


def ignores_case(folder: Path) -> bool:
    """Whether the file system that will hold ``folder`` takes ``a`` and ``A`` for one name."""
    if isinstance(folder, Address):
        return False
    while not folder.is_dir():
        folder = folder.parent
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".imgtrans-case-", suffix=".tmp") as probe:
            return Path(probe.name.upper()).exists() and not probe.name.isupper()
    except OSError:
        return False
