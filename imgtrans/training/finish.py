"""The end of a training run: both generators, with complete cards, into the zoo; the best, and beside them the last."""

import copy
import csv
import hashlib
import sys
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
from imgtrans.training.naming import LAST, domains, reverse_name
from imgtrans.training.run import TrainingRun
from imgtrans.training.scoring.best import read_best
from imgtrans.training.scoring.file import SCORES, read_scores
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
        suffix: Is added to the models' names. Without one, where test pictures were scored and the last weights are
            not the best, the best have the name, and the last one that ends in ``-last``.

    Raises:
        UnavailableError: If one of them makes no pictures, or the guards found trouble, so that none is installed.
        FilesError: If a name was taken meanwhile, or the zoo cannot be written.
    """
    source, target = domains(name)
    pictures_A, pictures_B = (pictures.to(run.state.device) for pictures in grid_pictures(run.grid_crops))
    generators = run.state.results()
    made = [("G_AB", name, (source, target))]
    check_generator(generators["G_AB"], name, pictures_A, pictures_B)
    if "G_BA" in generators:
        made.append(("G_BA", reverse_name(name), (target, source)))
        check_generator(generators["G_BA"], reverse_name(name), pictures_B, pictures_A)
    troubles = standing_troubles(run.folder, run.state.step, run.steps)
    if troubles and not anyway:
        more = f" (and {len(troubles) - 1} more)" if len(troubles) > 1 else ""
        raise UnavailableError(
            f"the training has ended in trouble: {troubles[0].said}{more}",
            f"nothing was put into the zoo; {troubles[0].hint}; or look at {run.folder / 'report.html'}, and if you "
            "want the models all the same, have them with --resume --install-anyway",
        )
    told = [trouble.said for trouble in troubles]
    rows = read_scores(run.folder / SCORES)
    scored = rows[-1] if rows and rows[-1]["step"] == run.state.step else {}
    best = None if suffix else read_best(run.folder)
    installed = []
    if best is not None and best.step < run.state.step:
        suffix = LAST
        for way, one, kinds in made:
            network = copy.deepcopy(generators[way])
            network.load_state_dict(best.weights(way))
            installed.append(_install(run, network, one, kinds, data, told, best.step, best.figures.get(way, {})))
    for way, one, kinds in made:
        figures = _of_generator(way, scored)
        installed.append(_install(run, generators[way], f"{one}{suffix}", kinds, data, told, run.state.step, figures))
    return installed


def _of_generator(way: str, scored: dict[str, float]) -> dict[str, float]:
    """Return the scores of one generator, by their names in cards."""
    return {name.removeprefix(f"{way}_"): value for name, value in scored.items() if name.startswith(f"{way}_")}


def _install(
    run: TrainingRun,
    network: nn.Module,
    name: str,
    kinds: tuple[str, str],
    data: Data,
    troubles: list[str],
    step: int,
    figures: dict[str, float],
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
    dataset, tests = run.dataset, run.test_pictures
    scoring = {"scored_on": [len(tests.files_A), len(tests.files_B)]} if tests and figures else {}
    card = Card(
        name=name,
        source=kinds[0],
        target=kinds[1],
        architecture=architecture.name,
        parameters=recognition.parameters,
        sha256="",
        training_size=options.crop,
        steps=step,
        data_set=f"{folders_of(data).described} ({len(dataset.files_A)} and {len(dataset.files_B)} pictures)",
        licence="unstated",
        provenance=f"trained by imgtrans {__version__} {_HOW.get(options.objective, f'by {options.objective}')}"
        + (f"; its guards found trouble: {'; '.join(troubles)}" if troubles else ""),
        date=datetime.now(UTC).date().isoformat(),
        training={
            **options.to_dict(),
            "pictures_seen": step * options.pairs_per_step,
            "seconds": round(state.seconds * step / state.step),
            "device": str(state.device),
            **scoring,
        },
        metrics={**figures, **last_losses(run.folder / "losses.csv", step)},
    )
    try:
        return install(card, lambda path: write_weights(weights, path))
    except FilesError as error:
        hint = error.hint or "make room, or see to it that it can be written"
        raise FilesError(error.message, f"{hint}; then --resume puts what is missing there") from error


def last_losses(path: Path, step: int = sys.maxsize) -> dict[str, float]:
    """Return the mean of each loss over the last steps of a run up to one."""
    with path.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if int(row["step"]) <= step][-_METRIC_STEPS:]
    names = [name for name in rows[0] if name not in ("step", "learning_rate")] if rows else []
    return {f"loss_{name}": round(sum(float(row[name]) for row in rows) / len(rows), 4) for name in names}
