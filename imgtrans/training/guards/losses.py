"""What the losses of a training tell of its trouble: a pure function of their rows, so resuming changes nothing."""

from collections import deque
from collections.abc import Mapping
from statistics import fmean, median

from imgtrans.training.guards.trouble import Trouble

BLOCK = 10  # steps whose losses are looked at together, as those of a single one mean little

# What discriminators say is around 0 and 1, and their mean losses are below 1 but for the first steps.
_BEYOND_SENSE = 100.0
# A discriminator that guesses has 0.25; one that is fooled now and then has 0.05 to 0.2.
_WON = 0.01
_WON_SHARE, _WON_FEWEST, _WON_MOST = 0.05, 100, 1000  # of the training's steps that it lasts; steps
_SPIKE = 3.0  # times the median of the blocks before it
# Of one of the losses that the total is made of: they have no weights, and a run that goes on may have others for them.
_SPIKE_OF_A_PART = 2.0
_COMPARED, _ENOUGH = 50, 10  # blocks that a block is compared with, and how many of them there must be


class LossGuard:
    """Watches the losses of each step, in their order.

    Args:
        all_steps: Steps that the training will have.
    """

    def __init__(self, all_steps: int) -> None:
        self._won_steps = min(max(int(all_steps * _WON_SHARE), _WON_FEWEST), _WON_MOST)
        self._block: list[Mapping[str, float]] = []
        self._before: dict[str, deque[float]] = {}
        self._quiet_until = 0  # after a spike nothing is said of others for a while
        self._won_for: dict[str, int] = {}
        self._standing: dict[tuple[str, str], Trouble] = {}
        self._spiked = False

    @property
    def standing(self) -> list[Trouble]:
        """What has been found and is not over."""
        return list(self._standing.values())

    @property
    def is_clean(self) -> bool:
        """Whether there is not even a sign that trouble may begin."""
        return not self._standing and not self._spiked and max(self._won_for.values(), default=0) < 3 * BLOCK

    def hear(self, step: int, losses: Mapping[str, float], learning_rate: float) -> list[Trouble]:
        """Take in the losses of a step; return what is found now and was not before.

        Args:
            step: Its number, from 1.
            losses: By name: ``G`` is the generators' total, ``D...`` are the discriminators'.
            learning_rate: That the step was taken with.
        """
        self._block.append(losses)
        if step % BLOCK:
            return []
        means = {name: fmean(row[name] for row in self._block) for name in losses}
        self._block.clear()
        found = [*self._apart(step, means, learning_rate), *self._won(step, means), *self._spike(step, means)]
        return [trouble for trouble in found if trouble]

    def _apart(self, step: int, means: Mapping[str, float], rate: float) -> list[Trouble]:
        adversarial = {name: mean for name, mean in means.items() if name[0] == "D" or name == "G_adversarial"}
        worst = max(adversarial, key=adversarial.__getitem__, default="")
        if not worst or not adversarial[worst] > _BEYOND_SENSE:
            self._standing.pop(("apart", ""), None)
            return []
        return self._new(
            "apart", "", step,
            f"at step {step} {worst} is {adversarial[worst]:.3g}, and in a training that goes well it is below 1: this "
            f"one has come apart, mostly because the learning rate (now {rate:.3g}) is too high",
        )  # fmt: skip

    def _won(self, step: int, means: Mapping[str, float]) -> list[Trouble]:
        found = []
        for name in (name for name in means if name[0] == "D"):
            self._won_for[name] = self._won_for.get(name, 0) + BLOCK if means[name] < _WON else 0
            if not self._won_for[name]:
                self._standing.pop(("discriminator", name), None)
            elif self._won_for[name] >= self._won_steps:
                found += self._new(
                    "discriminator", name, step,
                    f"at step {step} the discriminator {name} has won for {self._won_for[name]} steps: its loss is "
                    f"{means[name]:.2g}, so nothing that the generator makes is taken for real",
                )  # fmt: skip
        return found

    def _spike(self, step: int, means: Mapping[str, float]) -> list[Trouble]:
        times = {name: self._times_usual(name, mean) for name, mean in means.items() if name[0] == "G"}
        parts = [many for name, many in times.items() if name != "G"]
        total, many = means.get("G", 0.0), times.get("G", 0.0)
        self._spiked = many > _SPIKE and max(parts, default=many) > _SPIKE_OF_A_PART
        if not self._spiked or step < self._quiet_until:
            return []
        self._quiet_until = step + _COMPARED * BLOCK
        said = f"at step {step} the generators' loss has jumped to {total:.3g}, {many:.1f} times what was usual"
        return [Trouble("spike", step, said)]

    def _times_usual(self, name: str, mean: float) -> float:
        """Return how many times its median a loss is, 1 where that means nothing yet; it counts from here on."""
        before = self._before.setdefault(name, deque(maxlen=_COMPARED))
        usual = median(before) if len(before) >= _ENOUGH else mean
        before.append(mean)
        return mean / usual if usual > 0 else 1.0

    def _new(self, kind: str, about: str, step: int, said: str) -> list[Trouble]:
        """Return the trouble if it did not stand before."""
        if (kind, about) in self._standing:
            return []
        trouble = self._standing[kind, about] = Trouble(kind, step, said)
        return [trouble]
