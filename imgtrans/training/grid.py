"""Picture grids: real, translated and reconstructed, both directions, to watch a training by eye."""

from pathlib import Path

import torch
from torch import Tensor
from torchvision.utils import make_grid, save_image

from imgtrans.files import written_atomically
from imgtrans.training.data.dataset import RandomCrops
from imgtrans.training.objective import Networks

PICTURES = 4


def grid_pictures(crops: RandomCrops) -> tuple[Tensor, Tensor]:
    """Return the fixed pictures that every grid of a run shows: two tensors (4, 3, crop, crop) in [-1, 1]."""
    pairs = [crops[n] for n in range(PICTURES)]
    return torch.stack([pair["A"] for pair in pairs]), torch.stack([pair["B"] for pair in pairs])


@torch.no_grad()
def save_grid(path: Path, networks: Networks, pictures: tuple[Tensor, Tensor]) -> None:
    """Write a PNG whose rows are real A, fake B, reconstructed A, real B, fake A, reconstructed B."""
    rows: list[Tensor] = []
    for real, there, back in (
        (pictures[0], networks.G_AB, networks.G_BA),
        (pictures[1], networks.G_BA, networks.G_AB),
    ):
        fake = there(real)
        rows += [real, fake, back(fake)]
    grid = make_grid(torch.cat(rows).float().cpu(), nrow=PICTURES, normalize=True, value_range=(-1, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_atomically(path) as temporary:
        save_image(grid, temporary, format="png")
