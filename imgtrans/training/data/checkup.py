"""The pictures of a training looked over: all of them when asked for, some before every run."""

from collections.abc import Callable, Iterator
from pathlib import Path

from imgtrans.training.data.folders import Folders
from imgtrans.training.data.pictures import domains
from imgtrans.training.data.remarks import (
    NOTE,
    WRONG,
    Remark,
    of_counts,
    of_few,
    of_folder,
    of_look_alikes,
    of_same_files,
    of_swapped,
)
from imgtrans.training.data.survey import MOST, survey

_BYTES = 25e6  # of files of a folder that a short look decodes
_FEWEST, _MANY = 8, 200  # pictures that it decodes


def files_of(folders: Folders) -> list[tuple[Path, list[Path]]]:
    """Return the folders of a training with their pictures: A, B, and if there are tests, those of A and B.

    Raises:
        FilesError: If a folder is missing or holds no picture.
    """
    return domains(folders) + (domains(folders, test=True) if folders.test_A is not None else [])


def checkup(
    folders: Folders, crop: int, *, thorough: bool, each: Callable[[int], None] = lambda count: None
) -> Iterator[Remark]:
    """Yield what there is to say of the pictures of a training, facts first.

    Args:
        folders: Where they are.
        crop: Side of the training crops, in pixels.
        thorough: Look at all pictures, and for those that look the same; else at some, and for files that are the same.
        each: Told how many pictures there are to look at, as a negative number, and then 1 after each.

    Raises:
        FilesError: If a folder is missing or holds no picture.
    """
    found = files_of(folders)
    same = [*of_same_files(found)]
    if any(remark.state == WRONG for remark in same):
        yield from same
        return
    most = [MOST if thorough else _some(files) for _, files in found]
    each(-sum(min(limit, len(files)) for limit, (_, files) in zip(most, found, strict=True)))
    surveys = [
        survey(folder, files, limit, lambda: each(1)) for limit, (folder, files) in zip(most, found, strict=True)
    ]
    for one in surveys:
        yield from of_folder(one, crop)
    yield from of_counts(*surveys[:2])
    yield from of_look_alikes(surveys) if thorough else same
    if len(surveys) == 4:
        yield from of_swapped((surveys[0], surveys[1]), (surveys[2], surveys[3]))
    if not thorough:
        return
    for one in surveys[:2]:
        yield from of_few(one)
    if len(surveys) == 2:
        yield Remark(
            NOTE,
            "no_tests",
            "there are no test pictures: scores and grids are of pictures that are trained on",
            "put a tenth of each kind into testA and testB beside trainA and trainB, or name folders of them as "
            "--test-a and --test-b",
        )


def _some(files: list[Path]) -> int:
    """Return how many pictures of a folder a short look takes: fewer of large ones."""
    mean = sum(path.stat().st_size for path in files) / len(files)
    return int(min(max(_BYTES / max(mean, 1), _FEWEST), _MANY))
