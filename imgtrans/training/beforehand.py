"""What can be found wrong with a training, or doubtful, before PyTorch is there: in a moment instead of seconds."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from imgtrans.errors import ModelError
from imgtrans.hardware import check_device, check_precision
from imgtrans.training.data.pictures import check_differ, doubts, pictures_in
from imgtrans.training.objectives.choice import check_known
from imgtrans.training.options import TrainOptions
from imgtrans.training.place import check_place
from imgtrans.zoo.store import find, is_path

_USUAL_RATE = 0.01  # fifty times the paper's; above it, weights that begin at 0.02 are thrown about


def check_beforehand(data: Path, folder: Path, given: dict[str, Any], resume: bool) -> None:
    """Find what is wrong with a training that is to begin or to go on; the arguments are those of ``run.prepare``.

    Raises:
        FilesError: If the data, or the run's folder, is not as it must be.
        UsageError: If an option makes no sense.
        ModelError: If the model to start from is not there.
    """
    options = TrainOptions(**given) if resume else TrainOptions.chosen(given)
    check_known(options.objective)
    check_device(options.device)
    check_precision(options.precision)
    check_place(folder, resume)
    if options.init and not is_path(options.init):
        find(options.init)
    elif options.init and not Path(options.init).expanduser().is_file():
        raise ModelError(f"there is no file {options.init}")
    check_differ(pictures_in(data, "trainA"), pictures_in(data, "trainB"))
    if (data / "testA").is_dir() and (data / "testB").is_dir():
        pictures_in(data, "testA")
        pictures_in(data, "testB")


def doubts_beforehand(data: Path, given: dict[str, Any], resume: bool) -> Iterator[str]:
    """Return what a person should know before a training begins, a sentence each; of pictures only the first time."""
    options = TrainOptions(**given) if resume else TrainOptions.chosen(given)
    if options.learning_rate > _USUAL_RATE:
        times = options.learning_rate / TrainOptions.learning_rate
        yield (
            f"--learning-rate {options.learning_rate:g} is {times:,.0f} times the paper's 0.0002: the networks will "
            "most probably come apart"
        )
    if options.learning_rate == 0:
        yield "--learning-rate is 0: nothing will be learnt"
    if resume:
        return
    domains = [pictures_in(data, domain) for domain in ("trainA", "trainB")]
    if both := check_differ(*domains):
        yield f"{both}: a picture cannot show what makes the difference if it stands on both sides"
    for files in domains:
        yield from doubts(files, options.crop)
