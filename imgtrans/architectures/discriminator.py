"""The deck's discriminator: a 94x94 PatchGAN (four strided convolutions, where the paper has three and 70x70)."""

from collections.abc import Sequence

from torch import Tensor, nn

SMALLEST_SIDE = 32


class Discriminator(nn.Module):
    """PatchGAN: one raw score for each patch of the picture, higher where it looks real.

    Source: the deck's ``Discriminator``; Isola et al., CVPR 2017. The scores are neither squashed
    nor binarised: the least-squares loss wants them raw.

    Args:
        input_shape: ``(channels, height, width)``, height and width at least 32.

    Attributes:
        output_shape: ``(1, height // 16, width // 16)``, the shape of one picture's scores.

    Shape:
        (N, channels, H, W) with values in [-1, 1] to (N, 1, H // 16, W // 16).

    Raises:
        ValueError: If height or width is below 32, where the last instance normalisation would see a 1x1 map.
    """

    def __init__(self, input_shape: Sequence[int]) -> None:
        super().__init__()
        channels, height, width = input_shape
        if min(height, width) < SMALLEST_SIDE:
            raise ValueError(
                f"the discriminator needs pictures of at least {SMALLEST_SIDE}x{SMALLEST_SIDE} pixels, "
                f"not {width}x{height}"
            )
        self.output_shape = (1, height // 16, width // 16)
        layers: list[nn.Module] = []
        for features_in, features_out in ((channels, 64), (64, 128), (128, 256), (256, 512)):
            layers.append(nn.Conv2d(features_in, features_out, 4, stride=2, padding=1))
            if features_in != channels or features_out != 64:
                layers.append(nn.InstanceNorm2d(features_out))
            layers.append(nn.LeakyReLU(0.2, inplace=True))
        layers += [nn.ZeroPad2d((1, 0, 1, 0)), nn.Conv2d(512, 1, 4, padding=1)]
        self.model = nn.Sequential(*layers)

    def forward(self, img: Tensor) -> Tensor:
        """Score a batch of pictures."""
        scores: Tensor = self.model(img)
        return scores
