"""A training as TensorBoard sees it: event files of its losses, of what the guards see, and of picture grids."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from imgtrans.training.listening import Interval, Listener

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

EVENTS = "tensorboard"


class Events(Listener):
    """Writes event files into ``tensorboard/`` in a run's folder.

    Args:
        folder: The run's.
        step: Steps already taken: what earlier files say of later ones is made void.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self._writer = _writer(folder / EVENTS, step + 1)

    def interval(self, interval: Interval) -> None:
        """Write the mean losses of an interval, and its learning rate."""
        for name, mean in interval.means().items():
            self._add(f"losses/{name}", mean, interval.step)
        self._add("learning rate", interval.rows[-1].learning_rate, interval.step)
        self._add("seconds per step", interval.seconds_per_step, interval.step)

    def seen(self, step: int, shown: Mapping[str, tuple[Tensor, Tensor, Tensor]]) -> None:
        """Write what generators made, below what they got."""
        for name, (real, fake, _) in shown.items():
            rows = [pictures.float().cpu().clamp(-1, 1) / 2 + 0.5 for pictures in (real, fake)]
            count, channels, height, width = rows[0].shape
            tiled = [row.permute(1, 2, 0, 3).reshape(channels, height, count * width) for row in rows]
            picture = tiled[0].new_empty(channels, 2 * height, count * width)
            picture[:, :height], picture[:, height:] = tiled
            self._writer.add_image(name, picture, step)

    def ended(self) -> None:
        """Write out what is left."""
        self._writer.close()

    def _add(self, name: str, value: float, step: int) -> None:
        self._writer.add_scalar(name, value, step)


def _writer(folder: Path, purge_step: int) -> "SummaryWriter":
    from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - seconds, which only who asked for it waits

    return SummaryWriter(str(folder), purge_step=purge_step)
