"""CycleGAN's losses: what the generators and the discriminators are asked to do."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LOSS_NAMES = ("G", "G_adversarial", "G_cycle", "G_identity", "D_A", "D_B")


@dataclass(frozen=True)
class Networks:
    """The four networks: two generators (A to B, B to A) and a discriminator for each domain."""

    G_AB: nn.Module
    G_BA: nn.Module
    D_A: nn.Module
    D_B: nn.Module

    def all(self) -> dict[str, nn.Module]:
        """Return the networks by name."""
        return {"G_AB": self.G_AB, "G_BA": self.G_BA, "D_A": self.D_A, "D_B": self.D_B}


@dataclass(frozen=True)
class GeneratorLosses:
    """The generators' losses (scalars, unweighted but for ``total``) and the fakes they came from."""

    total: Tensor
    adversarial: Tensor
    cycle: Tensor
    identity: Tensor
    fake_A: Tensor
    fake_B: Tensor


def generator_losses(
    networks: Networks, real_A: Tensor, real_B: Tensor, cycle_weight: float, identity_weight: float
) -> GeneratorLosses:
    """Compute the generators' objective for one batch of each domain, (N, C, H, W) in [-1, 1].

    Source: Zhu et al., ICCV 2017, equations 1 to 3 in their least-squares form, with the identity
    loss of section 5.2. Translating a batch and passing the other domain through (for the identity
    loss) is one forward pass: instance normalisation treats each picture alone, so nothing mixes.
    """
    n = len(real_A)
    if identity_weight > 0:
        fake_B, same_B = networks.G_AB(torch.cat((real_A, real_B))).split((n, len(real_B)))
        fake_A, same_A = networks.G_BA(torch.cat((real_B, real_A))).split((len(real_B), n))
        identity = F.l1_loss(same_A.float(), real_A) + F.l1_loss(same_B.float(), real_B)
    else:
        fake_B, fake_A = networks.G_AB(real_A), networks.G_BA(real_B)
        identity = real_A.new_zeros(())
    cycle = F.l1_loss(networks.G_BA(fake_B).float(), real_A) + F.l1_loss(networks.G_AB(fake_A).float(), real_B)
    adversarial = _least_squares(networks.D_B(fake_B), 1.0) + _least_squares(networks.D_A(fake_A), 1.0)
    total = adversarial + cycle_weight * (cycle + identity_weight * identity)
    return GeneratorLosses(total, adversarial, cycle, identity, fake_A.detach(), fake_B.detach())


def discriminator_loss(discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """Compute one discriminator's least-squares loss, halved as in the reference code to slow it down."""
    scores_real, scores_fake = discriminator(torch.cat((real, fake.to(real.dtype)))).split((len(real), len(fake)))
    return 0.5 * (_least_squares(scores_real, 1.0) + _least_squares(scores_fake, 0.0))


def _least_squares(scores: Tensor, target: float) -> Tensor:
    return (scores.float() - target).square().mean()
