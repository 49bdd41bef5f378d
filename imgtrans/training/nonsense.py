"""A training that has come apart although its numbers are finite: said once."""

import logging

from imgtrans.training.listening import Interval, Listener

# What discriminators say is around 0 and 1, and their mean losses are below 1 but for the first steps.
_BEYOND_SENSE = 100.0

_log = logging.getLogger(__name__)


class NonsenseWarning(Listener):
    """Warns, once, where adversarial losses are beyond all sense."""

    def __init__(self) -> None:
        self._warned = False

    def interval(self, interval: Interval) -> None:
        """Look at the means of a few steps."""
        losses = {name: mean for name, mean in interval.means().items() if name[0] == "D" or name == "G_adversarial"}
        worst = max(losses, key=losses.__getitem__, default="")
        if not self._warned and worst and losses[worst] > _BEYOND_SENSE:
            self._warned = True
            _log.warning(
                "at step %d %s is %.3g, and in a training that goes well it is below 1: this one has come apart, "
                "mostly because the learning rate (now %.3g) is too high",
                interval.step, worst, losses[worst], interval.rows[-1].learning_rate,
            )  # fmt: skip
