"""A plugin's objective: what it fails with is told with its package, and no bug of imgtrans's."""

from collections.abc import Callable, Generator
from typing import Any

from imgtrans.isolation.blame import Part, blamed
from imgtrans.protocols import Objective, Setup

_METHODS = ("networks", "generators", "optimizers", "loss_names", "passes", "bytes_to_remember", "state_dict")


class GuardedObjective:
    """An objective that a plugin brings; see :class:`imgtrans.protocols.Objective`.

    Args:
        objective: The plugin's.
        part: What brings it.
    """

    def __init__(self, objective: Objective, part: Part) -> None:
        self._objective, self._part = objective, part
        for name in (*_METHODS, "load_state_dict"):
            setattr(self, name, self._guarding(getattr(objective, name)))

    def __getattr__(self, name: str) -> Any:
        """Return what else the plugin's objective has."""
        return getattr(self._objective, name)

    def step(self, real_A: Any, real_B: Any) -> Generator[Any, None, Any]:
        """Take one step."""
        with blamed(self._part):
            return (yield from self._objective.step(real_A, real_B))

    def _guarding(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*arguments: Any) -> Any:
            with blamed(self._part):
                return function(*arguments)

        return guarded


def made_objective(objective: Callable[[Setup], Objective], setup: Setup, part: Part | None) -> Objective:
    """Make an objective; one of a plugin's is guarded."""
    with blamed(part):
        made = objective(setup)
    if part is None:
        return made
    guarded: Any = GuardedObjective(made, part)
    return guarded  # type: ignore[no-any-return]
