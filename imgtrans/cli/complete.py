"""What a shell offers when the Tab key is pressed; nothing here needs torch."""

from collections.abc import Callable
from pathlib import Path

from imgtrans.batch.asked import Option
from imgtrans.registry import registered
from imgtrans.zoo.store import names

Completer = Callable[[str], list[str]]


def models(incomplete: str) -> list[str]:
    """Return the names of the zoo's models that begin so; of several with commas between, the last one's."""
    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in names() if name.startswith(last)]


def devices(incomplete: str) -> list[str]:
    """Return what devices may be called; which there are, only PyTorch would know."""
    known = ("auto", "cpu", "cuda", "cuda:0", "mps", "xpu", "xpu:0", "all")
    return [name for name in known if name.startswith(incomplete)]


def backends(incomplete: str) -> list[str]:
    """Return the names of the backends that are installed."""
    found = ["auto", *(one.name for one in registered("imgtrans.backends"))]
    return [name for name in found if name.startswith(incomplete)]


def executors(incomplete: str) -> list[str]:
    """Return the names of the executors that are installed."""
    return [one.name for one in registered("imgtrans.executors") if one.name.startswith(incomplete)]


def sizes(incomplete: str) -> list[str]:
    """Return sizes that are usual."""
    return [name for name in ("auto", "native", "256", "512", "1024") if name.startswith(incomplete)]


def runs(incomplete: str) -> list[str]:
    """Return the names of the trainings in the folder where these are by default."""
    found = Path("runs")
    there = sorted(path.name for path in found.iterdir() if path.is_dir()) if found.is_dir() else []
    return [name for name in there if name.startswith(incomplete)]


def of(name: str, option: Option) -> Completer | None:
    """Return what completes an option's value; None leaves it to the shell, which knows files."""
    if option.choices:
        choices = [*map(str, option.choices)]
        return lambda incomplete: [choice for choice in choices if choice.startswith(incomplete)]
    return {"model": models, "device": devices, "backend": backends, "executor": executors, "size": sizes}.get(name)
