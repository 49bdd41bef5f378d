"""The extractor that has learnt from this very data: a small network that tells its two domains apart."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from imgtrans.devices import computing_threads
from imgtrans.errors import FilesError
from imgtrans.quality.extractor import CLASSIFIERS, Floats, Means
from imgtrans.quality.squares import batches
from imgtrans.quality.statistics import luminance

_SIDE = 48
MOST = 600  # pictures of each domain to learn from; more change little, and take longer to read
FEWEST = 8
_HELD_OUT = 0.2  # to see what was learnt
_EPOCHS = 16
_STEPS = (60, 400)
_BATCH = 48
_CROP = 43  # pixels; what is learnt from lies elsewhere each time
_RATE = 3e-3


def make_colour(means: Means) -> "Classifier":
    """Return the classifier that sees colours."""
    return _learnt(means, CLASSIFIERS[0])


def make_luminance(means: Means) -> "Classifier":
    """Return the classifier that sees light and dark alone: a tint over everything does not deceive it."""
    return _learnt(means, CLASSIFIERS[1])


class Classifier:
    """A network of four convolutions; its features are the means of the last maps, each as far from usual as it is.

    Attributes:
        name: ``classifier`` or ``classifier-luminance``.
        accuracy: Of what it says of pictures of both domains that it has not learnt from, from 0 to 1.
    """

    side = _SIDE

    def __init__(self, name: str, in_colour: bool) -> None:
        self.name = name
        self.accuracy = 0.0
        self._in_colour = in_colour
        self._body = nn.Sequential(
            *_layers(3 if in_colour else 1, 16, 5, 2), *_layers(16, 32, 3, 2), *_layers(32, 64, 3, 2),
            *_layers(64, 64, 3, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        )  # fmt: skip
        self._usual = nn.BatchNorm1d(64, affine=False, momentum=None)
        self._head = nn.Linear(64, 1)

    @torch.no_grad()
    def features(self, squares: Floats) -> Floats:
        """Return features (N, 64) of pictures (N, 48, 48, 3) with values from 0 to 255."""
        made: Floats = self._usual(self._body(self._seen(squares))).numpy()
        return made

    @torch.no_grad()
    def in_B(self, features: Floats) -> NDArray[np.bool_]:
        """Return (N,) whether pictures with these features are taken for domain B's."""
        result: NDArray[np.bool_] = (self._head(torch.from_numpy(features))[:, 0] > 0).numpy()
        return result

    def learn(self, pictures_A: Floats, pictures_B: Floats, seed: int) -> None:
        """Learn to tell pictures (N, 48, 48, 3) of two domains apart; what random state there is stays as it was."""
        with computing_threads(1):  # sums come out the same on any machine, and small layers wait for nobody
            self._learn(pictures_A, pictures_B, seed)

    def _learn(self, pictures_A: Floats, pictures_B: Floats, seed: int) -> None:
        draw = torch.Generator().manual_seed(seed)
        domains = [_parted(pictures, draw) for pictures in (pictures_A, pictures_B)]
        seen = [self._seen(learnt) for learnt, _ in domains]
        optimiser = torch.optim.AdamW([*self._body.parameters(), *self._head.parameters()], _RATE)
        target = torch.cat([torch.zeros(_BATCH // 2), torch.ones(_BATCH // 2)])
        self._train(True)
        steps = min(max(_STEPS[0], _EPOCHS * sum(map(len, seen)) // _BATCH), _STEPS[1])
        for step in range(steps):
            optimiser.param_groups[0]["lr"] = _RATE * (1 - step / steps)
            features = self._body(torch.cat([_drawn(pictures, _BATCH // 2, draw) for pictures in seen]))
            loss = functional.binary_cross_entropy_with_logits(self._head(self._usual(features))[:, 0], target)
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
        self._train(False)
        with torch.no_grad():  # what is usual is so of whole pictures and the network as it is now
            self._usual.reset_running_stats()
            features = self._body(torch.cat(seen))
            self._usual.train()(features)
            self._usual.eval()
        held_A, held_B = (self.in_B(self.features(held_out)) for _, held_out in domains)
        self.accuracy = float(1 - held_A.mean() + held_B.mean()) / 2

    def _train(self, training: bool) -> None:
        for part in (self._body, self._usual, self._head):
            part.train(training)

    def _seen(self, squares: Floats) -> Tensor:
        if not self._in_colour:
            return torch.from_numpy(luminance(squares)[:, None] / 127.5 - 1)
        return torch.from_numpy(squares).permute(0, 3, 1, 2) / 127.5 - 1


def learn_from(name: str, pictures_A: Floats, pictures_B: Floats, seed: int) -> Classifier:
    """Return a classifier that has learnt from pictures (N, 48, 48, 3) of two domains, with values from 0 to 255.

    Args:
        name: ``classifier`` or ``classifier-luminance``.
        pictures_A: Of domain A, at least 8.
        pictures_B: Of domain B, likewise.
        seed: Of its weights and of what it sees when.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        classifier = Classifier(name, in_colour=name == CLASSIFIERS[0])
    classifier.learn(pictures_A, pictures_B, seed)
    return classifier


def _learnt(means: Means, name: str) -> Classifier:
    pictures_A, pictures_B = (_read(files, means.seed) for files in (means.files_A, means.files_B))
    classifier = learn_from(name, pictures_A, pictures_B, means.seed)
    means.say(f"{name} tells pictures that it has not learnt from apart with {classifier.accuracy:.0%}")
    return classifier


def _read(files: Sequence[Path], seed: int) -> Floats:
    chosen = np.random.default_rng(seed).permutation(len(files))[:MOST]
    pictures = np.concatenate([squares[_SIDE] for squares in batches([files[n] for n in chosen], [_SIDE], {})])
    if len(pictures) < FEWEST:
        raise FilesError(
            f"{files[0].parent} has {len(pictures)} pictures to learn from, and a classifier needs at least {FEWEST}",
            "use --extractor statistics",
        )
    return pictures


def _layers(inputs: int, outputs: int, size: int, stride: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)
    return convolution, nn.BatchNorm2d(outputs), nn.ReLU()


def _parted(pictures: Floats, draw: torch.Generator) -> tuple[Floats, Floats]:
    """Return what is learnt from, and what is held out."""
    order = torch.randperm(len(pictures), generator=draw).numpy()
    held_out = max(2, round(_HELD_OUT * len(pictures)))
    return pictures[order[held_out:]], pictures[order[:held_out]]


def _drawn(pictures: Tensor, count: int, draw: torch.Generator) -> Tensor:
    """Return some pictures, each mirrored half of the time, and cut out of their squares."""
    chosen = pictures[torch.randint(len(pictures), (count,), generator=draw)]
    mirrored = torch.rand(count, generator=draw) < 0.5
    chosen = torch.where(mirrored[:, None, None, None], chosen.flip(3), chosen)
    across, down = (int(n) for n in torch.randint(_SIDE - _CROP + 1, (2,), generator=draw))
    return chosen[..., down : down + _CROP, across : across + _CROP]
