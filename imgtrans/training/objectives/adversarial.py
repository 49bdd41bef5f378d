"""The adversarial losses that objectives share: least squares, and the zero-centred gradient penalty."""

from collections.abc import Callable, Sequence
from itertools import chain

import torch
from torch import Tensor, nn

Change = Callable[[Tensor], Tensor]


def unchanged(pictures: Tensor) -> Tensor:
    """Return pictures as they are: discriminators see them without augmentation."""
    return pictures


def least_squares(scores: Tensor | Sequence[Tensor], target: float) -> Tensor:
    """Compute the mean squared distance of scores from a target; of several maps of scores, the mean over them.

    Source: Mao et al., "Least squares generative adversarial networks", ICCV 2017.
    """
    if isinstance(scores, Tensor):
        return (scores.float() - target).square().mean()
    return torch.stack([(one.float() - target).square().mean() for one in scores]).mean()


def discriminator_loss(discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """Compute one discriminator's least-squares loss, halved as in the reference code to slow it down."""
    scores = discriminator(torch.cat((real, fake.to(real.dtype))))
    sizes = [len(real), len(fake)]
    if isinstance(scores, Tensor):
        scores_real, scores_fake = torch.split(scores, sizes)
        return 0.5 * (least_squares(scores_real, 1.0) + least_squares(scores_fake, 0.0))
    pairs = [torch.split(one, sizes) for one in scores]
    return 0.5 * (least_squares([real for real, _ in pairs], 1.0) + least_squares([fake for _, fake in pairs], 0.0))


def gradient_penalty(discriminator: nn.Module, real: Tensor) -> Tensor:
    """Compute how steeply scores change around real pictures, without autocast; 0 is a discriminator at rest.

    Source: Mescheder et al., "Which training methods for GANs do actually converge?", ICML 2018 (R1), there for
    one score a picture: half the squared length of its gradient. Here the gradient is that of the sum of a picture's
    scores, and the square is divided by their number, so that the size of the picture does not change what it is.

    Args:
        discriminator: Which one.
        real: Pictures (N, C, H, W).
    """
    with torch.autocast(real.device.type, enabled=False):
        at = real.detach().requires_grad_()
        scores = discriminator(at)
        maps = [scores] if isinstance(scores, Tensor) else list(scores)
        penalties = []
        for one in maps:
            (gradient,) = torch.autograd.grad(one.sum(), at, create_graph=True)
            penalties.append(0.5 * gradient.square().sum() / one.numel())
        return torch.stack(penalties).mean()


def adam(rate: float, *networks: nn.Module) -> torch.optim.Adam:
    """Return the paper's optimiser for all weights of some networks."""
    parameters = chain.from_iterable(network.parameters() for network in networks)
    return torch.optim.Adam(parameters, lr=rate, betas=(0.5, 0.999), fused=True)
