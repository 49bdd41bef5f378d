"""Folders of pictures in, scores out: what ``imgtrans evaluate`` does."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imgtrans.errors import FilesError, UsageError
from imgtrans.quality.extractor import (
    CLASSIFIERS,
    STATISTICS,
    Extractor,
    Floats,
    LooksAtPlaces,
    Means,
    check_names,
    make_extractor,
)
from imgtrans.quality.scores import FEW, FEWEST, Score, doubts_of, scores
from imgtrans.quality.squares import pictures_below, together
from imgtrans.quality.structure import Gradients, structure_kept

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Request:
    """What is to be scored, and how.

    Attributes:
        fake: Folder of translated pictures.
        real: Folder of real pictures of the kind that they are to be like.
        input: Folder of the pictures that the fakes were made of, for what was kept of them; None leaves that out.
        data: Folder with ``trainA`` and ``trainB`` for classifiers to learn from; None looks beside ``real``.
        extractors: What looks; empty for those that need no weights.
        weights: A file of weights for an extractor.
        limit: Pictures of each folder, at most.
        seed: Of whatever is drawn.
        device: ``auto``, ``cpu`` or ``cuda[:n]``.
    """

    fake: Path
    real: Path
    input: Path | None = None
    data: Path | None = None
    extractors: tuple[str, ...] = ()
    weights: Path | None = None
    limit: int = 5000
    seed: int = 0
    device: str = "auto"


@dataclass
class Evaluation:
    """What came out.

    Attributes:
        scores: All of them.
        pictures: How many fakes and how many real pictures were looked at.
        left_out: Pictures that cannot be read, and why.
        doubts: Sentences on what the scores are not to be trusted for.
    """

    scores: list[Score] = field(default_factory=list)
    pictures: tuple[int, int] = (0, 0)
    left_out: dict[Path, str] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)


def evaluate(request: Request, say: Callable[[str], None], progress: Progress) -> Evaluation:
    """Score translated pictures.

    Args:
        request: What is asked for.
        say: Told what is going on.
        progress: Told how many pictures have been looked at, of how many.

    Raises:
        FilesError: If a folder is missing or holds too few pictures that can be read.
        UsageError: If there is no such extractor, or it lacks what it needs.
        UnavailableError: If a library is missing, or weights cannot be fetched.
        ModelError: If a file of weights is of no use.
    """
    result = Evaluation()
    folders = [pictures_below(folder, request.limit, request.seed) for folder in (request.fake, request.real)]
    for (files, there), folder in zip(folders, (request.fake, request.real), strict=True):
        _check_enough(folder, len(files))
        if there > len(files):
            result.doubts.append(f"{len(files):,} of the {there:,} pictures in {folder} are looked at (--limit)")
    fakes, reals = (files for files, _ in folders)
    pairs = _paired(request.fake, request.input, fakes) if request.input else []
    names, means = _choose(request, say)
    extractors = [make_extractor(name, means) for name in names]
    lookers = [Gradients(), *(one for one in extractors if isinstance(one, LooksAtPlaces))] if pairs else []
    seen, total = 0, len(fakes) + len(reals) + 2 * len(pairs)

    def count(more: int) -> None:
        nonlocal seen
        seen += more
        progress(seen, total)

    fake, real = (_features(files, extractors, result.left_out, count) for files in (fakes, reals))
    result.pictures = len(fake[0]), len(real[0])
    for folder, pictures in zip((request.fake, request.real), result.pictures, strict=True):
        _check_enough(folder, pictures)
    for n, extractor in enumerate(extractors):
        result.scores += scores(extractor, fake[n], real[n], request.seed)
        result.doubts += doubts_of(extractor, result.pictures)
    result.scores += _structures(pairs, lookers, result.left_out, count)
    return result


def _check_enough(folder: Path, pictures: int) -> None:
    if pictures < FEWEST:
        raise FilesError(
            f"{folder} has {pictures} {'picture' if pictures == 1 else 'pictures'} that can be read, and scores need "
            f"at least {FEWEST} of each kind",
            f"from {FEW} on they begin to mean something",
        )


def _paired(folder: Path, inputs: Path, fakes: Sequence[Path]) -> list[tuple[Path, ...]]:
    """Return each fake with the picture that it was made of: the one of the same name, whatever its suffix.

    Raises:
        FilesError: If there is none for any of them.
    """
    there: dict[Path, list[Path]] = {}
    for path in pictures_below(inputs, sys.maxsize, 0)[0]:
        there.setdefault(path.relative_to(inputs).with_suffix(""), []).append(path)
    pairs: list[tuple[Path, ...]] = []
    for fake in fakes:
        name = fake.relative_to(folder)
        same = there.get(name.with_suffix(""), [])
        if len(same) > 1:  # then the suffix tells
            same = [path for path in same if path.suffix == name.suffix]
        if len(same) == 1:
            pairs.append((same[0], fake))
    if not pairs:
        raise FilesError(
            f"no picture in {inputs} is called like one in {folder}",
            "--input is the folder that was translated; a run keeps the names",
        )
    return pairs


def _choose(request: Request, say: Callable[[str], None]) -> tuple[tuple[str, ...], Means]:
    """Return the extractors that are to look, and what they are made with."""
    data, learnt_from = request.data, []
    if data is None and request.real.name in ("testA", "testB"):  # a data set, as everybody lays it out
        beside = request.real.absolute().parent
        data = beside if all((beside / f"train{domain}").is_dir() for domain in "AB") else None
    if data is not None and (not request.extractors or set(request.extractors) & {*CLASSIFIERS}):
        scored = {path.resolve() for path in (request.fake, request.real)}
        for domain in "AB":
            if (data / f"train{domain}").resolve() in scored:
                raise UsageError(
                    f"{data / f'train{domain}'} cannot be both scored and learnt from",
                    "score pictures that were not trained on, or use --extractor statistics",
                )
            learnt_from.append(tuple(pictures_below(data / f"train{domain}", sys.maxsize, 0)[0]))
    files_A, files_B = learnt_from or ((), ())
    names = request.extractors or (STATISTICS, *(CLASSIFIERS if learnt_from else ()))
    if not request.extractors and request.weights:
        names = ()
    means = Means(files_A, files_B, request.weights, request.device, request.seed, say)
    check_names(names, means)
    return names, means


def _features(
    files: Sequence[Path], extractors: Sequence[Extractor], left_out: dict[Path, str], count: Callable[[int], None]
) -> list[Floats]:
    """Return the features of pictures for each extractor, (N, D) each."""
    made: list[list[Floats]] = [[] for _ in extractors]
    for squares, looked_at in together([(file,) for file in files], sorted({one.side for one in extractors}), left_out):
        for extractor, features in zip(extractors, made, strict=True):
            if len(squares[0][extractor.side]):
                features.append(extractor.features(squares[0][extractor.side]))
        count(looked_at)
    return [np.concatenate(features) if features else np.empty((0, 1), np.float32) for features in made]


def _structures(
    pairs: Sequence[tuple[Path, ...]],
    lookers: Sequence[LooksAtPlaces],
    left_out: dict[Path, str],
    count: Callable[[int], None],
) -> list[Score]:
    """Return how far the structure of pictures was kept, as each looker sees it."""
    kept: list[list[NDArray[np.float64]]] = [[] for _ in lookers]
    for (before, after), looked_at in together(pairs, sorted({one.side for one in lookers}), left_out):
        for looker, values in zip(lookers, kept, strict=True):
            if len(before[looker.side]):
                values.append(structure_kept(*(looker.places(squares[looker.side]) for squares in (before, after))))
        count(looked_at)
    return [
        Score("structure", float(np.concatenate(values).mean()), looker.name)
        for looker, values in zip(lookers, kept, strict=True)
        if values
    ]
