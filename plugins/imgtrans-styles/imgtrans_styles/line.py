"""Networks that are a line of layers, each with the names that somebody's code has for its weights."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from imgtrans import ResidualBlock


class Residual(ResidualBlock):
    """Layers, and what went into them added; a block that imgtrans can stream.

    Args:
        layers: Keep shape and channels.
        behind: What follows the sum.

    Shape:
        (N, C, H, W) to the same.
    """

    def __init__(self, layers: list[nn.Module], behind: nn.Module | None = None) -> None:
        nn.Module.__init__(self)  # of the block it is, not of the layers that the deck has in it
        self.block = nn.Sequential(*layers)
        self.behind = behind or nn.Identity()


class Line:
    """Layers one after another, as they are put together.

    Attributes:
        layers: They.
        names: For each key of ``nn.Sequential(*layers)``, what the code at hand calls that weight.
    """

    def __init__(self) -> None:
        self.layers: list[nn.Module] = []
        self.names: dict[str, str] = {}

    def add(self, layer: nn.Module, theirs: str = "", spelled: dict[str, str] | None = None) -> None:
        """Add a layer.

        Args:
            layer: It.
            theirs: What their keys of its weights begin with.
            spelled: How the last part of such a key is spelled, where that is not as in PyTorch.
        """
        for key, _ in layer.named_parameters():
            self.names[f"{len(self.layers)}.{key}"] = f"{theirs}.{(spelled or {}).get(key, key)}"
        self.layers.append(layer)

    def add_residual(self, inside: "Line", behind: nn.Module | None = None) -> None:
        """Add a block that is a line itself, around which what goes in is led and added."""
        for own, theirs in inside.names.items():
            self.names[f"{len(self.layers)}.block.{own}"] = theirs
        self.layers.append(Residual(inside.layers, behind))


class PerChannel(nn.Module):
    """Each channel scaled and shifted by numbers that belong to the code at hand, not to its files.

    Args:
        scale: One for each channel.
        shift: Likewise, added after it.

    Shape:
        (N, C, H, W) to the same.
    """

    pointwise = True  # each pixel by itself, which is what streaming asks

    def __init__(self, scale: Sequence[float], shift: Sequence[float]) -> None:
        super().__init__()
        self._numbers = tuple(zip(scale, shift, strict=True))

    def forward(self, x: Tensor) -> Tensor:
        """Return the map, scaled and shifted."""
        # Without tensors of its own, which would have to be somewhere: on the meta device, on a card.
        channels = zip(torch.split(x, 1, dim=1), self._numbers, strict=True)
        return torch.cat([channel * scale + shift for channel, (scale, shift) in channels], dim=1)
