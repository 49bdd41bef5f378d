"""The best weights that a run has had, beside its checkpoint."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from imgtrans.checkpoint import read_weights, write_weights
from imgtrans.files import written_atomically

_FOLDER = "best"
_FILE = "best.json"


@dataclass(frozen=True)
class Best:
    """What was best so far.

    Attributes:
        step: After which it was so.
        value: What decides, the smaller the better.
        figures: Of each generator its scores, by their names in cards.
        folder: The run's.
    """

    step: int
    value: float
    figures: dict[str, dict[str, float]]
    folder: Path

    def weights(self, generator: str) -> dict[str, Tensor]:
        """Return the weights of a generator.

        Raises:
            ModelError: If their file is missing or damaged.
        """
        return read_weights(_weights(self.folder, self.step, generator))


def read_best(folder: Path) -> Best | None:
    """Return what a run has kept as the best; None if there is nothing yet."""
    try:
        content = json.loads((folder / _FOLDER / _FILE).read_text(encoding="utf-8"))
        return Best(int(content["step"]), float(content["value"]), content["figures"], folder)
    except (OSError, ValueError, KeyError, TypeError):  # not there, or not whole: the next one is the best
        return None


def keep_best(best: Best, generators: Mapping[str, nn.Module]) -> None:
    """Keep the weights of generators instead of those that were the best before.

    A kill at any moment leaves the old ones or the new ones: their files are told apart by the step, and named last.

    Raises:
        OSError: If they cannot be written.
    """
    place = best.folder / _FOLDER
    place.mkdir(exist_ok=True)
    written = set()
    for name, network in generators.items():
        path = _weights(best.folder, best.step, name)
        with written_atomically(path) as temporary:
            write_weights(network.state_dict(), temporary)
        written.add(path)
    with written_atomically(place / _FILE) as temporary:
        content = {"step": best.step, "value": best.value, "figures": best.figures}
        temporary.write_text(json.dumps(content), encoding="utf-8")
    for path in place.glob("*.safetensors"):
        if path not in written:
            path.unlink(missing_ok=True)


def _weights(folder: Path, step: int, generator: str) -> Path:
    return folder / _FOLDER / f"{generator}-{step:07d}.safetensors"
