"""CUT and FastCUT: one generator, bound to its input by comparing patches instead of by a way back."""

from collections.abc import Generator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from imgtrans.architectures.resnet import weights_init_normal
from imgtrans.protocols import Setup, Update
from imgtrans.training.objectives.adversarial import (
    adam,
    discriminator_loss,
    gradient_penalty,
    least_squares,
    unchanged,
)
from imgtrans.training.objectives.diffaugment import DiffAugment
from imgtrans.training.objectives.discriminators import init_discriminator, new_discriminator
from imgtrans.training.objectives.patchnce import Encoder, PatchFeatures, draw_places, patch_nce
from imgtrans.training.spikes import watched

# A translation with its gradients, and half a generator three times: a fake's patches with gradients, the original's
# without. With the identity of B both twice. As in CycleGAN a discriminator's passes for the generator and for itself.
_PASSES, _DISCRIMINATOR, _PENALTY = 3 + 2, 2 + 3 * 2, 7


class CUT:
    """A generator from A to B, a discriminator for B, and the contrast between patches as what keeps the scene.

    Source: Park et al., "Contrastive learning for unpaired image-to-image translation", ECCV 2020. The discriminator is
    updated first, as in the reference code. Pictures of B are translated as well, and are to keep their patches, too.

    Args:
        setup: Of the training.
    """

    identity = True  # patches of B's own translation are compared, too
    flips = False  # A is mirrored at random before it is translated, and its patches are compared all the same

    def __init__(self, setup: Setup) -> None:
        self._options = options = setup.options
        shape = (3, options.crop, options.crop)
        self._G, self._D = setup.generator(), new_discriminator(shape, options.spectral_norm, options.scales)
        self._encoder = Encoder(self._G)
        self._features = PatchFeatures(self._encoder.widths)
        self._G.apply(weights_init_normal).to(setup.device)
        init_discriminator(self._D).to(setup.device)
        self._features.to(setup.device)
        self._random = torch.Generator().manual_seed(options.seed + 1_000_003 * setup.rank)
        self._augment = DiffAugment(2 * options.seed + 1_000_003 * setup.rank) if options.diffaugment else None
        self._optimizer_G = adam(options.learning_rate, self._G, self._features)
        self._optimizer_D = adam(options.learning_rate, self._D)

    def networks(self) -> Mapping[str, nn.Module]:
        """Return the generator, the discriminator, and the small networks that make features of patches."""
        return {"G_AB": self._G, "D_B": self._D, "F": self._features}

    def generators(self) -> Mapping[str, nn.Module]:
        """Return the one generator."""
        return {"G_AB": self._G}

    def optimizers(self) -> Sequence[torch.optim.Optimizer]:
        """Return the generator's, which the features share, and the discriminator's."""
        return self._optimizer_G, self._optimizer_D

    def loss_names(self) -> tuple[str, ...]:
        """Return what :meth:`step` returns; ``G`` is the weighted sum, the others are unweighted."""
        identity = ("G_nce_identity",) if self.identity else ()
        penalty = ("D_penalty",) if self._options.gradient_penalty else ()
        return ("G", "G_adversarial", "G_nce", *identity, "D_B", *penalty)

    def step(self, real_A: Tensor, real_B: Tensor) -> Generator[Update, None, Tensor]:
        """Take one step: the discriminator, then the generator against the new one."""
        options, augment = self._options, self._augment or unchanged
        flipped = self.flips and bool(torch.rand((), generator=self._random) < 0.5)
        given = torch.cat((real_A, real_B)) if self.identity else real_A.flip(3) if flipped else real_A
        made, spikes = watched(self._G, given) if options.spike_weight else (self._G(given), 0.0)
        fake_B, same_B = made[: len(real_A)], made[len(real_A) :]

        # The discriminator: tell real pictures from fakes.
        self._D.requires_grad_(True)
        seen = augment(real_B)
        d = discriminator_loss(self._D, seen, augment(fake_B.detach().float()))
        penalty = gradient_penalty(self._D, seen) if options.gradient_penalty else None
        yield Update(self._optimizer_D, d if penalty is None else d + options.gradient_penalty * penalty)

        # The generator: fool it, and let each patch be recognised by what it was made of.
        self._D.requires_grad_(False)
        adversarial = least_squares(self._D(augment(fake_B)), 1.0)
        kept = [self._nce(real_A, fake_B, flipped)]
        if self.identity:
            kept.append(self._nce(real_B, same_B, False))
        total = adversarial + options.nce_weight * torch.stack(kept).mean() + options.spike_weight * spikes
        yield Update(self._optimizer_G, total)

        losses = [total, adversarial, *kept, d, *([] if penalty is None else [penalty])]
        return torch.stack([loss.detach() for loss in losses])

    def passes(self) -> Sequence[tuple[nn.Module, int]]:
        """Return how many passes of the generator and of the discriminator a step takes."""
        penalty = _PENALTY * bool(self._options.gradient_penalty)
        return (self._G, _PASSES * (2 if self.identity else 1)), (self._D, _DISCRIMINATOR + penalty)

    def bytes_to_remember(self) -> int:
        """Return the size of two states of random numbers."""
        return 2 * self._random.get_state().numel()

    def state_dict(self) -> dict[str, Any]:
        """Return the random numbers of places and flips, and those of augmentation."""
        augment = {"augment": self._augment.random.get_state()} if self._augment else {}
        return {"random": self._random.get_state(), **augment}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with the random numbers of ``state``."""
        self._random.set_state(state["random"])
        if self._augment:
            self._augment.random.set_state(state["augment"])

    def _nce(self, original: Tensor, translated: Tensor, flipped: bool) -> Tensor:
        """Compare patches of a translation with those of its original, which it may be the mirror image of."""
        queries = self._encoder.maps(translated)
        if flipped:
            queries = [x.flip(3) for x in queries]
        with torch.no_grad():
            keys = self._encoder.maps(original)
            places = draw_places(keys, self._random)
            key_features = self._features(keys, places)
        return patch_nce(self._features(queries, places), key_features)


class FastCUT(CUT):
    """CUT in half the memory: B is not translated, and mirrored pictures make up for it.

    Source: Park et al., ECCV 2020, section 4.1, and the reference code, which mirrors.
    """

    identity = False
    flips = True
