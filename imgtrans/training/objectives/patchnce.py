"""PatchNCE: among patches of the original, a patch of the translation is to be known as the one of its place."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from imgtrans.architectures.resnet import ResidualBlock

PATCHES = 256  # of each map, at the most
_TEMPERATURE = 0.07
_FEATURES = 256
_TINY = 1e-7
_FIFTH = 4


class Encoder:
    """The first half of a generator, and the maps in it by which patches are compared.

    Source: Park et al., ECCV 2020, section 4: the picture itself, both downsampling convolutions, and the first and the
    fifth residual block, or the last where there are fewer.

    Args:
        generator: With its layers in ``model``, a sequence, as the deck's have them.

    Attributes:
        widths: Channels of the maps, in their order.
    """

    def __init__(self, generator: nn.Module) -> None:
        self._layers: Sequence[nn.Module] = list(generator.model)  # type: ignore[arg-type]
        blocks = [n for n, layer in enumerate(self._layers) if isinstance(layer, ResidualBlock)]
        down = [n for n, layer in enumerate(self._layers) if isinstance(layer, nn.Conv2d) and layer.stride == (2, 2)]
        self._taken = sorted({*down, *blocks[:1], *blocks[: _FIFTH + 1][-1:]})
        first = next(layer for layer in self._layers if isinstance(layer, nn.Conv2d))
        width = [
            layer.out_channels for layer in self._layers if isinstance(layer, nn.Conv2d) and layer.stride == (2, 2)
        ]
        self.widths = [first.in_channels, *width, *(width[-1] for n in self._taken if n in blocks)]

    def maps(self, pictures: Tensor) -> list[Tensor]:
        """Return the maps of pictures (N, C, H, W), the pictures themselves first."""
        found, x = [pictures], pictures
        for n, layer in enumerate(self._layers[: self._taken[-1] + 1]):
            x = layer(x)
            if n in self._taken:
                found.append(x)
        return found


class PatchFeatures(nn.Module):
    """Makes of the vectors at some places of each map features of length 1: a small network of two layers a map.

    Args:
        widths: Channels of the maps.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(width, _FEATURES), nn.ReLU(), nn.Linear(_FEATURES, _FEATURES)) for width in widths
        )
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.xavier_normal_(layer.weight, 0.02)
                nn.init.zeros_(layer.bias)

    def forward(self, maps: Sequence[Tensor], places: Sequence[Tensor]) -> list[Tensor]:
        """Return for each map (N, C, H, W) the features (N, P, 256) at its places (P numbers from 0 to H * W - 1)."""
        features = []
        for head, x, at in zip(self.heads, maps, places, strict=True):
            # In this order, so that gradients lie in memory as maps do: PyTorch 2.14 computes those of an instance
            # normalisation of one picture wrongly if they lie pixel by pixel.
            vectors = head(x.flatten(2)[:, :, at].transpose(1, 2))
            vectors = vectors.to(torch.promote_types(vectors.dtype, torch.float32))
            features.append(vectors / (vectors.norm(dim=-1, keepdim=True) + _TINY))
        return features


def draw_places(maps: Sequence[Tensor], random: torch.Generator) -> list[Tensor]:
    """Return for each map the places at which patches are compared, at most 256, each once."""
    sizes = [x.shape[2] * x.shape[3] for x in maps]
    return [torch.randperm(size, generator=random)[:PATCHES].to(maps[0].device) for size in sizes]


def patch_nce(queries: Sequence[Tensor], keys: Sequence[Tensor]) -> Tensor:
    """Compute the contrastive loss of features (N, P, 256), the mean over maps; nothing is learnt through the keys.

    A query's other candidates are the keys of other places in the same picture. Source: Park et al., ECCV 2020,
    equation 4.
    """
    losses = []
    for query, key in zip(queries, keys, strict=True):
        likeness = query @ key.detach().transpose(1, 2) / _TEMPERATURE
        right = torch.arange(likeness.shape[1], device=likeness.device).expand(len(likeness), -1)
        losses.append(F.cross_entropy(likeness.flatten(0, 1), right.flatten()))
    return torch.stack(losses).mean()
