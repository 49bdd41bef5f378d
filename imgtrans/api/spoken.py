"""Errors as other programs see them: with the hint, and with options called as arguments are."""

from collections.abc import Iterator
from contextlib import contextmanager

from imgtrans.errors import ImgtransError, OptionError


@contextmanager
def spoken() -> Iterator[None]:
    """Have errors carry their hints as notes, which tracebacks show, and name arguments instead of options."""
    try:
        yield
    except ImgtransError as error:
        said = error.at(error.option) if isinstance(error, OptionError) and not error.place else error
        if said.hint:
            said.add_note(said.hint)
        if said is error:
            raise
        raise said from None
