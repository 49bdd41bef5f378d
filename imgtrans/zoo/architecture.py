"""The architecture that a model's card names, or where it can come from."""

from imgtrans.card import Card
from imgtrans.protocols import Architecture
from imgtrans.registry import implementation

GROUP = "imgtrans.architectures"


def architecture_of(card: Card) -> Architecture:
    """Return the architecture of a model.

    Raises:
        UnavailableError: If it is not here; the hint names the package that had it when the model was imported.
    """
    architecture: Architecture = implementation(GROUP, card.architecture, card.package)
    return architecture
