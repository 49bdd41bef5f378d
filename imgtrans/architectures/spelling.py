"""What it takes to spell the keys of a ResNet generator: a name for each of its layers."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from imgtrans.architectures.parameters import ResNetParameters
from imgtrans.protocols import Parameters


class Slot(NamedTuple):
    """A layer's place in the network: where, its number there, and what it does."""

    place: str
    number: int
    part: str


@dataclass(frozen=True, kw_only=True)
class Spelling(ABC):
    """How somebody spells the keys of their generators, and what follows from the spelling.

    Attributes:
        name: The code base, for people to read.
        dropout: Whether a layer of no weights stands in the middle of each residual block.
        fixed: Parameters that the spelling says.
        assumed: What it has by default of the parameters that leave no trace in a file, where that is not the deck's.
            These may be ``value_range`` and ``output_range``, too.
    """

    name: str
    dropout: bool = False
    fixed: Parameters = field(default_factory=dict)
    assumed: Parameters = field(default_factory=dict)

    @abstractmethod
    def layers(self, p: ResNetParameters) -> Iterator[tuple[Slot, str]]:
        """Yield a network's layers that may have weights, in the order of the forward pass, with their names.

        Where the spelling cannot be that of such a network, it yields nothing.
        """

    @property
    @abstractmethod
    def blurs(self) -> bool:
        """Whether there can be layers that resample without aliasing."""

    def inner(self, p: ResNetParameters) -> list[int]:
        """Return the convolutions' numbers in a residual block: padding, convolution, norm, ReLU, dropout, again."""
        pad = int(p.pad_layers)
        return [pad, 2 * pad + 3 + self.dropout]
