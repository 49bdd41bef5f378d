"""What the two models of a training run are called, and what they turn into what."""

import re

from imgtrans.zoo.store import check_free

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


def check_names_free(name: str) -> None:
    """Make sure, before the first step, that both models can be called as they will be.

    Raises:
        UsageError: If the name is not one.
        FilesError: If it, or that of its reverse, is taken.
    """
    check_free(name)
    check_free(reverse_name(name))
