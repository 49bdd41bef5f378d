"""Picture grids: real, translated and reconstructed, both directions, to watch a training by eye."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.utils import make_grid, save_image

from imgtrans.files import written_atomically
from imgtrans.training.data.dataset import RandomCrops
from imgtrans.training.listening import Listener
from imgtrans.training.state import TrainingState

PICTURES = 4


def grid_pictures(crops: RandomCrops) -> tuple[Tensor, Tensor]:
    """Return the fixed pictures that every grid of a run shows: two tensors (4, 3, crop, crop) in [-1, 1]."""
    pairs = [crops[n] for n in range(PICTURES)]
    return torch.stack([pair["A"] for pair in pairs]), torch.stack([pair["B"] for pair in pairs])


class Grids(Listener):
    """Writes ``grids/step-NNNNNNN.png`` every so many steps, and after the last.

    Args:
        state: Whose generators are looked at.
        crops: The pictures that are shown.
        folder: The run's.
    """

    def __init__(self, state: TrainingState, crops: RandomCrops, folder: Path) -> None:
        self._state = state
        self._folder = folder / "grids"
        self._pictures_A, self._pictures_B = (pictures.to(state.device) for pictures in grid_pictures(crops))

    def stepped(self, step: int, last: bool) -> None:
        """Write one if it is time."""
        if last or step % self._state.options.grid_every == 0:
            path = self._folder / f"step-{step:07d}.png"
            with self._state.autocast():
                save_grid(path, self._state.results(), (self._pictures_A, self._pictures_B))


@torch.no_grad()
def save_grid(path: Path, generators: Mapping[str, nn.Module], pictures: tuple[Tensor, Tensor]) -> None:
    """Write a PNG whose rows are real A, fake B, reconstructed A, real B, fake A, reconstructed B.

    Where there is no way back (no ``G_BA``), they are real A, fake B, real B, and what is made of B.
    """
    there, back = generators["G_AB"], generators.get("G_BA")
    rows: list[Tensor] = []
    if back is None:
        for real in pictures:
            rows += [real, there(real)]
    else:
        for real, one, other in ((pictures[0], there, back), (pictures[1], back, there)):
            fake = one(real)
            rows += [real, fake, other(fake)]
    grid = make_grid(torch.cat(rows).float().cpu(), nrow=PICTURES, normalize=True, value_range=(-1, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_atomically(path) as temporary:
        save_image(grid, temporary, format="png")
