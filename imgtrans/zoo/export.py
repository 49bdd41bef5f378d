"""A model as a file for other programs, compared with the model itself before it appears under its name."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import torch
from torch import Tensor, nn

from imgtrans import checkpoint
from imgtrans.card import Card
from imgtrans.errors import FilesError, ModelError, UsageError
from imgtrans.files import written_atomically
from imgtrans.protocols import Architecture, Explaining
from imgtrans.zoo import programs
from imgtrans.zoo.adapting import channels_of
from imgtrans.zoo.architecture import architecture_of
from imgtrans.zoo.label import OWN, header, layouts_of
from imgtrans.zoo.loading import load_network
from imgtrans.zoo.store import Model

SUFFIXES = {"safetensors": ".safetensors", "pth": ".pth", "onnx": ".onnx", "torch.export": ".pt2"}
TOLERANCE = 1e-3

_WEIGHTS = ("safetensors", "pth")
_SIZES = ((1, 64, 64), (2, 96, 128))


@dataclass(frozen=True)
class Difference:
    """The largest difference of an exported file's output from the model's own, for pictures of one size.

    Attributes:
        batch: Pictures at once.
        height: Of the pictures in pixels.
        width: Of the pictures in pixels.
        largest: The difference, where values go from -1 to 1.
    """

    batch: int
    height: int
    width: int
    largest: float


@dataclass(frozen=True)
class Exported:
    """What an export has made.

    Attributes:
        layout: The layout of the state dict; "" where there is none.
        channels: Of the pictures that it takes.
        multiple: Their sides are multiples of this,
        smallest: and at least this.
        differences: From the model itself.
    """

    layout: str
    channels: int
    multiple: int
    smallest: int
    differences: tuple[Difference, ...]

    @property
    def largest(self) -> float:
        """The largest difference of all."""
        return max(difference.largest for difference in self.differences)


def export(model: Model, path: Path, to: str, *, layout: str = "", overwrite: bool = False) -> Exported:
    """Write a model in float32 as a file of the format ``to``, whole and found equal, or not at all.

    What is exported is the network: its pictures have the card's range of values and order of channels.

    Args:
        model: The model.
        path: The file.
        to: One of :data:`SUFFIXES`.
        layout: Whose names a state dict's keys have; "" takes the first that its architecture knows. A safetensors
            file carries the card as well, and can have the network's own.
        overwrite: Replace the file if it is there.

    Raises:
        UsageError: If there is no such format or layout.
        UnavailableError: If the packages that ONNX needs are not installed.
        ModelError: If the model cannot be loaded or exported, or the file computes something else.
        FilesError: If the file is there already, or cannot be written.
    """
    if to not in SUFFIXES:
        raise UsageError(f"{to!r} is not a format", f"use {', '.join(SUFFIXES)}")
    if to == "onnx":
        programs.check_onnx_is_here()
    if path.is_dir():
        raise FilesError(f"{path} is a folder", "name a file with -o")
    if path.exists() and not overwrite:
        raise FilesError(f"{path} is there already", "name another file with -o, or replace it with --overwrite")
    if not path.parent.is_dir():
        raise FilesError(f"there is no folder {path.parent}", "make it, or name another file with -o")
    architecture = architecture_of(model.card)
    network = load_network(model)  # before the layouts: it finds a card wanting
    parameters = model.card.parameters
    chosen, keys = _layout(model, architecture, layout, to) if to in _WEIGHTS else _no_layout(layout, to)
    multiple, smallest = architecture.multiple(parameters), architecture.smallest(parameters)
    if to == "torch.export":
        smallest = max(smallest, 2 * multiple)  # a side of one multiple would be a constant to it
    interface = programs.Interface(channels_of(model.card)[0], multiple, smallest)
    try:
        with written_atomically(path) as temporary, _explained(model, to):
            if to in _WEIGHTS:
                _write_weights(network, keys, to, temporary, header(model.card, chosen))
                exported: Callable[[Tensor], Tensor] = _rebuilt(architecture.build(parameters), keys, temporary)
            else:
                temporary.write_bytes(programs.WRITERS[to](network, interface, model))
                exported = programs.READERS[to](temporary)
            differences = _differences(network, exported, interface, model.card)
            done = Exported(chosen, interface.channels, multiple, smallest, differences)
            if not done.largest <= TOLERANCE:  # nor is NaN
                raise ModelError(
                    f"{model.name!r} as {to} computes something else: it differs by {done.largest:.2g}, where "
                    f"{TOLERANCE:g} is allowed",
                    "nothing was written; please report this",
                )
    except OSError as error:
        raise FilesError(f"{path} cannot be written: {error.strerror}") from error
    return done


@contextmanager
def _explained(model: Model, to: str) -> Iterator[None]:
    """Turn whatever an exporter or a runtime raises into a sentence."""
    try:
        yield
    except (ModelError, OSError):
        raise
    except Exception as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(f"{model.name!r} cannot be exported to {to}: {first}") from error


def _layout(model: Model, architecture: Architecture, layout: str, to: str) -> tuple[str, dict[str, str]]:
    layouts = layouts_of(model.card)
    if to == "pth":  # which has no header to say what it is
        del layouts[OWN]
    if layout and layout not in layouts:
        reason = _why_not(architecture, model, layout)
        if layout == OWN:
            reason = ": its keys alone do not say what network it is, and pth has no place for a card"
        raise UsageError(
            f"{model.name!r} cannot be laid out as {layout!r}{reason}",
            f"its layouts are {', '.join(layouts) or 'none'}",
        )
    if not layouts:
        raise ModelError(
            f"{model.name!r} has no layout that others read",
            "export it to safetensors, which carries its card, so that imgtrans models import takes it again; "
            "or to onnx or torch.export",
        )
    chosen = layout or next(iter(layouts))
    return chosen, dict(layouts[chosen])


def _why_not(architecture: Architecture, model: Model, layout: str) -> str:
    reason = architecture.why_no_layout(model.card.parameters, layout) if isinstance(architecture, Explaining) else ""
    return f": {reason}" if reason else ""


def _no_layout(layout: str, to: str) -> tuple[str, dict[str, str]]:
    if layout:
        raise UsageError(f"{to} has no layouts", f"leave --layout out, or export to {' or '.join(_WEIGHTS)}")
    return "", {}


def _write_weights(network: nn.Module, keys: dict[str, str], to: str, path: Path, entries: dict[str, str]) -> None:
    own = network.state_dict()
    weights = {theirs: own[key].detach().clone() for key, theirs in keys.items()}
    if to == "safetensors":
        checkpoint.write_weights(weights, path, entries)
    else:
        buffer = BytesIO()  # a full disk is an OSError then
        torch.save(weights, buffer)
        path.write_bytes(buffer.getvalue())


def _rebuilt(network: nn.Module, keys: dict[str, str], path: Path) -> nn.Module:
    """Return a new network, filled from an exported file."""
    weights = checkpoint.read_weights(path)
    network.load_state_dict({own: weights[theirs] for own, theirs in keys.items()}, strict=True)
    return network.eval()


@torch.inference_mode()
def _differences(
    network: nn.Module,
    exported: Callable[[Tensor], Tensor],
    interface: "programs.Interface",
    card: Card,
) -> tuple[Difference, ...]:
    (low, high), (least, most) = card.value_range, card.made_range
    generator = torch.Generator().manual_seed(0)
    differences = []
    for batch, height, width in interface.sizes(_SIZES):
        pictures = torch.rand(batch, interface.channels, height, width, generator=generator) * (high - low) + low
        ours, theirs = network(pictures), exported(pictures)
        if ours.shape != theirs.shape:
            raise ValueError(f"its output has the shape {tuple(theirs.shape)} instead of {tuple(ours.shape)}")
        largest = (ours - theirs).abs().max().item() * 2 / (most - least)
        differences.append(Difference(batch, height, width, largest))
    return tuple(differences)
