"""What can be found wrong with a training, or doubtful, before PyTorch is there: in a moment instead of seconds."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from imgtrans.errors import FilesError, ModelError, UnavailableError
from imgtrans.hardware import check_device, check_precision
from imgtrans.training.data.checkup import checkup, files_of
from imgtrans.training.data.folders import Data, folders_of
from imgtrans.training.data.remarks import WRONG, Remark
from imgtrans.training.objectives.choice import check_known
from imgtrans.training.options import TrainOptions
from imgtrans.training.place import check_place
from imgtrans.zoo.store import find, is_path

_USUAL_RATE = 0.01  # fifty times the paper's; above it, weights that begin at 0.02 are thrown about


def check_beforehand(data: Data, folder: Path, given: dict[str, Any], resume: bool) -> None:
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
    files_of(folders_of(data))


def doubts_beforehand(given: dict[str, Any], resume: bool) -> Iterator[str]:
    """Return what a person should know of the options before a training begins, a sentence each."""
    options = TrainOptions(**given) if resume else TrainOptions.chosen(given)
    if options.learning_rate > _USUAL_RATE:
        times = options.learning_rate / TrainOptions.learning_rate
        yield (
            f"--learning-rate {options.learning_rate:g} is {times:,.0f} times the paper's 0.0002: the networks will "
            "most probably come apart"
        )
    if options.learning_rate == 0:
        yield "--learning-rate is 0: nothing will be learnt"


def remarks_beforehand(data: Data, given: dict[str, Any]) -> Iterator[Remark]:
    """Return what a short look at the pictures shows before a new training begins.

    Raises:
        FilesError: If there is nothing to learn from them.
    """
    for remark in checkup(folders_of(data), TrainOptions(**given).crop, thorough=False):
        if remark.state == WRONG:
            raise FilesError(remark.said, remark.hint)
        yield remark


def check_tensorboard() -> None:
    """Make sure that event files can be written.

    Raises:
        UnavailableError: If TensorBoard is not installed.
    """
    if find_spec("tensorboard") is None:
        raise UnavailableError(
            "--tensorboard needs TensorBoard, which is not installed",
            "install it with: pip install 'imgtrans[tensorboard]'",
        )
