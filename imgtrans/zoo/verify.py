"""Whether a model's files are still what its card says."""

from dataclasses import dataclass
from pathlib import Path

from imgtrans.errors import ModelError
from imgtrans.files import sha256_of
from imgtrans.zoo.store import CARD_FILE, Model, find, folder_of

GET_AGAIN = "remove the model and get it again; if it came with imgtrans, install imgtrans again"
OK, DAMAGED, MISSING = "ok", "damaged", "missing"


@dataclass(frozen=True)
class Verdict:
    """What became of a model since it was installed.

    Attributes:
        name: The model's name.
        path: The file that tells.
        state: ``ok``, ``damaged`` or ``missing``.
        problem: What is wrong with it, one sentence; "" if nothing is.
    """

    name: str
    path: Path
    state: str
    problem: str = ""


def verify(name: str) -> Verdict:
    """Hash a model's weights anew.

    Raises:
        ModelError: If there is no such model.
    """
    card = folder_of(name) / CARD_FILE
    if not card.exists():
        return Verdict(name, card, MISSING, f"its card is missing ({card})")
    try:
        model = find(name)
        digest = sha256_of(model.weights)
    except ModelError as error:
        return Verdict(name, card, DAMAGED, error.message)
    except FileNotFoundError:
        return Verdict(name, model.weights, MISSING, f"its weights are missing ({model.weights})")
    except OSError as error:
        return Verdict(name, model.weights, DAMAGED, f"{model.weights} cannot be read: {error.strerror}")
    if digest != model.card.sha256:
        return Verdict(name, model.weights, DAMAGED, _changed(model))
    return Verdict(name, model.weights, OK)


def check_unchanged(model: Model) -> None:
    """Make sure that the weights of a model are those that its card was written for.

    Raises:
        ModelError: If they are not, or cannot be read.
    """
    try:
        digest = sha256_of(model.weights)
    except FileNotFoundError as error:
        raise ModelError(f"there is no file {model.weights}", GET_AGAIN) from error
    except OSError as error:
        raise ModelError(f"{model.weights} cannot be read: {error.strerror}") from error
    if digest != model.card.sha256:
        raise ModelError(_changed(model), GET_AGAIN)


def _changed(model: Model) -> str:
    return f"{model.weights} is not the file that its card was written for"
