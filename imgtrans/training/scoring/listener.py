"""Scores the generators on test pictures every so many steps, and keeps the best of them."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from imgtrans.quality.classifier import MOST, Classifier, learn_from
from imgtrans.quality.extractor import CLASSIFIERS, STATISTICS, Extractor, Floats, LooksAtPlaces, Means, make_extractor
from imgtrans.quality.scores import Score, scores
from imgtrans.quality.squares import square
from imgtrans.quality.structure import Gradients, structure_kept
from imgtrans.training.data.crops import Cut, Pixels, load_rgb, read_crop
from imgtrans.training.data.dataset import LOAD_PER_CROP, ImageDataset
from imgtrans.training.data.survey import spread
from imgtrans.training.listening import Listener
from imgtrans.training.scoring.best import Best, keep_best, read_best
from imgtrans.training.scoring.file import SCORES, ScoreFile, figures
from imgtrans.training.state import TrainingState

Scored: TypeAlias = Callable[[int, Mapping[str, Sequence[Score]], bool], None]

_MOST = 200  # test pictures of each kind
_BATCH = 8


class Scoring(Listener):
    """Writes ``scores.csv``, and keeps the weights whose KID is the smallest.

    Test pictures are seen as training crops are, from their middles. What decides is the mean of the KIDs of all
    generators, as the extractor of ``score_by`` sees them. A training is the same with and without it.

    Args:
        state: Whose generators are scored.
        trained: The pictures that a classifier learns from, at least 8 of each kind.
        tests: Those that are scored, at least 10 of each kind.
        folder: The run's.
        scored: Told the scores of a step by the generator, what decides first, and whether they are the best so far.

    Raises:
        UnavailableError: If the extractor is not to be had.
    """

    def __init__(
        self, state: TrainingState, trained: ImageDataset, tests: ImageDataset, folder: Path, scored: Scored
    ) -> None:
        self._state, self._folder, self._scored = state, folder, scored
        self._file = ScoreFile(folder / SCORES, state.step)
        self._reals = {"A": self._middles(tests.files_A, _MOST), "B": self._middles(tests.files_B, _MOST)}
        names = dict.fromkeys((state.options.score_by, STATISTICS))
        self._extractors = [self._made(name, trained) for name in names]
        self._seen = {
            (extractor.name, domain): self._features(extractor, pictures)
            for extractor in self._extractors
            for domain, pictures in self._reals.items()
        }

    def stepped(self, step: int, last: bool) -> None:
        """Score if it is time."""
        if not last and step % self._state.options.evaluate_every:
            return
        generators = self._state.results()
        found = {name: self._scores(name, generators) for name in generators}
        self._file.add(step, found)
        decisive = [some[0].value for some in found.values()]
        value, before = float(np.mean(decisive)), read_best(self._folder)
        best = before is None or value < before.value
        if best:
            by_generator = {name: figures(some) for name, some in found.items()}
            keep_best(Best(step, value, by_generator, self._folder), generators)
        self._scored(step, found, best)

    def _scores(self, name: str, generators: dict[str, nn.Module]) -> list[Score]:
        """Return the scores of one generator; the first is what decides."""
        source, target = name[-2], name[-1]
        real = self._reals[source]
        fake = self._translated(generators[name], real)
        found: list[Score] = []
        for extractor in self._extractors:
            features = self._features(extractor, fake)
            found += scores(extractor, features, self._seen[extractor.name, target], self._state.options.seed)
        lookers = [Gradients(), *(one for one in self._extractors if isinstance(one, LooksAtPlaces))]
        for looker in lookers:
            kept = structure_kept(*(looker.places(_squares(some, looker.side)) for some in (real, fake)))
            found.append(Score("structure", float(kept.mean()), looker.name))
        back = f"G_{target}{source}"
        if back in generators:
            again = self._translated(generators[back], fake)
            found.append(Score("cycle", float(np.abs(again.astype(np.float32) - real).mean() / 255), ""))
        return found

    @torch.no_grad()
    def _translated(self, network: nn.Module, pictures: Pixels) -> Pixels:
        """Return what a generator makes of pictures (N, H, W, 3), as pictures of 8 bits."""
        made: list[NDArray[np.uint8]] = []
        for start in range(0, len(pictures), _BATCH):
            some = torch.from_numpy(pictures[start : start + _BATCH]).to(self._state.device)
            with self._state.autocast():
                fakes: Tensor = network(some.permute(0, 3, 1, 2).float() / 127.5 - 1)
            levels = ((fakes.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
            made.append(levels.permute(0, 2, 3, 1).cpu().numpy())
        return np.concatenate(made)

    def _middles(self, files: Sequence[Path], most: int) -> Pixels:
        """Return the middles of some pictures, (N, crop, crop, 3)."""
        some, crop = spread(files, most), self._state.options.crop
        cuts = [Cut(n, crop * LOAD_PER_CROP, 0.5, 0.5, flip=False) for n in range(len(some))]
        load = partial(load_rgb, needed=crop * LOAD_PER_CROP)
        return np.stack([read_crop(some, cut, crop, load)[0] for cut in cuts])

    def _made(self, name: str, trained: ImageDataset) -> Extractor:
        options = self._state.options
        if name not in CLASSIFIERS:
            return make_extractor(name, Means(device=str(self._state.device), seed=options.seed))
        pictures_A, pictures_B = (
            _squares(self._middles(files, MOST), Classifier.side) for files in (trained.files_A, trained.files_B)
        )
        return learn_from(name, pictures_A, pictures_B, options.seed)

    def _features(self, extractor: Extractor, pictures: Pixels) -> Floats:
        made = [
            extractor.features(_squares(pictures[start : start + 32], extractor.side))
            for start in range(0, len(pictures), 32)
        ]
        return np.concatenate(made)


def _squares(pictures: Pixels, side: int) -> Floats:
    return np.stack([square(picture, side) for picture in pictures])
