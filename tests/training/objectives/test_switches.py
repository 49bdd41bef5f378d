"""Each thing that has been found to help is what its paper says, by itself, and goes with every objective."""

from collections.abc import Callable
from contextlib import nullcontext
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from imgtrans.devices import computing_threads
from imgtrans.protocols import Objective
from imgtrans.registry import implementation
from imgtrans.testing import check_objective
from imgtrans.training.objectives.adversarial import discriminator_loss, gradient_penalty, least_squares
from imgtrans.training.objectives.diffaugment import DiffAugment
from imgtrans.training.objectives.discriminators import MultiScale, SpectralDiscriminator, features, new_discriminator
from imgtrans.training.quick.abreast import abreast
from imgtrans.training.update import take_step
from tests.training.objectives.conftest import close, in_steps

Make = Callable[[dict[str, Any]], Objective]


@pytest.fixture
def reals() -> tuple[Tensor, Tensor]:
    return torch.rand(2, 3, 64, 64) * 2 - 1, torch.rand(2, 3, 64, 64) * 2 - 1


@pytest.mark.parametrize(
    "switch",
    [
        {"spectral_norm": True}, {"gradient_penalty": 2.0}, {"ema_decay": 0.9}, {"diffaugment": True}, {"scales": 2},
        {"spike_weight": 1.0}, {"relaxed_cycle": 0.5},
    ],
    ids=lambda switch: next(iter(switch)),
)  # fmt: skip
@pytest.mark.parametrize("objective", ["cyclegan", "cut", "fastcut"])
def test_every_switch_keeps_the_contract_with_every_objective(objective: str, switch: dict[str, Any]):
    if "relaxed_cycle" in switch and objective != "cyclegan":
        pytest.skip("it has no cycle")
    check_objective(implementation("imgtrans.objectives", objective), objective=objective, **switch)


def test_modern_is_all_that_helps_and_keeps_the_contract():
    from imgtrans.training.options import TrainOptions

    options = TrainOptions.chosen({"objective": "modern"})
    chosen = (options.ema_decay, options.gradient_penalty, options.relaxed_cycle, options.scales, options.spectral_norm)
    assert chosen == (0.999, 1.0, 0.5, 2, False)
    changed = {"ema_decay": 0.999, "gradient_penalty": 1.0, "relaxed_cycle": 0.5, "scales": 2}
    check_objective(implementation("imgtrans.objectives", "modern"), objective="modern", **changed)


def test_a_step_with_all_switches_is_the_same_with_passes_side_by_side(make: Make, reals: tuple[Tensor, Tensor]):
    all_of_them = {
        "spectral_norm": True, "gradient_penalty": 2.0, "diffaugment": True, "scales": 2, "spike_weight": 5.0,
        "relaxed_cycle": 0.5,
    }  # fmt: skip
    plain, quick = (make(all_of_them) for _ in range(2))
    (g, d), losses = in_steps(plain, *reals)
    with computing_threads(2), abreast():
        (g_too, d_too), losses_too = in_steps(quick, *reals)
    close(torch.stack([g_too, d_too]), torch.stack([g, d]))
    close(losses_too, losses)
    for name, network in plain.networks().items():
        for weight, other in zip(network.parameters(), quick.networks()[name].parameters(), strict=True):
            assert (weight.grad - other.grad).norm() < 1e-3 * weight.grad.norm() + 1e-5, name


# -- several scales


def plain_scales(discriminator: MultiScale, x: Tensor) -> list[Tensor]:
    """Each size by itself: every other pixel of the mean of what lies around it inside the picture."""
    inside = F.conv2d(torch.ones_like(x[:, :1]), torch.ones(1, 1, 3, 3), stride=2, padding=1)
    around = F.conv2d(x.flatten(0, 1)[:, None], torch.ones(1, 1, 3, 3), stride=2, padding=1).view(*x.shape[:2], 32, 32)
    return [discriminator.scales[0](x), discriminator.scales[1](around / inside)]


def test_a_step_with_two_scales_and_a_relaxed_cycle_is_that_of_a_plain_reading(
    make: Make, reals: tuple[Tensor, Tensor]
):
    a, b = reals
    objective = make({"scales": 2, "relaxed_cycle": 0.25, "pool_size": 0})
    G_AB, G_BA, D_A, D_B = deepcopy(list(objective.networks().values()))
    _, losses = in_steps(objective, a, b)
    fake_b, fake_a = G_AB(a), G_BA(b)
    back_a, back_b = G_BA(fake_b), G_AB(fake_a)

    def square(D: nn.Module, x: Tensor, target: float) -> Tensor:
        one, other = plain_scales(D, x)
        return (((one - target) ** 2).mean() + ((other - target) ** 2).mean()) / 2

    def seen(D: nn.Module, x: Tensor) -> list[Tensor]:
        sizes = (x, F.avg_pool2d(x, 3, 2, 1, count_include_pad=False))
        return [one.model[:11](size) for one, size in zip(D.scales, sizes, strict=True)]

    def apart(D: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        (one, two), (other_one, other_two) = seen(D, x), seen(D, y)
        return ((one - other_one).abs().mean() + (two - other_two).abs().mean()) / 2

    adversarial = square(D_B, fake_b, 1) + square(D_A, fake_a, 1)
    pixels = (back_a - a).abs().mean() + (back_b - b).abs().mean()
    cycle = 0.75 * pixels + 0.25 * (apart(D_A, back_a, a) + apart(D_B, back_b, b))
    identity = (G_BA(a) - a).abs().mean() + (G_AB(b) - b).abs().mean()
    d_A = (square(D_A, a, 1) + square(D_A, fake_a, 0)) / 2
    d_B = (square(D_B, b, 1) + square(D_B, fake_b, 0)) / 2
    total = adversarial + 10 * cycle + 5 * identity
    close(losses, torch.stack([total, adversarial, cycle, identity, d_A, d_B]))


def test_scores_of_several_scales_count_alike_however_many_there_are():
    scores = [torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 2, 2)]
    assert least_squares(scores, 1.0) == 0.5


def test_features_are_what_scores_are_made_of():
    discriminator = new_discriminator((3, 64, 64), spectral=False, scales=2)
    x = torch.rand(1, 3, 64, 64)
    heads = [one.model[-2:] for one in discriminator.scales]
    for head, feature, score in zip(heads, features(discriminator, x), discriminator(x), strict=True):
        torch.testing.assert_close(head(feature), score)


# -- a spectral norm


def test_a_discriminator_under_a_spectral_norm_is_plain_convolutions_of_divided_weights():
    discriminator = SpectralDiscriminator((3, 64, 64)).double()
    x = torch.rand(2, 3, 64, 64, dtype=torch.float64)
    expected = x
    for layer in deepcopy(discriminator).model:
        if not isinstance(layer, nn.Conv2d):
            assert not isinstance(layer, nn.InstanceNorm2d)
            expected = layer(expected)
            continue
        norm, weight = layer.parametrizations.weight[0], layer.parametrizations.weight.original
        matrix, v = weight.flatten(1), norm._v
        u = F.normalize(matrix @ v, dim=0)  # one step of the power iteration
        v = F.normalize(matrix.T @ u, dim=0)
        expected = F.conv2d(expected, weight / (u @ matrix @ v), layer.bias, layer.stride, layer.padding)
    torch.testing.assert_close(discriminator(x), expected, rtol=1e-9, atol=1e-9)


def test_under_a_spectral_norm_no_convolution_enlarges_its_input():
    discriminator = SpectralDiscriminator((3, 32, 32))
    for _ in range(60):
        discriminator(torch.zeros(1, 3, 32, 32))
    for layer in discriminator.model:
        if isinstance(layer, nn.Conv2d):
            assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1, abs=0.02)


# -- the gradient penalty


class Smooth(nn.Module):
    """A small discriminator that can be differentiated twice everywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Sequential(nn.Conv2d(3, 4, 4, 2, 1), nn.Softplus(), nn.Conv2d(4, 1, 4, 2, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


def plain_penalty(discriminator: nn.Module, real: Tensor) -> Tensor:
    """Half the squared length of the gradient by differences between pictures that differ in one value."""
    small, total = 1e-6, 0.0
    for picture in real:
        gradient = torch.zeros(picture.numel(), dtype=torch.float64)
        for n in range(picture.numel()):
            change = torch.zeros(picture.numel(), dtype=torch.float64)
            change[n] = small
            change = change.view(picture.shape)
            higher, lower = (discriminator(p[None]).sum() for p in (picture + change, picture - change))
            gradient[n] = (higher - lower) / (2 * small)
        total = total + 0.5 * (gradient**2).sum() / discriminator(picture[None]).numel()
    return total / len(real)


@torch.no_grad()
def test_the_gradient_penalty_is_half_the_squared_gradient_of_a_picture_for_each_score():
    torch.manual_seed(3)
    discriminator, real = Smooth().double(), torch.randn(2, 3, 8, 8, dtype=torch.float64)
    with torch.enable_grad():
        penalty = gradient_penalty(discriminator, real)
    torch.testing.assert_close(penalty.detach(), plain_penalty(discriminator, real), rtol=1e-5, atol=1e-9)


def test_the_gradient_of_the_penalty_is_right():
    torch.manual_seed(3)
    discriminator, real = Smooth().double(), torch.randn(2, 3, 8, 8, dtype=torch.float64)
    gradient_penalty(discriminator, real).backward()
    weight, small = discriminator.model[0].weight, 1e-6
    for at in ((0, 0, 0, 0), (2, 1, 3, 2), (3, 2, 1, 1)):
        found = []
        for change in (small, -small):
            other = deepcopy(discriminator)
            with torch.no_grad():
                other.model[0].weight[at] += change
            found.append(gradient_penalty(other, real).item())
        assert weight.grad is not None
        assert weight.grad[at].item() == pytest.approx((found[0] - found[1]) / (2 * small), rel=1e-5)


def test_a_step_with_the_gradient_penalty_adds_it_to_the_discriminators_alone(make: Make, reals: tuple[Tensor, Tensor]):
    plain, penalised = make({"pool_size": 0}), make({"pool_size": 0, "gradient_penalty": 3.0})
    D_A, D_B = deepcopy([penalised.networks()[name] for name in ("D_A", "D_B")])
    (g, d), losses = in_steps(plain, *reals)
    (g_too, d_too), losses_too = in_steps(penalised, *reals)
    assert g == g_too
    assert torch.equal(losses, losses_too[:-1])
    assert penalised.loss_names()[-1] == "D_penalty"
    expected = gradient_penalty(D_A, reals[0]) + gradient_penalty(D_B, reals[1])
    close(losses_too[-1], expected.detach())
    close(d_too, d + 3 * expected.detach())


# -- DiffAugment


def plain_augment(x: Tensor, seed: int) -> Tensor:
    """Pixel by pixel, with the numbers drawn in the order of the policies."""
    random, (count, _, height, width) = torch.Generator().manual_seed(seed), x.shape
    brightness, saturation, contrast = (torch.rand(count, 1, 1, 1, generator=random).flatten() for _ in range(3))
    down, right = (torch.randint(2 * (side // 8) + 1, (count,), generator=random) for side in (height, width))
    row, column = (torch.randint(side + 1, (count,), generator=random) for side in (height, width))
    changed = torch.zeros_like(x)
    for n, picture in enumerate(x):
        one = picture + brightness[n] - 0.5
        one = one.mean(0) + 2 * saturation[n] * (one - one.mean(0))
        one = one.mean() + (contrast[n] + 0.5) * (one - one.mean())
        for i in range(height):
            for j in range(width):
                from_i, from_j = i + int(down[n]) - height // 8, j + int(right[n]) - width // 8
                inside = 0 <= from_i < height and 0 <= from_j < width
                in_hole = (
                    -height // 4 <= i - int(row[n]) < height // 4 and -width // 4 <= j - int(column[n]) < width // 4
                )
                if inside and not in_hole:
                    changed[n, :, i, j] = one[:, from_i, from_j]
    return changed


def test_diffaugment_changes_colour_and_place_and_cuts_a_hole():
    x = torch.rand(3, 3, 32, 24) * 2 - 1
    for seed in range(3):
        close(DiffAugment(seed)(x), plain_augment(x, seed))


def test_gradients_pass_through_diffaugment():
    x = torch.rand(2, 3, 16, 16).requires_grad_()
    augment = DiffAugment(0)
    state = augment.random.get_state()
    augment(x).sum().backward()
    augment.random.set_state(state)
    again = augment(x.detach() + 1e-2).sum() - 0.0
    augment.random.set_state(state)
    assert x.grad is not None
    assert (again - augment(x.detach()).sum()).item() == pytest.approx(1e-2 * x.grad.sum().item(), rel=1e-2)


@pytest.mark.parametrize("objective", ["cyclegan", "cut"])
def test_all_that_a_discriminator_judges_is_augmented(
    make: Make, reals: tuple[Tensor, Tensor], objective: str, monkeypatch: pytest.MonkeyPatch
):
    augmented: list[Tensor] = []

    def remember(self: DiffAugment, pictures: Tensor) -> Tensor:
        augmented.append(pictures * 0.5)
        return augmented[-1]

    monkeypatch.setattr(DiffAugment, "__call__", remember)
    made = make({"objective": objective, "diffaugment": True})
    judged: list[Tensor] = []
    for name, network in made.networks().items():
        if name[0] == "D":
            network.register_forward_pre_hook(lambda _, inputs: judged.append(inputs[0]))
    in_steps(made, *reals)
    seen = torch.cat(judged)
    assert len(seen) == sum(map(len, augmented))
    assert all(any(torch.equal(picture, one) for batch in augmented for one in batch) for picture in seen)


def test_a_discriminator_of_several_scales_loses_like_one():
    discriminator = new_discriminator((3, 64, 64), spectral=False, scales=2)
    real, fake = torch.rand(2, 3, 64, 64), torch.rand(3, 3, 64, 64)
    plain = 0.5 * (least_squares(discriminator(real), 1.0) + least_squares(discriminator(fake), 0.0))
    close(discriminator_loss(discriminator, real, fake).detach(), plain.detach())


# -- in another precision


@pytest.mark.parametrize(
    "given",
    [
        {"objective": "cut", "gradient_penalty": 1.0, "diffaugment": True},
        {"objective": "fastcut", "spectral_norm": True},
        {"objective": "modern", "diffaugment": True},
        {"spectral_norm": True, "scales": 2},
    ],
    ids=str,
)
def test_all_of_it_computes_in_bfloat16(make: Make, reals: tuple[Tensor, Tensor], given: dict[str, Any]):
    single, half = make(given), make(given)
    plain = take_step(single, [reals], nullcontext())
    rounded = take_step(half, [reals], torch.autocast("cpu", torch.bfloat16))
    assert rounded.dtype == torch.float32
    for name, one, other in zip(single.loss_names(), rounded, plain, strict=True):
        assert one.item() == pytest.approx(other.item(), rel=0.2, abs=0.05), name
    for network in half.networks().values():
        assert all(weight.dtype == torch.float32 and weight.isfinite().all() for weight in network.parameters())
