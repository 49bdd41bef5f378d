"""What the two models of a training run are called, and what they turn into what."""

import re

from imgtrans.zoo.store import check_free

LAST = "-last"  # what the names of last weights end in that are not the best

_BOTH_WAYS = re.compile(r"([A-Za-z][A-Za-z_-]*)2([A-Za-z][A-Za-z_-]*)")


def domains(name: str) -> tuple[str, str]:
    """Return what a model turns and what into: ``a`` and ``b`` for ``a2b``, else the folders' ``A`` and ``B``."""
    match = _BOTH_WAYS.fullmatch(name)
    return (match[1], match[2]) if match else ("A", "B")


def reverse_name(name: str) -> str:
    """Return what the model of the other direction is called: ``b2a`` for ``a2b``, else ``NAME-reverse``."""
    match = _BOTH_WAYS.fullmatch(name)
    if not match or match[1].casefold() == match[2].casefold():  # of two that differ in case only, a disk may keep one
        return f"{name}-reverse"
    return f"{match[2]}2{match[1]}"


def model_names(name: str, both_ways: bool) -> list[str]:
    """Return what the models of a training are called: of the way there, and of the way back if there is one."""
    return [name, reverse_name(name)] if both_ways else [name]


def check_names_free(name: str, both_ways: bool) -> None:
    """Make sure, before the first step, that all models can be called as they will be.

    Args:
        name: Of the training.
        both_ways: Whether it makes a model of the way back, too.

    Raises:
        UsageError: If the name is not one.
        FilesError: If it, that of its reverse, or that of the last weights of one is taken.
    """
    for one in model_names(name, both_ways):
        check_free(one)
        check_free(f"{one}{LAST}")
