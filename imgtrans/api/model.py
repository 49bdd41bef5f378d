"""A loaded model: called with a picture it returns the translation, and it runs through folders as the command does."""

import math
import os
import tempfile
import warnings
from collections.abc import Generator, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, overload

from imgtrans.api.files import translated_file
from imgtrans.api.network import Network
from imgtrans.api.results import Result, results
from imgtrans.api.spoken import spoken
from imgtrans.batch.asked import DEFAULT_MODEL, Request
from imgtrans.batch.opening import EXECUTORS, check_executor
from imgtrans.batch.request import check_memory, model_of, prepare, working_side
from imgtrans.card import Card
from imgtrans.memory import bytes_of
from imgtrans.opening import GROUP as BACKENDS
from imgtrans.opening import check_backend
from imgtrans.settings import settled
from imgtrans.storage.address import addressed
from imgtrans.zoo.store import is_path

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from PIL import Image

    Picture = TypeVar("Picture", Image.Image, NDArray[Any], torch.Tensor, Path, str)

StrPath = str | os.PathLike[str]


def load(
    model: StrPath = DEFAULT_MODEL,
    *,
    device: str = "auto",
    precision: str = "auto",
    backend: str = "auto",
    executor: str = "local",
    option: Sequence[str] = (),
    size: str | int = "auto",
    upsample: str = "guided",
    strength: float = 1.0,
    batch_size: int | None = None,
    tiling: str = "auto",
    memory: str = "",
    scratch: StrPath | None = None,
) -> "Model":
    """Load a model, ready to translate. All options mean what those of ``imgtrans run`` mean.

    Args:
        model: Its name in the zoo, or the path of a checkpoint; a text with a separator or a checkpoint's suffix is a
            path.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N``, ``mps``, ``xpu``, ``xpu:N``, several as ``cuda:0,cuda:1``, or
            ``all``.
        precision: ``auto``, ``float32`` or ``bfloat16``.
        backend: What computes the network; ``auto`` is the fastest that can.
        executor: Who does the work of :meth:`Model.run`: ``local`` is this machine, a plugin's may be a cluster. What
            is called with pictures translates them here.
        option: Options that backend and executor have of their own, each as ``onnx.threads=2``.
        size: Longest side at which the network works, in pixels, ``auto`` for what the model's card says, or
            ``native``. Pictures always come out at their own size.
        upsample: ``guided`` or ``bicubic``: how the change is carried over where the network works at a smaller size.
        strength: The share of the change that is taken, 0 to 1.5.
        batch_size: Pictures of one size computed together, at most; None is what memory allows.
        tiling: ``auto``, ``exact`` or ``off``: which pictures are streamed strip by strip.
        memory: Main memory that may be taken, as ``4GB``; "" is most of what is free.
        scratch: The folder for what streaming stores beyond that; None is the system's for temporary files.

    Raises:
        ModelError: If there is no such model, or it cannot be read or recognised.
        UnavailableError: If the device or backend is not there.
        UsageError: If an option has a value that makes no sense.
    """
    reference = os.fspath(model)
    if is_path(reference):
        reference = str(Path(reference).expanduser().absolute())  # whatever folder is the working one later
    with spoken():
        return Model(
            Request(
                model=reference,
                device=device,
                precision=precision,
                backend=backend,
                executor=executor,
                option=option,
                size=str(size),
                upsample=upsample,
                strength=strength,
                batch_size=batch_size,
                tiling=tiling,
                memory=memory,
                scratch=None if scratch is None else Path(scratch),
            )
        )


class Model:
    """A model that is loaded; :func:`imgtrans.load` makes it. Any number of threads may use it at the same time.

    It is its own context manager: ``with imgtrans.load("summer2winter") as model``.

    Attributes:
        card: Its card: name, what it turns into what, architecture, licence, and so on.
        device: Where it computes, as ``cpu``, ``cuda:0`` or ``cuda:0,cuda:1``.
    """

    card: Card
    device: str

    def __init__(self, asked: Request) -> None:
        from imgtrans.batch.engine import Engine  # noqa: PLC0415 - and with it PyTorch

        self._asked = asked
        check_memory(asked)
        check_backend(asked.backend)
        check_executor(asked.executor)
        used = {BACKENDS: asked.backend, EXECUTORS: asked.executor}
        model = model_of(asked)
        self.card = model.card
        engine = Engine(
            model,
            working_side(asked.size, model),
            asked.device,
            asked.precision,
            asked.batch_size or 0,
            upsample=asked.upsample,
            strength=asked.strength,
            tiling=asked.tiling,
            memory=bytes_of(asked.memory) if asked.memory else 0,
            scratch=asked.scratch or Path(tempfile.gettempdir()),
            backend=asked.backend,
            settings=settled(asked.option, asked.settings, used).get(asked.backend),
            pictures=lambda: math.inf,
            warn=lambda text: warnings.warn(text, stacklevel=2),
        )
        self.device = ",".join(map(str, engine.devices))
        self._said = f"{self.card.name!r} {engine.describe()}"
        self._network = Network(engine, self.card.name)

    def __repr__(self) -> str:
        return f"<imgtrans.Model {self._said}{', closed' if self._network.closed else ''}>"

    @overload
    def __call__(self, image: "list[Picture] | tuple[Picture, ...]") -> "list[Picture]": ...

    @overload
    def __call__(self, image: "Picture") -> "Picture": ...

    def __call__(self, image: Any) -> Any:
        """Translate a picture, or several in a list, and return the same kind of thing, as large as it was.

        What comes out is what ``imgtrans run`` makes of a file with such a picture.

        Args:
            image: One of these, or a list or tuple of them. A PIL image of any mode, with its orientation and colour
                profile; alpha is kept. An array (H, W), (H, W, 3) or (H, W, 4), gray, RGB or RGBA, or (N, H, W,
                channels): ``uint8`` is 0 to 255, ``uint16`` 0 to 65535, and floats are 0 to 1. A tensor likewise, but
                (channels, H, W) or (N, channels, H, W), on any device. Gray comes back with three channels. The path of
                a file: its translation goes beside it, as with ``imgtrans run``, and its path is returned.

        Raises:
            ImageError: If a file cannot be translated, or there is too little memory for a picture.
            UsageError: If it is no picture, or the model is closed.
        """
        with spoken():
            if isinstance(image, list | tuple):
                return self._translated([*image])
            return self._translated([image])[0]

    def run(
        self,
        inputs: StrPath | Iterable[StrPath] = (),
        output: StrPath | None = None,
        *,
        format: str = "keep",
        quality: int | None = None,
        alpha: str = "keep",
        keep_gray: bool = False,
        depth: int = 8,
        suffix: str = "",
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        include_outputs: bool = False,
        limit: int | None = None,
        files_from: StrPath | None = None,
        null: bool = False,
        max_pixels: int | None = None,
        frames: str = "all",
        journal: StrPath | None = None,
        overwrite: bool = False,
        force: bool = False,
        retry_failed: bool = False,
        shard: str = "",
    ) -> Generator[Result]:
        """Translate files and folders as ``imgtrans run`` does, with the same outputs, byte for byte, and journal.

        What is asked for is checked at once; the work begins with the first result that is drawn, and goes on while
        they are. A failed picture is a result. Who stops to draw stops the run, and the next one, by whomever, does the
        rest. All options mean what the command's mean.

        Args:
            inputs: A file or folder, or several; addresses of object storage as well.
            output: Where outputs go; None is beside the input, named after the model.
            format: ``keep``, ``jpg``, ``png``, ``webp``, ``avif`` or ``tiff``.
            quality: Of JPEG, WebP and AVIF, 1 to 100; None is what the picture had.
            alpha: ``keep``, or ``flatten`` onto white.
            keep_gray: Whether gray pictures stay gray.
            depth: Bits a channel, 8 or 16.
            suffix: Added to the names of outputs.
            include: Patterns of what is taken; nothing is everything.
            exclude: Patterns of what is left out.
            include_outputs: Whether pictures that imgtrans itself has made are taken, too.
            limit: Translate so many at most.
            files_from: A file that lists what is taken, a path a line.
            null: Whether NUL separates them there.
            max_pixels: Larger pictures are refused; None is a gigapixel.
            frames: ``all`` or ``first``, of animations and files of several pages.
            journal: Of outputs in object storage, the folder of this machine that knows what was made; None is beside
                them.
            overwrite: Whether outputs that imgtrans did not make are replaced.
            force: Whether what is done is done again.
            retry_failed: Whether nothing is done but what failed the last time.
            shard: ``I/N`` does the I-th of N parts.

        Raises:
            FilesError: If an input is missing, the output folder is in use, or nothing can be written any more.
            UsageError: If an option has a value that makes no sense, or the model is closed.
        """
        self._network.check()
        given = [inputs] if isinstance(inputs, str | os.PathLike) else [*inputs]
        with spoken():
            request = replace(
                self._asked,
                inputs=[addressed(os.fspath(one)) for one in given],
                output=None if output is None else addressed(os.fspath(output)),
                format=format,
                quality=quality,
                alpha=alpha,
                keep_gray=keep_gray,
                depth=depth,
                suffix=suffix,
                include=include,
                exclude=exclude,
                include_outputs=include_outputs,
                limit=limit,
                files_from=None if files_from is None else Path(files_from),
                null=null,
                max_pixels=max_pixels,
                frames=frames,
                journal=None if journal is None else Path(journal),
                overwrite=overwrite,
                force=force,
                retry_failed=retry_failed,
                shard=shard,
            )
            return results(prepare(request))

    def close(self) -> None:
        """Let go of the network, once nobody is using it any more; nothing can be translated with it then."""
        self._network.close()

    def __enter__(self) -> "Model":
        """Use it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def _translated(self, given: list[Any]) -> list[Any]:
        from imgtrans.api.kinds import taken  # noqa: PLC0415 - and with it numpy

        self._network.check()
        kinds = [None if isinstance(one, str | os.PathLike) else taken(one) for one in given]
        made = iter(self._network.translate([picture for kind in kinds if kind for picture in kind.pictures]))
        return [
            translated_file(self.run, one) if kind is None else kind.back([next(made) for _ in kind.pictures])
            for one, kind in zip(given, kinds, strict=True)
        ]
