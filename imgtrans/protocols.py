"""Plain data that crosses processes, and what an implementation must do: all that a plugin author must read."""

import sys
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import nn

    Pixels = NDArray[np.uint8 | np.uint16]
else:
    Pixels = Any  # numpy takes a quarter of a second that --help does not have

Parameters = dict[str, Any]
TILINGS = ("auto", "exact", "off")
UPSAMPLING = ("guided", "bicubic")  # see Job.upsample


def option(default: Any, help: str, *, choices: Sequence[Any] = (), decides: bool = False) -> Any:
    """Return a field of a dataclass of options; see :class:`Configurable`.

    Args:
        default: What it is if nothing is said.
        help: What it is, for the person who asks.
        choices: All values that it can have; () if that is no short list.
        decides: Whether outputs differ by it, by more than rounding: what was made with another value is made again.
    """
    return field(default=default, metadata={"help": help, "choices": tuple(choices), "decides": decides})


@runtime_checkable
class Configurable(Protocol):
    """What a backend or an executor may be besides: one that has options of its own.

    Users give them as ``-O NAME.KEY=VALUE``, or as keys of ``[backends.NAME]`` in their configuration.

    Attributes:
        Options: A frozen dataclass of them. Each is a bool, int, float, str or Path made with :func:`option`; its
            ``__post_init__`` may raise a ValueError with a sentence.
    """

    Options: type

    def configured(self, options: Any) -> Any:
        """Return the same implementation with these options, an instance of :attr:`Options`."""
        ...


@dataclass(frozen=True)
class Item:
    """One picture to translate.

    Attributes:
        input: The file to read.
        output: Where its translation goes.
        key: ``output`` relative to the output folder, as bytes; what the journal knows it by.
        source: ``input`` relative to what the user named, as bytes.
        format: Pillow's name of the input's format.
        size: Bytes of the input when it was planned.
        mtime_ns: Its modification time then.
    """

    input: Path
    output: Path
    key: bytes
    source: bytes
    format: str
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class Wanted:
    """What the user wants of outputs where they are not to come out as the inputs went in.

    Attributes:
        format: Pillow's name of the format that they are written in; "" is each picture's own.
        quality: Of JPEG, WebP and AVIF, 1 to 100; 0 is the input's, or else a high one.
        flatten: Whether pictures with transparency are laid on white.
        keep_gray: Whether gray pictures stay gray.
        first_frame: Whether of an animation, or of a file of several pages, only the first is translated.
        depth: Bits of each channel, 8, or 16 in formats that hold them.
    """

    format: str = ""
    quality: int = 0
    flatten: bool = False
    keep_gray: bool = False
    first_frame: bool = False
    depth: int = 8


@dataclass(frozen=True)
class Job:
    """What is done to each picture of a run, apart from the model: plain data that a worker process gets.

    Attributes:
        size: Longest side at which the network works, in pixels; None is the picture's own.
        multiple: Sides the network works at are padded to a multiple of this.
        smallest: Sides the network works at are padded to at least this.
        max_pixels: Pictures with more pixels are refused before they are decoded.
        max_working_pixels: Pictures with more pixels than this at the size the network works at are refused.
        wanted: How outputs are written.
        upsample: How what the network changed at a smaller size is carried over, one of ``UPSAMPLING``.
        strength: The share of what the network changed that is taken, from 0; 1 is all of it.
        tag: Goes into the names of temporaries, by which shards of a run know their own.
        memory: Pictures that take more bytes than this, read and written without the network, are refused.
        gather_seconds: For how long outcomes come together, at most, since whoever makes them final waits for each
            group of them: for a disk, or a store.
    """

    size: int | None
    multiple: int
    smallest: int
    max_pixels: int
    max_working_pixels: int
    wanted: Wanted = Wanted()
    upsample: str = "guided"
    strength: float = 1.0
    tag: str = ""
    memory: int = sys.maxsize
    gather_seconds: float = 0.05


@dataclass(frozen=True)
class Outcome:
    """What became of one picture.

    Attributes:
        item: The picture.
        temporary: Its finished translation on disk, to be moved to ``item.output``; None if it failed.
        error: Why it failed, one sentence; "" if it did not.
        pixels: Pixels of the picture, 0 if it was never decoded.
        decode_seconds: What reading and preparing it took.
        model_seconds: Its share of the time that its batches took.
        encode_seconds: What finishing and writing it took.
        note: What the user has to know of it though it did not fail, one sentence; mostly "".
    """

    item: Item
    temporary: Path | None
    error: str = ""
    pixels: int = 0
    decode_seconds: float = 0.0
    model_seconds: float = 0.0
    encode_seconds: float = 0.0
    note: str = ""


@dataclass(frozen=True)
class Recognition:
    """What an architecture reads off the names and shapes of a checkpoint.

    Attributes:
        parameters: The network's parameters, as ``build`` takes them: plain values that TOML can hold. Two of them
            have a meaning for imgtrans, too: ``channels`` of the pictures that go in, and ``channels_out`` of those
            that come out, where an architecture can make the two differ.
        keys: For each key of the built network's state dict, the key of the checkpoint's that fills it. What the
            checkpoint holds besides does not matter to the network.
        dialect: Whose spelling of the keys it is, for people to read.
        assumed: What names and shapes cannot tell and the dialect decides: all such ``parameters``, and what is true of
            the pictures: ``value_range`` (two numbers), ``output_range`` (the same of what comes out; none if it is the
            same), ``channel_order`` ("RGB" or "BGR"). Another value of an assumed parameter changes what the network
            computes, never its state dict, so that ``keys`` hold for any.
        alternatives: Other assumptions that files of such names and shapes are known to need, the likeliest first: each
            some of ``assumed`` with other values, of which the first brings the others with it.
    """

    parameters: Parameters
    keys: Mapping[str, str]
    dialect: str = ""
    assumed: Parameters = field(default_factory=dict)
    alternatives: tuple[Parameters, ...] = ()


class Architecture(Protocol):
    """A kind of network: recognises its checkpoints by names and shapes, and builds them.

    Attributes:
        name: What cards call it; the entry point's name.
    """

    name: str

    def recognise(self, shapes: Mapping[str, tuple[int, ...]]) -> Recognition | None:
        """Return what network a state dict of these names and shapes belongs to, or None for somebody else's."""
        ...

    def build(self, parameters: Parameters) -> "nn.Module":
        """Build the network, which maps (N, channels, H, W) to pictures of the same height and width.

        No picture of a batch influences another once it is in evaluation mode. It may be built on the meta device.

        Raises:
            ValueError: If the parameters, which may come from anybody's card, are no such network's.
        """
        ...

    def multiple(self, parameters: Parameters) -> int:
        """Return what the sides of the pictures that the network takes are multiples of."""
        ...

    def smallest(self, parameters: Parameters) -> int:
        """Return the least side that it takes, itself such a multiple."""
        ...

    def layouts(self, parameters: Parameters) -> Mapping[str, Mapping[str, str]]:
        """Return the public layouts that its state dict can be exported in: their names to {own key: theirs}."""
        ...

    def bytes_per_pixel(self, parameters: Parameters) -> float:
        """Return the most memory that inference takes in float32, in bytes for each input pixel."""
        ...

    def examples(self) -> list[Parameters]:
        """Return the parameters of a few small networks, which :mod:`imgtrans.testing` tries all of this with."""
        ...


@runtime_checkable
class Explaining(Protocol):
    """What an architecture may be besides: it says why it does not do what it does not do."""

    def near_miss(self, shapes: Mapping[str, tuple[int, ...]]) -> str:
        """Say what keeps a state dict that :meth:`Architecture.recognise` does not know from being one of its own.

        Returns:
            Part of a sentence, as ``it fits X but for ...``; "" if it is far from any.
        """
        ...

    def why_no_layout(self, parameters: Parameters, layout: str) -> str:
        """Say why a network cannot be exported in a layout; "" if there is no such layout at all."""
        ...


@runtime_checkable
class Reading(Protocol):
    """What an architecture may be besides: it reads files of a kind of its own, which are no checkpoints of weights."""

    def read(self, path: Path) -> "tuple[Mapping[str, torch.Tensor], Recognition] | None":
        """Return the weights in a file and what network they are; None if the file is not of its kind.

        Nothing in the file may be run as code. The weights' names are those that ``keys`` of the recognition refer to.

        Raises:
            ModelError: If it is of its kind, but cannot be used; the sentence says why.
        """
        ...


class Session(Protocol):
    """A network made ready on a device."""

    def run(self, pictures: Pixels) -> Pixels:
        """Translate pictures (N, H, W, 3), 0 to 255 (uint8) or 0 to 65535 (uint16), to the same shape and type.

        H and W are such that the network keeps them: multiples of the architecture's ``multiple``, to which
        :func:`imgtrans.translate.prepare` pads; others are refused, never answered with another shape.

        Raises:
            MemoryError: If the batch does not fit; fewer pictures may.
            ValueError: If the network makes pictures of another size of these.
        """
        ...


class Interrupted(BaseException):
    """What a session's run ends with once it is interrupted; no error of a picture's."""


@runtime_checkable
class Interruptible(Protocol):
    """What a session may be besides: a run that takes long need not be waited for when everything is to end."""

    def interrupt(self) -> None:
        """End the run that is at work in another thread soon, and every later one at once, with `Interrupted`."""
        ...


@runtime_checkable
class Batching(Protocol):
    """What a session may be besides: one that makes ready for how much it will be given together."""

    def expect(self, pictures: int, pixels: int) -> None:
        """Be told, before the first run, how many pictures and pixels of one size may at most be computed together."""
        ...


class Backend(Protocol):
    """A way to compute a network.

    Attributes:
        name: The entry point's name.
    """

    name: str

    def open(self, network: "nn.Module", device: "torch.device", precision: "torch.dtype") -> Session:
        """Make a network ready; it is the backend's from then on."""
        ...


@dataclass
class Ready:
    """A model made ready on a machine, and what is done there with it.

    Attributes:
        sessions: The network on each device, at least one. Each is for one thread at a time, and it does not matter
            which of them translates a picture.
        job: What is done to each picture.
        batch_size: Pictures of one size computed together, at most.
        batch_pixels: Pixels computed together, at most (though never less than one picture).
        workers: Pictures that are read and written at a time.
        pictures_memory: Bytes of main memory that these may take together.
    """

    sessions: "Sequence[Session]"
    job: Job
    batch_size: int
    batch_pixels: int
    workers: int
    pictures_memory: int

    def describe(self) -> str:
        """Return where and how it computes, in words."""
        return ""

    def close(self) -> None:
        """It is not used any more."""


class Opening(Protocol):
    """How a model is made ready: plain data. Pickled, it brings the model along, for any machine that has imgtrans."""

    @property
    def device(self) -> str:
        """Where it is to compute, as ``--device`` says."""
        ...

    def open(
        self,
        *,
        progress: Callable[[float], None] = ...,
        warn: Callable[[str], None] = ...,
        beside: int = 0,
    ) -> Ready:
        """Make it ready here.

        Args:
            progress: Is told the share of a large picture that is done, from 0 to 1.
            warn: Is told what is unwise.
            beside: How many others are made ready on this machine, which share its memory with this one.

        Raises:
            ImgtransError: If that cannot be.
        """
        ...


class Executor(Protocol):
    """Whoever does the work of a run: reads, computes and writes, here or elsewhere.

    What is registered makes one, called as ``(opening, progress=..., warn=...)`` with an :class:`Opening` and what that
    tells; it opens the model here, or has others do so. :class:`imgtrans.executors.pipeline.Pipeline` is what one can
    be made of.
    """

    def describe(self) -> str:
        """Return where and how it computes, in words."""
        ...

    def run(self, items: Iterable[Item]) -> Generator[list[Outcome]]:
        """Translate every item, yielding outcomes as they come, in any order; each item has exactly one.

        Items are drawn as they are needed, by one thread, which need not be the caller's. If it is not run to its end
        there need not be another after it; sessions may be interrupted.

        Raises:
            FilesError: If no output can be written any more (a full disk).
        """
        ...

    def close(self) -> None:
        """End it, and every process that it has started."""
        ...


@dataclass(frozen=True)
class Setup:
    """What an objective is made with.

    Attributes:
        options: The settings of the training, frozen: each option of ``imgtrans train`` under its name, as
            ``learning_rate``, ``batch_size``, ``crop``, ``seed``; see :class:`imgtrans.training.options.TrainOptions`.
        device: Where the networks are trained.
        generator: Makes a generator of the kind and size that the training is for, (N, 3, H, W) to the same in [-1, 1],
            on the CPU, with weights drawn from PyTorch's random numbers.
        rank: Which of the processes that train together this is, from 0. Weights are the first one's everywhere; what
            is drawn while training should differ.
    """

    options: Any
    device: "torch.device"
    generator: "Callable[[], nn.Module]"
    rank: int = 0


class Update(NamedTuple):
    """Something to minimise: whoever asked for it computes the gradients and has the optimiser take a step.

    Attributes:
        optimizer: One of :meth:`Objective.optimizers`.
        loss: A scalar, the mean over the batch.
    """

    optimizer: "torch.optim.Optimizer"
    loss: "torch.Tensor"


class Objective(Protocol):
    """What generators are to learn from pictures of two domains, and from whom: networks, losses, optimisers.

    What is registered makes one, called with a :class:`Setup`. Networks, optimisers and averages of generators are
    saved and loaded by imgtrans; an objective adds what else it has to remember.
    """

    def networks(self) -> "Mapping[str, nn.Module]":
        """Return all networks that are trained by name, generators included, the same each time."""
        ...

    def generators(self) -> "Mapping[str, nn.Module]":
        """Return the generators that the training is for: ``G_AB``, which makes B of A, and if it has one ``G_BA``."""
        ...

    def optimizers(self) -> "Sequence[torch.optim.Optimizer]":
        """Return the optimisers, in an order that stays; each weight belongs to one of them at the most."""
        ...

    def loss_names(self) -> tuple[str, ...]:
        """Return what the losses are called, the generators' total first; names begin with ``G`` or ``D``."""
        ...

    def step(self, real_A: "torch.Tensor", real_B: "torch.Tensor") -> "Generator[Update, None, torch.Tensor]":
        """Take one step: yield what is to be minimised, one thing after another, each of it once.

        The updates are made in between, so that what is yielded next sees the new weights. With several batches for a
        step, several of these are at work side by side, and the optimiser takes one step for all of them.

        Args:
            real_A: Pictures of A, (N, 3, H, W) in [-1, 1].
            real_B: Of B, likewise, and as many.

        Returns:
            The losses in the order of :meth:`loss_names`, without their graphs, on the device.
        """
        ...

    def passes(self) -> "Sequence[tuple[nn.Module, int]]":
        """Return how many forward passes of each network on one batch a step takes; a backward pass counts as two."""
        ...

    def bytes_to_remember(self) -> int:
        """Return how large :meth:`state_dict` will be at the most, about."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Return what is to be remembered besides networks and optimisers: nests of tensors and plain values."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on exactly where the objective that gave ``state``, of which all tensors are on the CPU, stopped."""
        ...
