"""Pictures of a domain on the device, and what is drawn of them there: a step waits for no file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from imgtrans.training.data.dataset import LOAD_PER_CROP

SIDE = 256  # of the data set's pictures


class Pictures:
    """All pictures of a domain.

    Args:
        files: Them; each is seen as a square of 256 pixels.
        shares: How often each is drawn, in proportion.
        device: Where they lie.
    """

    def __init__(self, files: Sequence[Path], shares: Sequence[float], device: torch.device) -> None:
        self._all = torch.stack([_read(file) for file in files]).to(device)
        sums = torch.tensor(shares, dtype=torch.float64).cumsum(0)
        self._sums = (sums / sums[-1]).float().to(device)

    def __len__(self) -> int:
        return len(self._all)

    def crops(self, count: int, side: int, jitter: float) -> Tensor:
        """Draw squares (count, 3, side, side) in [-1, 1], zoomed in and mirrored as in ``imgtrans train``."""
        device = self._all.device
        drawn = torch.searchsorted(self._sums, torch.rand(count, device=device)).clamp_max(len(self) - 1)
        pictures = self._all.index_select(0, drawn).float() / 127.5 - 1
        taken = 1 / (LOAD_PER_CROP * (1 + (jitter - 1) * torch.rand(count, device=device)))  # of a picture's side
        mirror = (torch.rand(count, device=device) < 0.5).float() * 2 - 1
        centre = (torch.rand(count, 2, device=device) * 2 - 1) * (1 - taken)[:, None]
        line = (torch.arange(2 * side, device=device) + 0.5) / side - 1
        across = line * (taken * mirror)[:, None] + centre[:, :1]
        down = line * taken[:, None] + centre[:, 1:]
        places = torch.stack(torch.broadcast_tensors(across[:, None, :], down[:, :, None]), -1)
        fine = F.grid_sample(pictures, places, mode="bicubic", padding_mode="reflection", align_corners=False)
        return F.avg_pool2d(fine, 2).clamp(-1, 1)


class Pool:
    """Past fakes that a discriminator is shown again, as ``ImagePool``; what it draws, it draws on the device."""

    def __init__(self, size: int, count: int, side: int, device: torch.device) -> None:
        self._kept = torch.zeros(max(size, count), 3, side, side, device=device)
        self._seen = torch.zeros((), dtype=torch.long, device=device)

    def query(self, fakes: Tensor) -> Tensor:
        """Return as many fakes (N, 3, side, side) as were given, about half of them from the past."""
        count, size = len(fakes), len(self._kept)
        filling = self._seen < size
        places = torch.where(
            filling,
            (self._seen + torch.arange(count, device=fakes.device)) % size,
            torch.rand(size, device=fakes.device).argsort()[:count],
        )
        swapped = ((torch.rand(count, device=fakes.device) < 0.5) & ~filling).float()[:, None, None, None]
        past = self._kept[places]
        self._kept[places] = torch.where(filling, fakes, swapped * fakes + (1 - swapped) * past)
        self._seen += count
        return swapped * past + (1 - swapped) * fakes


def greenness(file: Path) -> float:
    """Return the share of a picture that is green."""
    red, green, blue = _read(file).float().unbind(0)
    return float(((green > red + 4) & (green > blue + 12)).float().mean())


def _read(file: Path) -> Tensor:
    with Image.open(file) as image:
        pixels = np.array(image.convert("RGB").resize((SIDE, SIDE)))
    return torch.from_numpy(pixels).permute(2, 0, 1).contiguous()
