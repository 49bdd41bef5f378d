"""What goes with the choice of an objective: its defaults, options it has no use for, how many models it makes."""

from typing import Any

from imgtrans.errors import UnavailableError, UsageError

# What differs from the defaults, which are those of CycleGAN's paper.
DEFAULTS: dict[str, dict[str, Any]] = {
    "cut": {"epochs": 200, "decay_epochs": 200},
    "fastcut": {"epochs": 150, "decay_epochs": 50, "nce_weight": 10.0},
    "modern": {"ema_decay": 0.999, "gradient_penalty": 1.0, "relaxed_cycle": 0.5, "scales": 2},
}
_NO_PATCHES = {"nce_weight": "compares no patches"}
_ONE_WAY = {
    "cycle_weight": "has no way back",
    "identity_weight": "has no such loss",
    "relaxed_cycle": "has no way back",
    "pool_size": "shows no past fakes",
}
_NO_USE = {"cyclegan": _NO_PATCHES, "modern": _NO_PATCHES, "cut": _ONE_WAY, "fastcut": _ONE_WAY}


def check_known(objective: str) -> None:
    """Make sure that there is an objective of a name, without loading it.

    Raises:
        UnavailableError: If there is none.
    """
    from imgtrans.registry import registered  # noqa: PLC0415 - what plugins there are is looked up on the disk

    known = [one.name for one in registered("imgtrans.objectives") if not one.left_out]
    if objective not in known:
        raise UnavailableError(
            f"there is no {objective!r} among the objectives: {', '.join(known)}",
            "imgtrans plugins lists what there is; a plugin may bring it",
        )


def check_uses(objective: str, given: dict[str, Any], defaults: dict[str, Any]) -> None:
    """Make sure that an objective makes use of the options that were given.

    Args:
        objective: Its name; of a plugin's nothing is known.
        given: The options, by name.
        defaults: Of all options; who gives one of these changes nothing.

    Raises:
        UsageError: If it has no use for one.
    """
    for name, why in _NO_USE.get(objective, {}).items():
        if given.get(name, defaults[name]) != defaults[name]:
            option = f"--{name.replace('_', '-')}"
            users = [other for other, useless in _NO_USE.items() if name not in useless]
            raise UsageError(
                f"{option} does nothing with --objective {objective}, which {why}",
                f"leave {option} out; {' and '.join(users)} have it",
            )


def goes_both_ways(objective: str) -> bool:
    """Whether an objective is known to make a model of the way back, too; a plugin's tells when it is loaded."""
    return objective in ("cyclegan", "modern")
