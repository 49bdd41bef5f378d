"""Whether a model's files are still what its card says."""

from dataclasses import dataclass
from pathlib import Path

from imgtrans.errors import ModelError
from imgtrans.files import sha256_of
from imgtrans.zoo.store import CARD_FILE, find, folder_of

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
        return Verdict(name, model.weights, DAMAGED, f"{model.weights} is not the file that its card was written for")
    return Verdict(name, model.weights, OK)
