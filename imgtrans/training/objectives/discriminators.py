"""The discriminators of a training: the deck's, the same under a spectral norm, and several scales of either."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from imgtrans.architectures.discriminator import Discriminator
from imgtrans.architectures.resnet import weights_init_normal

_HEAD = 2  # layers that make scores of features: padding and the last convolution


class SpectralDiscriminator(Discriminator):
    """The deck's discriminator whose convolutions cannot enlarge what they get, in place of instance normalisation.

    Source: Miyato et al., "Spectral normalization for generative adversarial networks", ICLR 2018. Instance
    normalisation would undo any bound on the weights before it, so it is left out.

    Args:
        input_shape: ``(channels, height, width)``.
    """

    def __init__(self, input_shape: Sequence[int]) -> None:
        super().__init__(input_shape)
        layers = [layer for layer in self.model if not isinstance(layer, nn.InstanceNorm2d)]
        self.model = nn.Sequential(*layers).apply(weights_init_normal)
        for layer in self.model:
            if isinstance(layer, nn.Conv2d):
                spectral_norm(layer)


class MultiScale(nn.Module):
    """Several discriminators, each of which sees the picture at half the size of the one before.

    Source: Wang et al., "High-resolution image synthesis and semantic manipulation with conditional GANs", CVPR 2018.

    Args:
        discriminators: For the picture's own size, for half of it, and so on.

    Shape:
        (N, channels, H, W) to a list of scores, (N, 1, h, w) each.
    """

    def __init__(self, discriminators: Sequence[nn.Module]) -> None:
        super().__init__()
        self.scales = nn.ModuleList(discriminators)

    def forward(self, img: Tensor) -> list[Tensor]:
        """Score a batch of pictures at each scale."""
        scores = []
        for n, discriminator in enumerate(self.scales):
            if n:
                img = F.avg_pool2d(img, 3, stride=2, padding=1, count_include_pad=False)
            scores.append(discriminator(img))
        return scores


def new_discriminator(shape: Sequence[int], spectral: bool, scales: int) -> nn.Module:
    """Make a discriminator with fresh weights, on the CPU.

    Args:
        shape: ``(channels, height, width)`` of the pictures.
        spectral: Whether its convolutions are under a spectral norm.
        scales: How many sizes of a picture are looked at; each halves it, and the last has at least 32 pixels.
    """
    channels, height, width = shape
    kind = SpectralDiscriminator if spectral else Discriminator
    if scales == 1:
        return kind(shape)
    return MultiScale([kind((channels, -(-height // 2**n), -(-width // 2**n))) for n in range(scales)])


def init_discriminator(discriminator: nn.Module) -> nn.Module:
    """Draw a discriminator's weights as the paper does; under a spectral norm they were drawn when it was made."""
    return discriminator.apply(_init)


def features(discriminator: nn.Module, pictures: Tensor) -> list[Tensor]:
    """Return what a discriminator makes its scores of, a map for each of its scales."""
    if not isinstance(discriminator, MultiScale):
        layers: nn.Sequential = discriminator.model  # type: ignore[assignment]
        return [layers[:-_HEAD](pictures)]
    found = []
    for n, one in enumerate(discriminator.scales):
        if n:
            pictures = F.avg_pool2d(pictures, 3, stride=2, padding=1, count_include_pad=False)
        found += features(one, pictures)
    return found


def _init(module: nn.Module) -> None:
    if not hasattr(module, "parametrizations"):
        weights_init_normal(module)
