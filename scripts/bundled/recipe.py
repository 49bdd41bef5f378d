"""How the bundled models are trained, in numbers."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Recipe:
    """Settings; the defaults are what the bundled models were trained with.

    Attributes:
        crop: Side of the square crops, in pixels.
        jitter: Crops are zoomed in by a factor drawn from 1 to this.
        batch: Pairs in a step.
        rate: Learning rate of Adam, with betas (0.5, 0.999).
        flat: The share of the time after which the rate falls, linearly to a fiftieth.
        lesson_share: The share of the time in which generators learn the lesson and nothing else; discriminators learn
            to tell what they make from real pictures meanwhile.
        lesson: Weight of the lesson after that: what is made of summer is like the filter's snow, pixel for pixel.
        lesson_low: The same of both as squares of a sixteenth of the crop: light and colour, not texture.
        lesson_end: What becomes of both weights until the end, as a factor.
        back: Weight of the way back from the filter's snow, as a fraction of the lesson's.
        cycle: Weight of the cycle loss. The generator of winter is not asked to leave a way back: who must let green be
            found again cannot cover it.
        identity: Weight of winter pictures staying as they are.
        spikes: Weight of the penalty on spikes, which make blots.
        penalty: Weight of the zero-centred penalty on discriminators' gradients.
        scales: Sizes at which discriminators look.
        pool: Past fakes that a discriminator is shown again.
        ema: Of the average of weights that is the result.
        seed: Of all draws.
    """

    crop: int = 128
    jitter: float = 2.5
    batch: int = 8
    rate: float = 2e-4
    flat: float = 0.55
    lesson_share: float = 0.2
    lesson: float = 4.0
    lesson_low: float = 4.0
    lesson_end: float = 0.25
    back: float = 0.5
    cycle: float = 2.0
    identity: float = 1.0
    spikes: float = 50.0
    penalty: float = 1.0
    scales: int = 2
    pool: int = 50
    ema: float = 0.995
    seed: int = 2

    def to_dict(self) -> dict[str, Any]:
        """Return the settings by name."""
        return asdict(self)


def read_recipe(path: Path) -> Recipe:
    """Return the recipe that a JSON file changes the defaults to."""
    given = json.loads(path.read_text())
    if unknown := given.keys() - {field.name for field in fields(Recipe)}:
        raise SystemExit(f"{path}: there is no {', '.join(sorted(unknown))}")
    return Recipe(**given)
