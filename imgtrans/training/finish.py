"""The end of a training run: both generators, with complete cards, into the zoo."""

import csv
import hashlib
from datetime import UTC, datetime
from pathlib import Path

from torch import nn

from imgtrans import __version__
from imgtrans.architectures.family import architecture
from imgtrans.card import Card
from imgtrans.checkpoint import content_of, shapes_of, write_weights
from imgtrans.errors import FilesError, ModelError, UnavailableError
from imgtrans.training.data.folders import Data, folders_of
from imgtrans.training.grid import grid_pictures
from imgtrans.training.guards.guarding import standing_troubles
from imgtrans.training.naming import domains, reverse_name
from imgtrans.training.run import TrainingRun
from imgtrans.training.state import CHANNELS
from imgtrans.training.verdict import check_generator
from imgtrans.zoo.store import Model, find, install

_METRIC_STEPS = 1000
_HOW = {
    "cyclegan": "as a CycleGAN (Zhu et al., ICCV 2017)",
    "modern": "as a CycleGAN (Zhu et al., ICCV 2017) with what has been found to help it",
    "cut": "by CUT (Park et al., ECCV 2020)",
    "fastcut": "by FastCUT (Park et al., ECCV 2020)",
}


def install_results(run: TrainingRun, name: str, data: Data, anyway: bool = False, suffix: str = "") -> list[Model]:
    """Put the generators of a run into the zoo, if they are good for something; one that is there stays.

    Args:
        run: Of which the state is what it is about.
        name: Of the training.
        data: Its pictures.
        anyway: Also put there what the guards have found to be in trouble; the cards say so.
        suffix: Is added to the models' names.

    Raises:
        UnavailableError: If one of them makes no pictures, or the guards found trouble, so that none is installed.
        FilesError: If a name was taken meanwhile, or the zoo cannot be written.
    """
    source, target = domains(name)
    pictures_A, pictures_B = (pictures.to(run.state.device) for pictures in grid_pictures(run.grid_crops))
    generators = run.state.results()
    troubles = standing_troubles(run.folder, run.state.step, run.steps)
    if troubles and not anyway:
        more = f" (and {len(troubles) - 1} more)" if len(troubles) > 1 else ""
        raise UnavailableError(
            f"the training has ended in trouble: {troubles[0].said}{more}",
            f"nothing was put into the zoo; {troubles[0].hint}; or look at {run.folder / 'report.html'}, and if you "
            "want the models all the same, have them with --resume --install-anyway",
        )
    made = [(generators["G_AB"], name, (source, target))]
    check_generator(generators["G_AB"], name, pictures_A, pictures_B)
    if "G_BA" in generators:
        made.append((generators["G_BA"], reverse_name(name), (target, source)))
        check_generator(generators["G_BA"], reverse_name(name), pictures_B, pictures_A)
    told = [trouble.said for trouble in troubles]
    return [_install(run, network, f"{one}{suffix}", kinds, data, told) for network, one, kinds in made]


def _install(
    run: TrainingRun, network: nn.Module, name: str, kinds: tuple[str, str], data: Data, troubles: list[str]
) -> Model:
    state, options = run.state, run.state.options
    weights = {key: tensor.detach().cpu() for key, tensor in network.state_dict().items()}
    recognition = architecture.recognise(shapes_of(weights))
    assert recognition is not None and recognition.parameters["channels"] == CHANNELS
    try:
        if (present := find(name)).card.sha256 == hashlib.sha256(content_of(weights)).hexdigest():
            return present  # put there before the last attempt to finish was cut off
    except ModelError:
        pass
    dataset = run.dataset
    card = Card(
        name=name,
        source=kinds[0],
        target=kinds[1],
        architecture=architecture.name,
        parameters=recognition.parameters,
        sha256="",
        training_size=options.crop,
        steps=state.step,
        data_set=f"{folders_of(data).described} ({len(dataset.files_A)} and {len(dataset.files_B)} pictures)",
        licence="unstated",
        provenance=f"trained by imgtrans {__version__} {_HOW.get(options.objective, f'by {options.objective}')}"
        + (f"; its guards found trouble: {'; '.join(troubles)}" if troubles else ""),
        date=datetime.now(UTC).date().isoformat(),
        training={
            **options.to_dict(),
            "pictures_seen": state.step * options.pairs_per_step,
            "seconds": round(state.seconds),
            "device": str(state.device),
        },
        metrics=last_losses(run.folder / "losses.csv"),
    )
    try:
        return install(card, lambda path: write_weights(weights, path))
    except FilesError as error:
        hint = error.hint or "make room, or see to it that it can be written"
        raise FilesError(error.message, f"{hint}; then --resume puts what is missing there") from error


def last_losses(path: Path) -> dict[str, float]:
    """Return the mean of each loss over the last steps of a run."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))[-_METRIC_STEPS:]
    names = [name for name in rows[0] if name not in ("step", "learning_rate")] if rows else []
    return {f"loss_{name}": round(sum(float(row[name]) for row in rows) / len(rows), 4) for name in names}
