"""What a user can ask of a translation: one description, of which commands and their help are made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

from imgtrans.errors import OptionError
from imgtrans.hardware import PRECISIONS, check_devices
from imgtrans.opening import AUTO
from imgtrans.protocols import TILINGS, UPSAMPLING

DEFAULT_MODEL = "summer2winter"
SMALLEST_SIZE = 16
# Below what options are listed in help, in this order.
GROUPS = INPUT, MODEL, OUTPUT, SOURCES, SPEED, SEVERAL, SERVICE, MESSAGES = (
    "Input", "Model", "Output", "Afterwards", "Speed and memory", "Several machines", "As a service", "Messages",
)  # fmt: skip
FORMATS = ("keep", "jpg", "png", "webp", "avif", "tiff")


@dataclass(frozen=True)
class Option:
    """How one field of a request is asked for: what ``Annotated`` carries beside its type.

    Attributes:
        help: What it is, for the person who asks.
        short: Its short name, as ``-m``; "" if it has none.
        value: What stands for its value in help, as ``FOLDER``.
        choices: All values that it can have; () if that is no short list.
        aliases: Other names of some choices.
        least: The smallest number that it can be.
        most: The largest.
        default: What it is if it is not given, in words, where the field's default does not say it.
        watched: Whether a folder that is watched takes it, too, and not only one that is run through once.
        group: Below which of ``GROUPS`` help lists it.
    """

    help: str
    short: str = ""
    value: str = ""
    choices: tuple[str | int, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    least: float | None = None
    most: float | None = None
    default: str = ""
    watched: bool = True
    group: str = OUTPUT


@dataclass(frozen=True)
class Request:
    """What the user asked for, in plain values; ``inputs`` are files and folders.

    ``settings`` is what the configuration says of options as ``option`` gives them: by kind, name and key.

    Raises:
        OptionError: If a value makes no sense, whatever the pictures and the machine are.
    """

    inputs: Sequence[Path] = ()
    settings: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict, kw_only=True)
    model: Annotated[
        str, Option("A model's name, or the path of a checkpoint.", short="-m", value="MODEL", group=MODEL)
    ] = DEFAULT_MODEL
    output: Annotated[
        Path | None,
        Option(
            "Where outputs go; run takes - for standard output.",
            short="-o",
            value="PATH",
            default="beside the input, named after the model",
        ),
    ] = None
    size: Annotated[
        str,
        Option(
            "Longest side at which the network works: auto (what the model's card says), native, or pixels. Pictures "
            "always come out at their own size and keep their own detail.",
            value="auto|native|PIXELS",
            group=MODEL,
        ),
    ] = "auto"
    upsample: Annotated[
        str,
        Option(
            "How what the network changed at a smaller size is carried over to the full picture: guided (along the "
            "picture's own edges), or bicubic (for models that draw fine patterns).",
            choices=UPSAMPLING,
            group=MODEL,
        ),
    ] = "guided"
    strength: Annotated[
        float,
        Option(
            "How much of the change is taken: 0 is none, 0.6 a gentler picture, 1 what the network made, 1.5 more.",
            value="NUMBER",
            least=0,
            most=1.5,
            group=MODEL,
        ),
    ] = 1.0
    device: Annotated[
        str,
        Option(
            "auto, cpu, cuda, cuda:N, mps, xpu, xpu:N, several as cuda:0,cuda:1, or all.", value="DEVICE", group=SPEED
        ),
    ] = "auto"
    precision: Annotated[str, Option("What the network computes in.", choices=PRECISIONS, group=SPEED)] = "auto"
    backend: Annotated[
        str,
        Option(
            "How the network is computed: eager is plain PyTorch, prepared a program of kernels made for a CPU, fused "
            "one for a CUDA device; auto the fastest that can.",
            value="auto|NAME",
            group=SPEED,
        ),
    ] = AUTO
    option: Annotated[
        Sequence[str],
        Option(
            "An option that what is used has of its own, as -O onnx.threads=2; imgtrans plugins --options lists them.",
            short="-O",
            value="NAME.KEY=VALUE",
            group=SPEED,
        ),
    ] = ()
    batch_size: Annotated[
        int | None,
        Option(
            "Pictures of one size computed together, at most.",
            value="N",
            least=1,
            default="what memory allows",
            group=SPEED,
        ),
    ] = None
    format: Annotated[
        str,
        Option(
            "What outputs are written as; keep is what the picture was.",
            choices=FORMATS,
            aliases={"jpeg": "jpg", "tif": "tiff"},
        ),
    ] = "keep"
    quality: Annotated[
        int | None,
        Option(
            "Quality of JPEG, WebP and AVIF, 1 to 100.",
            value="N",
            least=1,
            most=100,
            default="what the picture had, or else a high one",
        ),
    ] = None
    alpha: Annotated[
        str, Option("Transparency: keep it, or flatten the picture onto white.", choices=("keep", "flatten"))
    ] = "keep"
    keep_gray: Annotated[bool, Option("Write gray pictures gray, with the translation's lightness.")] = False
    depth: Annotated[
        int,
        Option("Bits a channel; 16 in PNG and TIFF: read, translated and written with all of them.", choices=(8, 16)),
    ] = 8
    suffix: Annotated[
        str, Option("Added to the names of outputs: with -winter, a.jpg becomes a-winter.jpg.", value="TEXT")
    ] = ""
    include: Annotated[
        Sequence[str],
        Option(
            "Take only what matches, as '*.jpg' or 'holiday/**'; several add up. One without a slash is of a name in "
            "any folder, one with is of the path below the input. Upper and lower case are the same.",
            value="GLOB",
            group=INPUT,
        ),
    ] = ()
    exclude: Annotated[
        Sequence[str], Option("Leave out what matches, even if included.", value="GLOB", group=INPUT)
    ] = ()
    include_outputs: Annotated[bool, Option("Take pictures that imgtrans itself has made, too.", group=INPUT)] = False
    limit: Annotated[
        int | None,
        Option("Translate so many pictures at most.", value="N", least=1, watched=False, group=INPUT),
    ] = None
    files_from: Annotated[
        Path | None,
        Option(
            "Take only what FILE (- is standard input) lists, a path a line; outputs go where they would without, or "
            "without INPUTS by their paths from the working folder.",
            value="FILE",
            watched=False,
            group=INPUT,
        ),
    ] = None
    null: Annotated[
        bool, Option("What --files-from reads is separated by NUL.", short="-0", watched=False, group=INPUT)
    ] = False
    max_pixels: Annotated[
        int | None, Option("Refuse pictures with more pixels.", value="N", least=1, default="a gigapixel", group=INPUT)
    ] = None
    frames: Annotated[
        str,
        Option(
            "Of animations and files of several pages: all frames, or the first.", choices=("all", "first"), group=INPUT
        ),
    ] = "all"
    tiling: Annotated[
        str,
        Option(
            "auto streams pictures that are too large for memory, or faster so, strip by strip, with the result that "
            "they would have whole; exact streams every picture; off none, and refuses what is too large.",
            choices=TILINGS,
            group=SPEED,
        ),
    ] = "auto"
    memory: Annotated[
        str,
        Option(
            "Main memory that the run may take in all, as 4GB.",
            value="AMOUNT",
            default="most of what is free",
            group=SPEED,
        ),
    ] = ""
    scratch: Annotated[
        Path | None,
        Option(
            "The folder for what streaming stores beyond that, and for pictures from and to object storage.",
            value="FOLDER",
            default="the output folder, or the system's for temporary files",
            group=SPEED,
        ),
    ] = None
    journal: Annotated[
        Path | None,
        Option(
            "Of outputs in object storage: the folder of this machine in which it is kept what was made there.",
            value="FOLDER",
            default="kept beside the outputs",
            watched=False,
        ),
    ] = None
    overwrite: Annotated[bool, Option("Replace outputs that imgtrans did not make.")] = False
    force: Annotated[bool, Option("Redo what imgtrans has done before.", watched=False)] = False
    retry_failed: Annotated[
        bool, Option("Do only what failed the last time. A run without it does that, too.", watched=False, group=INPUT)
    ] = False
    executor: Annotated[
        str,
        Option(
            "Who does the work: local is this machine, another, as ray, comes with a plugin.",
            value="NAME",
            group=SEVERAL,
        ),
    ] = "local"
    shard: Annotated[
        str,
        Option(
            "Do the I-th of N parts, as 3/16: each machine of a job array does another. Every picture is in one.",
            value="I/N",
            watched=False,
            group=SEVERAL,
        ),
    ] = ""

    def __post_init__(self) -> None:
        for name, (_, option) in described(Request).items():
            object.__setattr__(self, name, checked(name, getattr(self, name), option))
        if self.size not in ("auto", "native") and not (self.size.isdecimal() and int(self.size) >= SMALLEST_SIZE):
            hint = f"use auto, native or a number of pixels from {SMALLEST_SIZE} up"
            raise OptionError("size", f"is {self.size!r}", hint)
        check_devices(self.device)


def described(kind: type) -> dict[str, tuple[Any, Option]]:
    """Return the type and the description of each field of a dataclass that has one, in their order."""
    hints = get_type_hints(kind, include_extras=True)
    annotations = {one.name: get_args(hints[one.name]) for one in fields(kind)}
    return {
        name: (arguments[0], option)
        for name, arguments in annotations.items()
        for option in arguments[1:]
        if isinstance(option, Option)
    }


def checked(name: str, value: Any, option: Option) -> Any:
    """Return an option's value, an alias replaced by what it stands for.

    Raises:
        OptionError: If the option cannot have that value.
    """
    if value is None:
        return None
    if option.choices:
        value = option.aliases.get(value, value)
        if value not in option.choices:
            *others, last = map(str, option.choices)
            raise OptionError(name, f"is {value!r}", f"use {', '.join(others)} or {last}")
    too_small = option.least is not None and not value >= option.least  # NaN is neither
    if too_small or (option.most is not None and value > option.most):
        raise OptionError(name, f"is {value:g}", f"use {_range(option)}")
    return value


def _range(option: Option) -> str:
    least = "a number" if option.least is None else f"a number from {option.least:g}"
    return f"{least} to {option.most:g}" if option.most is not None else f"{least} up"
