"""Picture grids: real, translated and reconstructed, both directions, to watch a training by eye."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torchvision.utils import make_grid, save_image

from imgtrans.files import written_atomically
from imgtrans.training.data.dataset import RandomCrops
from imgtrans.training.listening import Listener
from imgtrans.training.state import TrainingState

PICTURES = 4

Seen: TypeAlias = Mapping[str, tuple[Tensor, Tensor, Tensor]]


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
        seen: Is told of the step, and for each generator by its name of what it got, what it made of it, and pictures
            that this is to be like; all (4, 3, crop, crop).
    """

    def __init__(
        self, state: TrainingState, crops: RandomCrops, folder: Path, seen: Sequence[Callable[[int, Seen], None]] = ()
    ) -> None:
        self._state = state
        self._seen = seen
        self._folder = folder / "grids"
        self._pictures_A, self._pictures_B = (pictures.to(state.device) for pictures in grid_pictures(crops))

    def stepped(self, step: int, last: bool) -> None:
        """Write one if it is time."""
        if last or step % self._state.options.grid_every == 0:
            path = self._folder / f"step-{step:07d}.png"
            with self._state.autocast():
                fakes = save_grid(path, self._state.results(), (self._pictures_A, self._pictures_B))
            ways = {"G_AB": (self._pictures_A, self._pictures_B), "G_BA": (self._pictures_B, self._pictures_A)}
            shown = {name: (ways[name][0], fake, ways[name][1]) for name, fake in fakes.items()}
            for tell in self._seen:
                tell(step, shown)


@torch.no_grad()
def save_grid(path: Path, generators: Mapping[str, nn.Module], pictures: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
    """Write a PNG whose rows are real A, fake B, reconstructed A, real B, fake A, reconstructed B.

    Where there is no way back (no ``G_BA``), they are real A, fake B, real B, and what is made of B.

    Returns:
        The fakes, by the generator that made them.
    """
    there, back = generators["G_AB"], generators.get("G_BA")
    rows: list[Tensor] = []
    fakes: dict[str, Tensor] = {}
    if back is None:
        for real in pictures:
            rows += [real, there(real)]
        fakes["G_AB"] = rows[1]
    else:
        for name, real, one, other in (("G_AB", pictures[0], there, back), ("G_BA", pictures[1], back, there)):
            fake = fakes[name] = one(real)
            rows += [real, fake, other(fake)]
    grid = make_grid(torch.cat(rows).float().cpu(), nrow=PICTURES, normalize=True, value_range=(-1, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_atomically(path) as temporary:
        save_image(grid, temporary, format="png")
    return fakes
