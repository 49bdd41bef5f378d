"""The networks of the bundled models, and a step of their training: the lesson, then CycleGAN that starts from it."""

import copy
from itertools import chain

import torch
from bundled.crops import Pictures, Pool
from bundled.recipe import Recipe
from bundled.snow import snow
from torch import Tensor, nn
from torch.nn import functional as F

from imgtrans.architectures.resnet import GeneratorResNet
from imgtrans.training.objectives.adversarial import discriminator_loss, gradient_penalty, least_squares
from imgtrans.training.objectives.discriminators import init_discriminator, new_discriminator
from imgtrans.training.spikes import SpikePenalty

NGF, BLOCKS = 32, 6
LOSSES = ("G", "G_adversarial", "G_cycle", "G_identity", "G_lesson", "D_A", "D_B")
_LESSON, _IDENTITY, _SPIKES = 10.0, 3.0, 20.0  # weights while there is nothing else
_CELLS = 16  # squares along a crop whose means are compared


class Training:
    """Both generators and discriminators of summer (A) and winter (B).

    Everything that a step draws is drawn on the device, so that a card can record it.

    Args:
        recipe: How.
        summer: Pictures of A.
        winter: Pictures of B.
        first: The weights that both generators start from, A to B and B to A.
    """

    def __init__(
        self, recipe: Recipe, summer: Pictures, winter: Pictures, first: tuple[dict[str, Tensor], dict[str, Tensor]],
        device: torch.device,
    ) -> None:  # fmt: skip
        self._recipe, self._A, self._B, self._device = recipe, summer, winter, device
        shape = (3, recipe.crop, recipe.crop)
        self._G = nn.ModuleDict({way: GeneratorResNet(shape, BLOCKS, ngf=NGF) for way in ("AB", "BA")})
        for generator, weights in zip(self._G.values(), first, strict=True):
            generator.load_state_dict(weights)
        self._D = nn.ModuleDict({n: init_discriminator(new_discriminator(shape, False, recipe.scales)) for n in "AB"})
        self._G.to(device)
        self._D.to(device)
        self._average = copy.deepcopy(self._G).requires_grad_(False)
        self._pools = {n: Pool(recipe.pool, recipe.batch, recipe.crop, device) for n in "AB"}
        self._optimizers = [self._adam(networks) for networks in (self._G, self._D)]
        self._weight = torch.ones((), device=device)
        self.losses = torch.zeros(len(LOSSES), device=device)

    def results(self) -> dict[str, dict[str, Tensor]]:
        """Return the averaged weights of both generators, on the CPU."""
        return {
            way: {name: tensor.detach().cpu() for name, tensor in generator.state_dict().items()}
            for way, generator in self._average.items()
        }

    def stand_at(self, part: float) -> None:
        """Set what changes from the beginning, 0, to the end, 1: the learning rate and the lesson's weight."""
        recipe = self._recipe
        factor = min(1.0, max(0.02, (1 - part) / (1 - recipe.flat)))
        for group in chain.from_iterable(optimizer.param_groups for optimizer in self._optimizers):
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(recipe.rate * factor)
            else:
                group["lr"] = recipe.rate * factor
        self._weight.fill_(1 + (recipe.lesson_end - 1) * part)

    def lesson(self) -> None:
        """Take a step of the lesson alone."""
        real_A, real_B = self._drawn()
        self._D.requires_grad_(False)
        spikes = SpikePenalty(*self._G.values())
        with self._autocast():
            fake_B, same_B = self._G["AB"](torch.cat((real_A, real_B))).float().chunk(2)
            with torch.no_grad():
                fake_A = self._G["BA"](real_B)
            (taught, low), identity = self._taught(real_A, fake_B), F.l1_loss(same_B, real_B)
            spikes.close()
            total = _LESSON * self._weight * (taught + low) + _IDENTITY * identity + _SPIKES * spikes.take()
        self._update(0, total)
        d_A, d_B = self._discriminate(real_A, real_B, fake_A, fake_B, penalty=0)
        zero = torch.zeros_like(total)
        self._end([total, zero, zero, identity, taught, d_A, d_B])

    def step(self) -> None:
        """Take a step of all."""
        recipe = self._recipe
        real_A, real_B = self._drawn()
        self._D.requires_grad_(False)
        spikes = SpikePenalty(*self._G.values())
        with self._autocast():
            fake_B, same_B = self._G["AB"](torch.cat((real_A, real_B))).chunk(2)
            fake_A = self._G["BA"](real_B)
            back_A, back_B = self._G["BA"](fake_B.detach()), self._G["AB"](fake_A)
            cycle = F.l1_loss(back_A.float(), real_A) + F.l1_loss(back_B.float(), real_B)
            identity = F.l1_loss(same_B.float(), real_B)
            adversarial = least_squares(self._D["B"](fake_B), 1.0) + least_squares(self._D["A"](fake_A), 1.0)
            lesson, low = self._taught(real_A, fake_B.float())
            spikes.close()
            total = adversarial + recipe.cycle * cycle + recipe.identity * identity + recipe.spikes * spikes.take()
            total = total + self._weight * (recipe.lesson * lesson + recipe.lesson_low * low)
        self._update(0, total)
        d_A, d_B = self._discriminate(real_A, real_B, fake_A, fake_B, recipe.penalty)
        self._end([total, adversarial, cycle, identity, lesson, d_A, d_B])

    @torch.no_grad()
    def _drawn(self) -> tuple[Tensor, Tensor]:
        recipe = self._recipe
        drawn = [pictures.crops(recipe.batch, recipe.crop, recipe.jitter) for pictures in (self._A, self._B)]
        return drawn[0], drawn[1]

    def _taught(self, real_A: Tensor, fake_B: Tensor) -> tuple[Tensor, Tensor]:
        """Return how far what is made of summer, and of the filter's snow, is from what it should be."""
        with torch.no_grad():
            right = snow(real_A)
        lesson = F.l1_loss(fake_B, right) + self._recipe.back * F.l1_loss(self._G["BA"](right).float(), real_A)
        side = max(4, self._recipe.crop // _CELLS)
        return lesson, F.l1_loss(F.avg_pool2d(fake_B, side), F.avg_pool2d(right, side))

    def _discriminate(
        self, real_A: Tensor, real_B: Tensor, fake_A: Tensor, fake_B: Tensor, penalty: float
    ) -> tuple[Tensor, Tensor]:
        self._D.requires_grad_(True)
        old_A, old_B = self._pools["A"].query(fake_A.detach().float()), self._pools["B"].query(fake_B.detach().float())
        with self._autocast():
            d_A = discriminator_loss(self._D["A"], real_A, old_A)
            d_B = discriminator_loss(self._D["B"], real_B, old_B)
            total = d_A + d_B
            if penalty:
                steep = gradient_penalty(self._D["A"], real_A) + gradient_penalty(self._D["B"], real_B)
                total = total + penalty * steep
        self._update(1, total)
        return d_A, d_B

    def _update(self, which: int, loss: Tensor) -> None:
        self._optimizers[which].zero_grad()
        torch.autograd.backward(loss)
        self._optimizers[which].step()

    @torch.no_grad()
    def _end(self, losses: list[Tensor]) -> None:
        torch._foreach_lerp_([*self._average.parameters()], [*self._G.parameters()], 1 - self._recipe.ema)
        self.losses.copy_(torch.stack([loss.detach().float() for loss in losses]))

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self._device.type, torch.bfloat16, cache_enabled=False)

    def _adam(self, networks: nn.Module) -> torch.optim.Adam:
        on_card = self._device.type == "cuda"
        rate = torch.tensor(self._recipe.rate, device=self._device) if on_card else self._recipe.rate
        return torch.optim.Adam(networks.parameters(), rate, betas=(0.5, 0.999), fused=True, capturable=on_card)
