"""What there is to say of a folder's pictures, and of one folder against another; each remark with what to do."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imgtrans.training.data.alike import look_alikes, same_files
from imgtrans.training.data.pictures import listed
from imgtrans.training.data.survey import Seen, Survey

GOOD, NOTE, WRONG = "good", "note", "wrong"

_UNEQUAL = 5  # times as many pictures on one side
_FEW = 50
_SWAPPED_MARGIN = 2.5  # standard deviations below guessing
_FEWEST_TO_JUDGE = 10
_RIDGE = 0.1
_SHOWN = 3
_NONE: NDArray[np.float32] = np.empty((0, 259), np.float32)


@dataclass(frozen=True)
class Remark:
    """Something that was found.

    Attributes:
        state: ``good`` is a fact, ``note`` deserves attention, with ``wrong`` there is nothing to train.
        kind: Which, in a word for programs.
        said: A sentence.
        hint: What to do about it; "" if there is nothing to do.
        files: Those that it is about.
        brief: The same in a few words, where there may be many like it; else "".
    """

    state: str
    kind: str
    said: str
    hint: str = ""
    files: Sequence[Path] = field(default=())
    brief: str = ""


def of_folder(found: Survey, crop: int) -> Iterator[Remark]:
    """Yield what is to be said of one folder.

    Args:
        found: What it holds.
        crop: Side of the training crops, in pixels.
    """
    folder, count = found.folder, len(found.files)
    some = f", {found.looked_at:,} of them looked at" if found.looked_at < count else ""
    yield Remark(GOOD, "pictures", f"{folder}: {_pictures(count)}{some}{_of_sizes(found.seen)}{_of_modes(found.seen)}")
    if found.broken:
        yield Remark(
            NOTE,
            "broken",
            f"{_pictures(len(found.broken))} in {folder} cannot be read: {listed([*found.broken])}",
            "they are left out in training; take them away or get them anew",
            [*found.broken],
        )
    small = sorted((seen for seen in found.seen if min(seen.size) < crop), key=lambda seen: min(seen.size))
    if small:
        share = f"{len(small):,} of {len(found.seen):,}" if len(small) < len(found.seen) else "all"
        width, height = small[0].size
        yield Remark(
            NOTE,
            "small",
            f"{share} pictures in {folder} are smaller than the crops of {crop} pixels (the smallest, "
            f"{small[0].path.name}, is {width}x{height}): they are enlarged, and soft pictures are what the model "
            "learns",
            "a smaller --crop helps",
            [seen.path for seen in small],
        )


def of_few(found: Survey) -> Iterator[Remark]:
    """Yield what is to be said of a folder with hardly any pictures."""
    count = len(found.files)
    if count < _FEW:
        yield Remark(
            NOTE,
            "few",
            f"{found.folder} holds {_pictures(count)}: discriminators learn so few by heart",
            "some hundreds of each kind are a beginning; or start from a model that knows similar ones, with --init",
        )


def of_counts(found_A: Survey, found_B: Survey) -> Iterator[Remark]:
    """Yield what is to be said of how many pictures two domains have."""
    few, many = sorted((found_A, found_B), key=lambda found: len(found.files))
    times = len(many.files) / len(few.files)
    if times >= _UNEQUAL:
        yield Remark(
            NOTE,
            "unequal",
            f"{many.folder} has {times:.0f} times as many pictures as {few.folder}: in one epoch each of those is "
            f"shown {times:.0f} times, and learnt by heart sooner",
            f"add pictures to {few.folder}, or train for fewer epochs",
        )


def of_same_files(folders: Sequence[tuple[Path, Sequence[Path]]]) -> Iterator[Remark]:
    """Yield what is to be said of files of one content; the first two folders are domains A and B, others their tests.

    This looks at files' sizes and hardly opens one, so that it is done at once.
    """
    groups = [*same_files([files for _, files in folders])]
    shared = [{number for number, _ in group} for group in groups]
    (folder_A, files_A), (folder_B, files_B) = folders[:2]
    covered = [sum(number == n for group in groups for number, _ in group if {0, 1} <= {*dict(group)}) for n in (0, 1)]
    if covered == [len(files_A), len(files_B)]:
        yield Remark(
            WRONG,
            "identical",
            f"{folder_A} and {folder_B} hold the same pictures: there is nothing to learn between them",
            f"put pictures of the other kind into {folder_B}",
        )
        return
    pairs: dict[tuple[int, int], list[tuple[Path, Path]]] = {}
    for group, numbers in zip(groups, shared, strict=True):
        for a in sorted(numbers):
            paths = [path for number, path in group if number == a]
            pairs.setdefault((a, a), []).extend((paths[0], other) for other in paths[1:])
            for b in sorted(numbers):
                if a < b:
                    other = next(path for number, path in group if number == b)
                    pairs.setdefault((a, b), []).append((paths[0], other))
    yield from _of_pairs([folder for folder, _ in folders], pairs, "")


def of_look_alikes(surveys: Sequence[Survey]) -> Iterator[Remark]:
    """Yield what is to be said of pictures that look the same, files of one content among them."""
    prints = [np.stack([seen.print for seen in found.seen]) if found.seen else _NONE for found in surveys]
    pairs = {
        (a, b): [
            (surveys[a].seen[i].path, surveys[b].seen[j].path)
            for i, j in look_alikes(prints[a], prints[b], same=a == b)
        ]
        for a in range(len(surveys))
        for b in range(a, len(surveys))
    }
    folders = [found.folder for found in surveys]
    yield from _of_pairs(folders, pairs, ", or nearly the same")


def of_swapped(trained: tuple[Survey, Survey], tests: tuple[Survey, Survey]) -> Iterator[Remark]:
    """Yield what is to be said if tests of A look like B and the other way about.

    By colours and light alone a line is drawn between A and B; what lies on the wrong side of it more often than
    guessing would have it is the other kind.
    """
    if min(len(found.seen) for found in (*trained, *tests)) < _FEWEST_TO_JUDGE:
        return
    a, b = (np.stack([seen.colours for seen in found.seen]).astype(np.float64) for found in trained)
    middle, line = _line_between(a, b)
    right = np.concatenate(
        [
            (np.stack([seen.colours for seen in found.seen]) - middle) @ line * sign > 0
            for found, sign in zip(tests, (-1, 1), strict=True)
        ]
    )
    if right.mean() < 0.5 - _SWAPPED_MARGIN * 0.5 / np.sqrt(len(right)):
        test_A, test_B = (found.folder for found in tests)
        yield Remark(
            NOTE,
            "swapped",
            f"{test_A} and {test_B} look swapped: by their colours {1 - right.mean():.0%} of their pictures look like "
            f"the other kind's in {trained[0].folder} and {trained[1].folder}",
            f"{test_A} must hold what {trained[0].folder} holds",
        )


def _line_between(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the middle between two sets and the direction from a to b in which they differ most (Fisher's)."""
    middle = (a.mean(0) + b.mean(0)) / 2
    spread = np.cov(a, rowvar=False) + np.cov(b, rowvar=False)
    spread += np.eye(len(spread)) * _RIDGE * np.trace(spread) / len(spread)
    line: NDArray[np.float64] = np.linalg.solve(spread, b.mean(0) - a.mean(0))
    return middle, line


def _of_pairs(
    folders: Sequence[Path], pairs: dict[tuple[int, int], list[tuple[Path, Path]]], nearly: str
) -> Iterator[Remark]:
    """Yield a remark for each two folders that have pictures in common."""
    for (a, b), unsorted in sorted(pairs.items()):
        if not unsorted:
            continue
        some = sorted(unsorted)
        first, second = folders[a], folders[b]
        shown = "; ".join(f"{one.name} and {other.name}" for one, other in some[:_SHOWN])
        shown += f"; and {len(some) - _SHOWN:,} more" if len(some) > _SHOWN else ""
        files = list(dict.fromkeys(path for pair in some for path in pair))
        if a == b:
            count = len({other for _, other in some})
            said = f"{_pictures(count)} in {first} {'is' if count == 1 else 'are'} there twice{nearly}: {shown}"
            yield Remark(
                NOTE,
                "duplicates",
                said,
                "keep one of each: what is there twice counts twice",
                files,
                f"{count:,} in {first.name}",
            )
            continue
        count = len({one for one, _ in some})
        said = f"{_pictures(count)} {'is' if count == 1 else 'are'} in {first} and in {second}{nearly}: {shown}"
        brief = f"{count:,} in {first.name} and {second.name}"
        if (a, b) == (0, 1):
            hint = "a picture cannot show what makes the difference if it stands on both sides: take it out of one"
            yield Remark(NOTE, "in_both", said, hint, files, brief)
        elif {a, b} == {2, 3}:
            yield Remark(NOTE, "in_both", said, "take it out of one", files, brief)
        else:
            hint = "scores and grids are of pictures that were trained on, then, and too good: take them out of one"
            yield Remark(NOTE, "leak", said, hint, files, brief)


def _pictures(count: int) -> str:
    return "1 picture" if count == 1 else f"{count:,} pictures"


def _of_sizes(seen: Sequence[Seen]) -> str:
    if not seen:
        return ""
    counts = Counter(one.size for one in seen)
    ((width, height), most), least = counts.most_common(1)[0], min(counts, key=min)
    if len(counts) == 1:
        return f", {width}x{height}"
    largest = max(counts, key=lambda size: size[0] * size[1])
    usual = f", {most / len(seen):.0%} of them {width}x{height}" if most > len(seen) / 2 else ""
    return f", from {least[0]}x{least[1]} to {largest[0]}x{largest[1]}{usual}"


def _of_modes(seen: Sequence[Seen]) -> str:
    names = {
        "RGB": "",
        "L": "gray",
        "1": "black and white",
        "P": "with a palette",
        "RGBA": "with alpha",
        "LA": "gray with alpha",
    }
    others = Counter(names.get(one.mode, one.mode) for one in seen if one.mode != "RGB")
    return "".join(f", {count:,} {name}" for name, count in others.most_common())
