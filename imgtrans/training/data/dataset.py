"""Two folders of pictures as training data: the deck's ``ImageDataset`` and the random crops of the paper."""

import hashlib
import logging
import random
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from imgtrans.training.data.augment import Augmentation, Change
from imgtrans.training.data.crops import Cut, Pixels, load_rgb, read_crop
from imgtrans.training.data.folders import Data, folders_of
from imgtrans.training.data.pictures import domains

# The paper resizes to 286 and crops 256; other crops keep that proportion.
LOAD_PER_CROP = 286 / 256

_log = logging.getLogger(__name__)


class ImageDataset(Dataset[dict[str, Tensor]]):
    """Pictures of two domains, in pairs that need not belong together.

    Source: the deck's ``ImageDataset``.

    Args:
        root: Folder with ``trainA`` and ``trainB``, or ``testA`` and ``testB``; or any :class:`Folders`. Pictures in
            folders below count.
        transforms_: What is done to each PIL image, in order, or one callable; None makes tensors
            (3, H, W) in [-1, 1].
        unaligned: Draw B at random instead of by index.
        mode: ``train`` reads ``trainA``/``trainB``; anything else ``testA``/``testB``.

    Raises:
        FilesError: If a folder is missing or holds no picture; at once, not in the middle of an epoch.
    """

    def __init__(
        self,
        root: str | Data,
        transforms_: Sequence[Callable[[Any], Any]] | Callable[[Any], Any] | None = None,
        unaligned: bool = False,
        mode: str = "train",
    ) -> None:
        if transforms_ is None:
            self.transforms: Sequence[Callable[[Any], Any]] = [to_tensor]
        else:
            self.transforms = [transforms_] if callable(transforms_) else list(transforms_)
        self.unaligned = unaligned
        found = domains(folders_of(Path(root) if isinstance(root, str) else root), test=mode != "train")
        (self.folder_A, self.files_A), (self.folder_B, self.files_B) = found

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """Return ``{"A": tensor, "B": tensor}``."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        index_B = random.randrange(len(self.files_B)) if self.unaligned else index % len(self.files_B)
        return {"A": self._load(self.files_A[index % len(self.files_A)]), "B": self._load(self.files_B[index_B])}

    def __len__(self) -> int:
        """Return the size of the larger domain."""
        return max(len(self.files_A), len(self.files_B))

    def fingerprint(self) -> str:
        """Return a hash of the files' names and sizes, to notice that the data changed under a run."""
        digest = hashlib.sha256()
        for folder, files in ((self.folder_A, self.files_A), (self.folder_B, self.files_B)):
            for file in files:
                name = file.relative_to(folder).as_posix()
                digest.update(f"{name}\0{file.stat().st_size}\n".encode("utf-8", "surrogateescape"))
            digest.update(b"\n")
        return digest.hexdigest()

    def _load(self, path: Path) -> Tensor:
        value: Any = load_rgb(path)
        for transform in self.transforms:
            value = transform(value)
        result: Tensor = value
        return result


class RandomCrops(Dataset[dict[str, Tensor]]):
    """An endless, reproducible stream of augmented training pairs over an :class:`ImageDataset`.

    Item ``n`` is a pure function of ``(seed, n)``: its order in the shuffled epoch, its partner from
    B, zoom, crop, flip and what else is changed. So any number of workers gives the same data and a
    run can resume anywhere.

    Args:
        dataset: The pictures.
        crop: Side of the square crop, in pixels.
        scale_jitter: The picture's short side is scaled to 286/256 of the crop times a factor drawn
            from [1, scale_jitter].
        seed: Of all draws.
        augmentation: What else may be changed about crops.
    """

    def __init__(
        self,
        dataset: ImageDataset,
        crop: int,
        scale_jitter: float,
        seed: int,
        augmentation: Augmentation = Augmentation(),  # noqa: B008 - it is frozen
    ) -> None:
        self.dataset = dataset
        self.crop = crop
        self.scale_jitter = scale_jitter
        self.seed = seed
        self.augmentation = augmentation
        self._epoch = -1
        self._order: list[int] = []
        self._left_out: set[Path] = set()

    def __getitem__(self, n: int) -> dict[str, Tensor]:
        """Return pair ``n`` as ``{"A": tensor, "B": tensor}``, each (3, crop, crop) in [-1, 1]."""
        pair = {}
        for domain, files, cut in zip("AB", (self.dataset.files_A, self.dataset.files_B), self.cuts(n), strict=True):
            pixels, left_out = read_crop(files, cut, self.crop, partial(load_rgb, needed=self.needed))
            self.leave_out(left_out)
            pair[domain] = to_tensor(pixels)
        return pair

    @property
    def needed(self) -> float:
        """The largest short side to which a picture is scaled, in pixels."""
        return self.crop * LOAD_PER_CROP * self.scale_jitter

    def cuts(self, n: int) -> tuple[Cut, Cut]:
        """Return what is cut out of which pictures for pair ``n``: for A and for B."""
        epoch, position = divmod(n, len(self.dataset))
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed((self.seed * 1_000_003 + epoch) % 2**63)
            self._order = torch.randperm(len(self.dataset), generator=generator).tolist()
            self._epoch = epoch
        draw = random.Random(f"{self.seed}/{n}")
        index_B = draw.randrange(len(self.dataset.files_B))
        change_A, change_B = (self.augmentation.draw(self.seed, n, domain) for domain in "AB")
        return self._cut(self._order[position], draw, change_A), self._cut(index_B, draw, change_B)

    def leave_out(self, pictures: dict[Path, str]) -> None:
        """Tell of pictures that cannot be read, of each once, and why."""
        for path, why in pictures.items():
            if path not in self._left_out:
                self._left_out.add(path)
                _log.warning("%s It is left out.", why)

    def _cut(self, index: int, draw: random.Random, change: Change | None) -> Cut:
        short_side = self.crop * LOAD_PER_CROP * draw.uniform(1.0, self.scale_jitter)
        across, down, flip = draw.random(), draw.random(), draw.random() < 0.5
        return Cut(index, short_side, across, down, flip and self.augmentation.flip, change)


def to_tensor(image: Image.Image | Pixels) -> Tensor:
    """Turn an 8-bit RGB image (..., H, W, 3), or several in one array, into a tensor (..., 3, H, W) in [-1, 1]."""
    pixels = torch.from_numpy(np.array(image)).movedim(-1, -3).contiguous()
    return pixels.to(torch.float32) / 127.5 - 1.0
