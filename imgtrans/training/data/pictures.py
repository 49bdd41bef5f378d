"""The pictures of a data set's folders: found, and what of them will not teach what is hoped for."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from imgtrans.errors import FilesError, ImageError
from imgtrans.images.formats import is_image, open_image

_MEASURED = 500  # pictures of a folder, evenly spread, whose size is looked at
_COMPARED_BYTES = 1 << 16  # of files of equal size
_ELSEWHERE = 1000  # files that are looked at below a folder, where pictures may lie one level too deep


def pictures_in(root: Path, domain: str) -> list[Path]:
    """Return the pictures of ``root/domain``, sorted.

    Raises:
        FilesError: If there is no such folder, or no picture in it; the hint says where there are some.
    """
    folder = root / domain
    if not folder.is_dir():
        raise FilesError(f"there is no folder {folder}", _place_of(root, domain))
    files = sorted(path for path in folder.iterdir() if path.is_file() and is_image(path))
    if not files:
        deeper = _deeper(folder)
        if deeper:
            raise FilesError(
                f"{folder} holds no picture itself; there are some one level deeper, in {_listed(deeper)}",
                f"move them into {folder}: folders below it are not looked into",
            )
        raise FilesError(f"{folder} holds no picture", "put the pictures of that domain into it")
    return files


def check_differ(files_A: Sequence[Path], files_B: Sequence[Path]) -> str:
    """Compare two domains, roughly but quickly.

    Returns:
        What to say of pictures that are in both; "" if there are none.

    Raises:
        FilesError: If both hold the same pictures and nothing else, so that there is nothing to learn.
    """
    sizes = {path.stat().st_size for path in files_A} & {path.stat().st_size for path in files_B}
    contents_A, contents_B = (
        {_begin_of(path) for path in files if path.stat().st_size in sizes} for files in (files_A, files_B)
    )
    same = len(contents_A & contents_B)
    folder_A, folder_B = files_A[0].parent, files_B[0].parent
    if same and contents_A == contents_B and same == len(contents_A) and sizes >= _sizes(files_A) | _sizes(files_B):
        raise FilesError(
            f"{folder_A} and {folder_B} hold the same pictures: there is nothing to learn between them",
            f"put pictures of the other kind into {folder_B}",
        )
    return f"{same} {'picture is' if same == 1 else 'pictures are'} in both {folder_A} and {folder_B}" if same else ""


def doubts(files: Sequence[Path], crop: int) -> Iterator[str]:
    """Return what a person should know of a domain's pictures before they are trained on.

    Args:
        files: The pictures of one folder.
        crop: Side of the training crops, in pixels.
    """
    folder = files[0].parent
    looked_at = [files[n * len(files) // min(_MEASURED, len(files))] for n in range(min(_MEASURED, len(files)))]
    small = [(min(size), path, size) for path in looked_at if (size := _size_of(path)) and min(size) < crop]
    if small:
        _, path, (width, height) = min(small)
        share = f"{len(small)} of {len(looked_at)}" if len(small) < len(looked_at) else "all"
        yield (
            f"{share} pictures in {folder} are smaller than the crops of {crop} pixels (the smallest, {path.name}, is "
            f"{width}x{height}): they are enlarged, and soft pictures are what the model learns; a smaller --crop helps"
        )
    if deeper := _deeper(folder):
        yield f"the pictures in {_listed(deeper)} are not trained on: only those in {folder} itself are"


def _sizes(files: Sequence[Path]) -> set[int]:
    return {path.stat().st_size for path in files}


def _begin_of(path: Path) -> tuple[int, bytes]:
    """Return what two files of the same picture have in common, and others do not."""
    with path.open("rb") as file:
        return path.stat().st_size, hashlib.sha256(file.read(_COMPARED_BYTES)).digest()


def _size_of(path: Path) -> tuple[int, int] | None:
    try:
        with open_image(path) as image:
            return image.size
    except ImageError:  # it is left out when its turn comes, and named then
        return None


def _deeper(folder: Path) -> list[Path]:
    """Return the folders in ``folder`` that hold pictures, as far as a short look tells."""
    found = []
    for below in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        if any(is_image(path) for path, _ in zip(sorted(below.iterdir()), range(_ELSEWHERE), strict=False)):
            found.append(below)
    return found


def _place_of(root: Path, domain: str) -> str:
    """Return where the folders of a data set may be that are not where they should be."""
    if root.name == domain and root.is_dir():
        return f"give the folder that holds it: --data {root.parent}"
    if root.is_dir():
        for below in sorted(path for path in root.iterdir() if path.is_dir()):
            if (below / domain).is_dir():
                return f"there is {below / domain}: give --data {below}"
    return "the pictures of a data set stand in trainA and trainB"


def _listed(folders: Sequence[Path]) -> str:
    shown = [str(folder) for folder in folders[:3]]
    return ", ".join(shown) + (f" and {len(folders) - 3} more" if len(folders) > 3 else "")
