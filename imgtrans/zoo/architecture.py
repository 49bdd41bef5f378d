"""The architecture that a model's card names, or where it can come from."""

from imgtrans.card import Card
from imgtrans.isolation.architecture import guarded_architecture
from imgtrans.isolation.blame import part
from imgtrans.protocols import Architecture
from imgtrans.registry import implementation, implementations

GROUP = "imgtrans.architectures"


def architecture_of(card: Card) -> Architecture:
    """Return the architecture of a model.

    Raises:
        UnavailableError: If it is not here; the hint names the package that had it when the model was imported.
    """
    return architecture_called(card.architecture, card.package)


def architecture_called(name: str, package: str = "") -> Architecture:
    """Return the architecture of a name; see :func:`imgtrans.registry.implementation`."""
    return guarded_architecture(implementation(GROUP, name, package), part(GROUP, name))


def architectures() -> dict[str, Architecture]:
    """Return all architectures by their names."""
    return {name: guarded_architecture(one, part(GROUP, name)) for name, one in implementations(GROUP).items()}
