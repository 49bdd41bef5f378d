"""A plugin's architecture: what it says is looked at, and what it fails with is told with its package."""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from imgtrans.isolation.blame import Part, blamed
from imgtrans.protocols import Architecture, Explaining, Parameters, Reading, Recognition

if TYPE_CHECKING:
    from torch import nn


class GuardedArchitecture:
    """An architecture that a plugin brings; see :class:`imgtrans.protocols.Architecture`.

    Args:
        architecture: The plugin's.
        part: What brings it.
    """

    def __init__(self, architecture: Architecture, part: Part) -> None:
        self._architecture, self._part = architecture, part
        self.name = architecture.name
        if isinstance(architecture, Explaining):
            self.near_miss = self._guarding(architecture.near_miss, str)
            self.why_no_layout = self._guarding(architecture.why_no_layout, str)
        if isinstance(architecture, Reading):
            self.read = self._guarding(architecture.read, tuple | None)

    def recognise(self, shapes: Mapping[str, tuple[int, ...]]) -> Recognition | None:
        """Recognise a state dict."""
        with blamed(self._part):
            found = self._architecture.recognise(shapes)
        if found is not None and not isinstance(found, Recognition):
            raise self._part.fault(f"recognises a file as {type(found).__name__}")
        return found

    def build(self, parameters: Parameters) -> "nn.Module":
        """Build a network."""
        with blamed(self._part, ValueError):
            network = self._architecture.build(parameters)
        if not callable(getattr(network, "load_state_dict", None)):
            raise self._part.fault(f"builds {type(network).__name__} and no network")
        return network

    def multiple(self, parameters: Parameters) -> int:
        """Return what sides are multiples of."""
        return self._side("multiple", self._architecture.multiple, parameters)

    def smallest(self, parameters: Parameters) -> int:
        """Return the least side."""
        return self._side("smallest", self._architecture.smallest, parameters)

    def layouts(self, parameters: Parameters) -> Mapping[str, Mapping[str, str]]:
        """Return the public layouts."""
        layouts: Mapping[str, Mapping[str, str]] = self._guarding(self._architecture.layouts, Mapping)(parameters)
        return layouts

    def bytes_per_pixel(self, parameters: Parameters) -> float:
        """Return the memory that inference takes."""
        amount: float = self._guarding(self._architecture.bytes_per_pixel, int | float)(parameters)
        if not 0 < amount < math.inf:
            raise self._part.fault(f"says that it takes {amount} bytes for each pixel")
        return amount

    def examples(self) -> list[Parameters]:
        """Return the parameters of a few small networks."""
        examples: list[Parameters] = self._guarding(self._architecture.examples, list)()
        return examples

    def _side(self, name: str, function: Callable[[Parameters], int], parameters: Parameters) -> int:
        side: int = self._guarding(function, int)(parameters)
        if side < 1:
            raise self._part.fault(f"says that sides have a {name} of {side}")
        return side

    def _guarding(self, function: Callable[..., Any], kind: Any) -> Callable[..., Any]:
        def guarded(*arguments: Any) -> Any:
            with blamed(self._part):
                value = function(*arguments)
            if not isinstance(value, kind):
                name = getattr(function, "__name__", "something")
                raise self._part.fault(f"answers {name} with {type(value).__name__}")
            return value

        return guarded


def guarded_architecture(architecture: Architecture, part: Part | None) -> Architecture:
    """Return an architecture that is guarded if it is a plugin's."""
    return architecture if part is None else GuardedArchitecture(architecture, part)
