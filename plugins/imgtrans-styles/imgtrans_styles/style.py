"""What all these networks have in common as architectures: recognised, checked and built by their lines of layers."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import nn

from imgtrans.protocols import Parameters, Recognition
from imgtrans_styles.line import Line

Shapes = Mapping[str, tuple[int, ...]]
# Instance normalisation kept statistics before PyTorch 0.4 and did not go by them; counts are of no use here.
_UNUSED = (".running_mean", ".running_var", ".num_batches_tracked")


class Style(ABC):
    """An architecture of lines of layers.

    Attributes:
        name: What cards call it.
        limits: The least and the most of each parameter that is a whole number.
        choices: The values of each that is a text.
    """

    name: str
    limits: ClassVar[Mapping[str, tuple[int, int]]]
    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    @abstractmethod
    def candidates(self, shapes: Shapes) -> list[Parameters]:
        """Return what a state dict might be, as read off a few shapes; () where these are not there."""

    @abstractmethod
    def line(self, parameters: Parameters) -> Line:
        """Return the layers of parameters that make sense."""

    @abstractmethod
    def assumed(self, parameters: Parameters) -> Parameters:
        """Return what is true of such networks and no file tells."""

    def alternatives(self) -> tuple[Parameters, ...]:
        """Return other assumptions that such files are known to need."""
        return ()

    def recognise(self, shapes: Shapes) -> Recognition | None:
        """Return the network that a state dict fills, key for key and shape for shape."""
        needed = {key: shape for key, shape in shapes.items() if not key.endswith(_UNUSED)}
        for parameters in self.candidates(shapes):
            if self._nonsense(parameters):
                continue
            with torch.device("meta"):
                line = self.line(parameters)
                own = nn.Sequential(*line.layers).state_dict()
            if {line.names[key]: tuple(tensor.shape) for key, tensor in own.items()} == needed:
                assumed = self.assumed(parameters)
                return Recognition(parameters, line.names, self._dialect(parameters), assumed, self.alternatives())
        return None

    def build(self, parameters: Parameters) -> nn.Module:
        """Build the network.

        Raises:
            ValueError: If parameters are missing, unknown, of a wrong type or beyond what anybody trains.
        """
        if nonsense := self._nonsense(parameters):
            raise ValueError(nonsense)
        return nn.Sequential(*self.line(parameters).layers)

    def multiple(self, parameters: Parameters) -> int:
        """Return 4: the picture is halved twice."""
        return 4

    def smallest(self, parameters: Parameters) -> int:
        """Return 8: reflection needs a neighbour in the middle, and a few at the ends."""
        return 8

    def layouts(self, parameters: Parameters) -> dict[str, dict[str, str]]:
        """Return the layout of the code whose network it is."""
        with torch.device("meta"):
            return {self._dialect(parameters): self.line(parameters).names}

    def _dialect(self, parameters: Parameters) -> str:
        return str(parameters.get("code", self.name))

    def _nonsense(self, parameters: Parameters) -> str:
        """Return what is wrong with parameters, which may come from anybody's card; "" if nothing is."""
        if unknown := sorted(parameters.keys() - {*self.limits, *self.choices}):
            return f"{unknown[0]} is no parameter of a network of {self.name}"
        for name, (least, most) in self.limits.items():
            value = parameters.get(name)
            if type(value) is not int or not least <= value <= most:  # True is an int, too
                return f"{name} is {value!r}, which is no whole number from {least} to {most}"
        for name, choices in self.choices.items():
            if (text := parameters.get(name)) not in choices or type(text) is not str:
                return f"{name} is {text!r}, which is none of {', '.join(choices)}"
        return ""
