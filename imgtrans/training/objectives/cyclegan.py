"""CycleGAN, the paper to the letter, and what has been found to help it as options."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from imgtrans.architectures.resnet import weights_init_normal
from imgtrans.protocols import Setup, Update
from imgtrans.training.objectives.adversarial import (
    Change,
    adam,
    discriminator_loss,
    gradient_penalty,
    least_squares,
    unchanged,
)
from imgtrans.training.objectives.diffaugment import DiffAugment
from imgtrans.training.objectives.discriminators import features, init_discriminator, new_discriminator
from imgtrans.training.pool import ImagePool
from imgtrans.training.quick.abreast import Pass, both
from imgtrans.training.spikes import watched

LOSS_NAMES = ("G", "G_adversarial", "G_cycle", "G_identity", "D_A", "D_B")

# A backward pass is two forward ones. A step has four passes of generators on one picture, six with the identity
# loss; and two of discriminators for the generators (whose own gradients are not needed), four for themselves. The
# gradient of a gradient is four; where the way back is looked at by discriminators, they see four pictures more.
_PASSES, _PASSES_WITH_IDENTITY, _DISCRIMINATORS, _PENALTY, _RELAXED = 3 * 4, 3 * 6, 2 * 2 + 3 * 4, 2 * 7, 2 * 1 + 2 * 2


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


class CycleGAN:
    """Two generators, a discriminator for each domain, and the way back as the bond between them.

    Source: Zhu et al., "Unpaired image-to-image translation using cycle-consistent adversarial networks", ICCV 2017.

    Args:
        setup: Of the training.

    Attributes:
        pool_A: Past fakes that ``D_A`` is shown again; ``pool_B`` likewise.
    """

    def __init__(self, setup: Setup) -> None:
        self._options = options = setup.options
        self._device = setup.device
        shape = (3, options.crop, options.crop)
        self._networks = networks = Networks(
            setup.generator(), setup.generator(), self.discriminator(shape), self.discriminator(shape)
        )
        for generator in (networks.G_AB, networks.G_BA):
            generator.apply(weights_init_normal).to(setup.device)
        for discriminator in (networks.D_A, networks.D_B):
            init_discriminator(discriminator).to(setup.device)
        self._discriminators = nn.ModuleList([networks.D_A, networks.D_B])
        seed = 2 * options.seed + 1_000_003 * setup.rank
        self.pool_A = ImagePool(options.pool_size, seed=seed)
        self.pool_B = ImagePool(options.pool_size, seed=seed + 1)
        self._augment = DiffAugment(seed) if options.diffaugment else None
        self._optimizer_G = adam(options.learning_rate, networks.G_AB, networks.G_BA)
        self._optimizer_D = adam(options.learning_rate, networks.D_A, networks.D_B)

    def discriminator(self, shape: Sequence[int]) -> nn.Module:
        """Make a discriminator for pictures of a shape."""
        return new_discriminator(shape, self._options.spectral_norm, self._options.scales)

    def networks(self) -> Mapping[str, nn.Module]:
        """Return the four networks."""
        return self._networks.all()

    def generators(self) -> Mapping[str, nn.Module]:
        """Return both generators."""
        return {"G_AB": self._networks.G_AB, "G_BA": self._networks.G_BA}

    def optimizers(self) -> Sequence[torch.optim.Optimizer]:
        """Return the generators' and the discriminators'."""
        return self._optimizer_G, self._optimizer_D

    def loss_names(self) -> tuple[str, ...]:
        """Return what :meth:`step` returns; ``G`` is the weighted sum, the others are unweighted."""
        return (*LOSS_NAMES, "D_penalty") if self._options.gradient_penalty else LOSS_NAMES

    def step(self, real_A: Tensor, real_B: Tensor) -> Generator[Update, None, Tensor]:
        """Take one step: both generators, then both discriminators."""
        options, networks, augment = self._options, self._networks, self._augment or unchanged

        # The generators: fool the discriminators, come back to the start, leave the other domain alone.
        self._discriminators.requires_grad_(False)
        weights = (options.cycle_weight, options.identity_weight, options.relaxed_cycle, options.spike_weight)
        g = generator_losses(networks, real_A, real_B, *weights, augment)
        yield Update(self._optimizer_G, g.total)

        # The discriminators: tell real pictures from fakes, new and past.
        self._discriminators.requires_grad_(True)
        seen_A, seen_B = augment(real_A), augment(real_B)
        fake_A, fake_B = augment(self.pool_A.query(g.fake_A.float())), augment(self.pool_B.query(g.fake_B.float()))
        (d_A, *penalty_A), (d_B, *penalty_B) = both(
            self._judging(networks.D_A, seen_A, fake_A), self._judging(networks.D_B, seen_B, fake_B)
        )
        losses = [g.total, g.adversarial, g.cycle, g.identity, d_A, d_B]
        d_total = d_A + d_B
        if options.gradient_penalty:
            penalty = penalty_A[0] + penalty_B[0]
            d_total = d_total + options.gradient_penalty * penalty
            losses.append(penalty)
        yield Update(self._optimizer_D, d_total)

        return torch.stack(losses).detach()

    def _judging(self, discriminator: nn.Module, real: Tensor, fake: Tensor) -> Pass:
        """Return the pass that makes a discriminator's loss, and its penalty if there is one."""

        def judged(real: Tensor, fake: Tensor) -> tuple[Tensor, ...]:
            loss = discriminator_loss(discriminator, real, fake)
            return (loss, gradient_penalty(discriminator, real)) if self._options.gradient_penalty else (loss,)

        return Pass(judged, (real, fake), (discriminator,))

    def drawn_ahead(self) -> Sequence[ImagePool] | None:
        """Return all that draws random numbers in a step and can do so before it; None if something cannot."""
        return None if self._augment else (self.pool_A, self.pool_B)

    def passes(self) -> Sequence[tuple[nn.Module, int]]:
        """Return how many passes of a generator and of a discriminator a step takes."""
        options = self._options
        generators = _PASSES_WITH_IDENTITY if options.identity_weight else _PASSES
        penalty, relaxed = _PENALTY * bool(options.gradient_penalty), _RELAXED * bool(options.relaxed_cycle)
        return (self._networks.G_AB, generators), (self._networks.D_A, _DISCRIMINATORS + penalty + relaxed)

    def bytes_to_remember(self) -> int:
        """Return how large both pools are when they are full."""
        return 4 * 2 * self.pool_A.size * 3 * int(self._options.crop) ** 2

    def state_dict(self) -> dict[str, Any]:
        """Return both pools, and the random numbers of augmentation."""
        random = {"random": self._augment.random.get_state()} if self._augment else {}
        return {"pools": [self.pool_A.state_dict(), self.pool_B.state_dict()], **random}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with the pools and the random numbers of ``state``."""
        for pool, saved in zip((self.pool_A, self.pool_B), state["pools"], strict=True):
            pool.load_state_dict(saved, self._device)
        if self._augment:
            self._augment.random.set_state(state["random"])


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
    networks: Networks,
    real_A: Tensor,
    real_B: Tensor,
    cycle_weight: float,
    identity_weight: float,
    relaxed_cycle: float = 0.0,
    spike_weight: float = 0.0,
    augment: Change = unchanged,
) -> GeneratorLosses:
    """Compute the generators' objective for one batch of each domain, (N, C, H, W) in [-1, 1].

    Source: Zhu et al., ICCV 2017, equations 1 to 3 in their least-squares form, with the identity
    loss of section 5.2. Translating a batch and passing the other domain through (for the identity
    loss) is one forward pass: instance normalisation treats each picture alone, so nothing mixes.

    Args:
        networks: The four.
        real_A: Pictures of A.
        real_B: Pictures of B.
        cycle_weight: Of the cycle loss.
        identity_weight: Of the identity loss, as a fraction of ``cycle_weight``.
        relaxed_cycle: The share of the cycle loss that compares what the discriminators see instead of pixels.
        spike_weight: Of the penalty on spikes in the generators.
        augment: What is done to pictures before discriminators judge them.
    """
    n = len(real_A)
    same = identity_weight > 0
    (made_B, *spikes), (made_A, *spikes_too) = both(
        _translating(networks.G_AB, torch.cat((real_A, real_B)) if same else real_A, spike_weight),
        _translating(networks.G_BA, torch.cat((real_B, real_A)) if same else real_B, spike_weight),
    )
    fake_B, fake_A = made_B[:n], made_A[: len(real_B)]
    if same:
        identity = F.l1_loss(made_A[len(real_B) :].float(), real_A) + F.l1_loss(made_B[n:].float(), real_B)
    else:
        identity = real_A.new_zeros(())
    seen_B, seen_A = augment(fake_B), augment(fake_A)
    (back_A, judged_B, *spikes_back), (back_B, judged_A, *spikes_back_too) = both(
        _coming_back(networks.G_BA, fake_B, spike_weight, networks.D_B, seen_B),
        _coming_back(networks.G_AB, fake_A, spike_weight, networks.D_A, seen_A),
    )
    cycle = F.l1_loss(back_A.float(), real_A) + F.l1_loss(back_B.float(), real_B)
    if relaxed_cycle:
        seen = _seen_difference(networks.D_A, back_A, real_A) + _seen_difference(networks.D_B, back_B, real_B)
        cycle = (1 - relaxed_cycle) * cycle + relaxed_cycle * seen
    adversarial = judged_B + judged_A
    total = adversarial + cycle_weight * (cycle + identity_weight * identity)
    if found := [*spikes, *spikes_too, *spikes_back, *spikes_back_too]:
        total = total + spike_weight * torch.stack(found).mean()
    return GeneratorLosses(total, adversarial, cycle, identity, fake_A.detach(), fake_B.detach())


def _translating(generator: nn.Module, pictures: Tensor, spike_weight: float) -> Pass:
    """Return the pass that translates pictures, and takes the penalty on spikes if that has a weight."""

    def translated(pictures: Tensor) -> tuple[Tensor, ...]:
        return watched(generator, pictures) if spike_weight else (generator(pictures),)

    return Pass(translated, (pictures,), (generator,))


def _coming_back(generator: nn.Module, fake: Tensor, spike_weight: float, judge: nn.Module, seen: Tensor) -> Pass:
    """Return the pass that translates fakes back, judges them as they are seen, and takes the penalty."""

    def came_back(fake: Tensor, seen: Tensor) -> tuple[Tensor, ...]:
        back, *spikes = watched(generator, fake) if spike_weight else (generator(fake),)
        return back, least_squares(judge(seen), 1.0), *spikes

    return Pass(came_back, (fake, seen), (generator, judge))


def _seen_difference(discriminator: nn.Module, back: Tensor, real: Tensor) -> Tensor:
    """Compare what a discriminator makes its scores of.

    Source: Wang and Lin, "CycleGAN with better cycles", 2018, section 3.1.
    """
    with torch.no_grad():
        expected = features(discriminator, real)
    found = features(discriminator, back)
    differences = [F.l1_loss(one.float(), other.float()) for one, other in zip(found, expected, strict=True)]
    return torch.stack(differences).mean()
