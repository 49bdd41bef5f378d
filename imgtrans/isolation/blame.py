"""What goes wrong in a plugin, said with the package that brought it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from imgtrans.errors import ImgtransError, PluginError
from imgtrans.memory import is_out_of_memory
from imgtrans.registry import BUILT_IN, package_of

_KNOWN = {"imgtrans", "torch", "torchvision", "numpy", "PIL", "concurrent", "threading", "__main__", "contextlib"}


@dataclass(frozen=True)
class Part:
    """Something that a plugin brings.

    Attributes:
        group: One of the registry's, as ``imgtrans.backends``.
        name: What it is found by.
        package: Who brings it.
    """

    group: str
    name: str
    package: str

    def __str__(self) -> str:
        """Return it in words."""
        kind = self.group.rpartition(".")[2].removesuffix("s")
        return f"the {kind} {self.name!r} of the package {self.package}"

    def fault(self, what: str) -> PluginError:
        """Return the error that says what it did, in words that stand behind its name."""
        return PluginError(f"{self} {what}", f"update {self.package}, uninstall it, or do without it")

    def failed(self, error: BaseException) -> PluginError:
        """Return the error that says with what it failed."""
        return self.fault(f"failed: {in_words(error)}")


def part(group: str, name: str) -> Part | None:
    """Return what a plugin brings under a name; None if it is imgtrans's own."""
    package = "" if name in BUILT_IN[group] else package_of(group, name)
    return Part(group, name, package) if package else None


def whose(error: BaseException) -> str:
    """Return the package of a stranger's in which an error was raised; "" if that is imgtrans's or PyTorch's code."""
    trace, found = error.__traceback__, ""
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", "")).partition(".")[0]
        if module not in _KNOWN:
            found = module
        trace = trace.tb_next
    return found


def strangers(types: Iterable[type]) -> str:
    """Return in words which packages of strangers some classes come from, as `` of imgtrans_pix2pix``; "" for none."""
    found = sorted({kind.__module__.partition(".")[0] for kind in types} - _KNOWN)
    return f" of {' and '.join(found)}" if found else ""


def in_words(error: BaseException) -> str:
    """Return an error in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": ")


@contextmanager
def blamed(part: Part | None, *meant: type[Exception]) -> Iterator[None]:
    """Have whatever goes wrong in a plugin be a :class:`PluginError` that names it.

    Errors that say by themselves what is to be done, and too little memory, are no fault of its own.

    Args:
        part: What is called; None for imgtrans's own, of which an error is a bug.
        meant: Errors that it may raise.
    """
    let_through: tuple[type[Exception], ...] = (ImgtransError, MemoryError, *meant)
    try:
        yield
    except let_through:
        raise
    except (Exception, SystemExit) as error:  # it may fail in any way
        if part is None or (isinstance(error, RuntimeError) and is_out_of_memory(error)):
            raise
        raise part.failed(error) from error
