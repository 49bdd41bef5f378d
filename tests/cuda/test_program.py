"""A program for a device computes what the network computes, with fewer operations; here by PyTorch, on a CPU."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from imgtrans.architectures.family import architecture
from imgtrans.cuda import program as module
from imgtrans.cuda.ends import LAST, Block, first_weight, last_weight
from imgtrans.cuda.normalising import MOVED, ByPyTorch, Held
from imgtrans.cuda.program import Program
from imgtrans.cuda.stages import Convolve, Norm, Phased, phases
from imgtrans.streaming.program import Normalisation
from imgtrans.streaming.steps import Convolution, Padding, Transposed
from tests.architectures.foreign import networks
from tests.cuda.ends import EndsByPyTorch, through
from tests.streaming.streaming import SMALL, network, whole

CPU = torch.device("cpu")
ALL = {name: parameters for name, _, parameters in networks()}
WIDE = SMALL | {"ngf": 16}  # wide enough for the last layer to be made four pixels at a time


class ByPixel(ByPyTorch):
    """What kernels do, phased maps included, said in PyTorch."""

    by_pixel = True

    def __call__(self, given, norm, before, relu, padding, kind):  # type: ignore[no-untyped-def]
        return super().__call__(Held(unphased(given)), norm, before, relu, padding, kind)


def unphased(given: Held) -> Tensor:
    if not given.phased:
        return given.inner
    n, channels, height, width = given.shape
    moved = given.phased == MOVED
    made = given.whole.new_empty(n, channels, height, width)
    for down in (0, 1):
        for right in (0, 1):
            first = (2 * down + right) * channels
            one = given.whole[:, first : first + channels, moved * down :, moved * right :]
            made[:, :, down::2, right::2] = one[:, :, : height // 2, : width // 2]
    return made


def program(net: nn.Module, how: type[ByPyTorch] = ByPixel, precision: torch.dtype = torch.float32) -> Program:
    return Program(net, CPU, precision, lambda narrowest: how(), EndsByPyTorch() if how.by_pixel else None)


@pytest.mark.parametrize("how", [ByPyTorch, ByPixel], ids=["rows", "pixels"])
@pytest.mark.parametrize("name", ALL)
def test_every_network_gives_what_it_gives(name: str, how: type[ByPyTorch]):
    net, multiple = network(ALL[name]), architecture.multiple(ALL[name])
    x = torch.rand(2, ALL[name]["channels"], 9 * multiple, 6 * multiple) * 2 - 1
    made, expected = program(net, how), whole(net, x)
    assert made.size(*x.shape[2:]) == tuple(expected.shape[2:])
    assert (through(made, x) - expected).abs().max() < 2e-5


@pytest.mark.parametrize("upsampling", ["nearest", "transpose"])
def test_a_usual_network_takes_few_operations(upsampling: str):
    made = program(network(WIDE | {"upsampling": upsampling}))
    stages = made._stages
    norms = [stage for stage in stages if isinstance(stage, Norm)]
    convolutions = [stage for stage in stages if isinstance(stage, Convolve)]
    assert len([stage for stage in stages if isinstance(stage, Phased)]) == 2
    assert sum(norm.ends for norm in norms) == 2  # both blocks end in their normalisation
    assert [norm.padding.top for norm in norms] == [0, 0, 1, 1, 1, 1, 0, 0, 3]  # the next convolution's
    assert [stage.bias is not None for stage in convolutions] == [False] * 7 + [True]  # the others are taken off again
    assert made._first is not None and made._last is not None and made._tanh


def test_the_first_layer_makes_four_pixels_of_what_they_see_of_two_rows_at_a_time():
    net = network(WIDE)
    made = program(net)
    assert made._first is not None
    assert made._first.weight.shape == (64, 64, 4, 1)
    assert not made._first.weight[:, 48:].any()  # of two rows eight pixels, of three colours
    for height, width in ((20, 28), (18, 10), (21, 28), (20, 27)):  # those of odd sides are made one by one
        assert made._first.fits(height, width) == (height % 2 == width % 2 == 0)
        x = torch.rand(2, 3, height, width) * 2 - 1
        assert (through(made, x) - whole(net, x)).abs().max() < 2e-5


BLOCKS = [LAST, Block(1, 1, True), Block(2, 2, False), Block(4, 2, False), Block(1, 4, True), Block(2, 1, False)]


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_the_last_layer_is_the_same_so_many_pixels_at_a_time(monkeypatch: pytest.MonkeyPatch, block: Block):
    monkeypatch.setattr(module, "LAST", block)
    net, x = network(WIDE), torch.rand(2, 3, 20, 22 if block.across == 4 else 28) * 2 - 1
    made = program(net)
    assert made._last is not None and made._last.block == block
    assert len(made._last.weight) % 64 == 0
    at_once = through(made, x)
    made._last = None
    assert (at_once - through(made, x)).abs().max() < 1e-5


def test_sizes_that_do_not_divide_are_made_pixel_by_pixel(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "LAST", Block(1, 3, True))
    net, x = network(WIDE), torch.rand(2, 3, 20, 28) * 2 - 1
    assert (through(program(net), x) - whole(net, x)).abs().max() < 2e-5


@pytest.mark.parametrize("kind", [torch.uint8, torch.uint16])
def test_pictures_of_whole_numbers_are_those_of_floats_rounded(kind: torch.dtype):
    net, top = network(WIDE), torch.iinfo(kind).max
    given = torch.randint(0, top + 1, (2, 20, 28, 3)).to(kind)
    for how in (ByPixel, ByPyTorch):
        made = torch.empty_like(given)
        program(net, how)(given, made)
        x = given.permute(0, 3, 1, 2).float() / (top / 2) - 1
        expected = ((through(program(net, how), x) + 1) * (top / 2)).round().permute(0, 2, 3, 1)
        assert torch.equal(made.float(), expected)


def test_in_bfloat16_it_is_as_near_as_autocast():
    net, x = network(WIDE), torch.rand(2, 3, 48, 48) * 2 - 1
    exact = whole(net, x)
    with torch.autocast("cpu", torch.bfloat16):
        plain = whole(net, x).float()
    ours = through(program(net, precision=torch.bfloat16), x)
    assert 0 < (ours - exact).abs().mean() < 1.2 * (plain - exact).abs().mean()


@pytest.mark.parametrize(("kernel", "cut", "extra"), [(4, 1, 0), (3, 1, 1), (2, 0, 0), (3, 0, -1), (1, 0, 1)])
def test_a_transposed_convolution_is_an_ordinary_one_in_phases(kernel: int, cut: int, extra: int):
    weight, x = torch.randn(5, 7, kernel, kernel), torch.randn(2, 5, 6, 9)
    op = Transposed(weight, None, (2, 2), (cut, cut), (max(0, extra), max(0, extra)))
    made = phases(op)
    if extra < 0:
        assert made is None  # it does not double
        return
    assert made is not None
    expected = torch.nn.functional.conv_transpose2d(x, weight, None, 2, cut, extra)
    y = unphased(Phased(made)(Held(x), []))
    assert y.shape == expected.shape == (2, 7, 12, 18)
    assert (y - expected).abs().max() < 1e-5


@pytest.mark.parametrize(
    "other", [{"stride": (1, 1)}, {"groups": 5}, {"cut": (2, 2), "extra": (0, 0)}, {"padding": Padding("reflect", 1)}]
)
def test_other_transposed_convolutions_stay_what_they_are(other: dict[str, object]):
    usual = Transposed(torch.randn(5, 7, 4, 4), None, (2, 2), (1, 1))
    assert phases(usual) is not None
    assert phases(replace(usual, **other)) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("other", [{"stride": (2, 2)}, {"columns": 1}, {"weight": torch.randn(5, 16, 7, 7)}])
def test_other_last_layers_are_made_pixel_by_pixel(other: dict[str, object]):
    usual = Convolution(torch.randn(3, 16, 7, 7), None)
    made = last_weight(usual, LAST)
    assert made is not None and made.shape == (64, 32, 1, 4)
    assert not made[42:].any()
    assert last_weight(replace(usual, **other), LAST) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "other",
    [
        {"stride": (2, 2)},
        {"columns": 1},
        {"weight": torch.randn(16, 4, 7, 9)},
        {"padding": Padding("zeros", 0, 0, 3, 3)},
    ],
)
def test_other_first_layers_stay_what_they_are(other: dict[str, object]):
    usual = Convolution(torch.randn(16, 3, 7, 7), None, padding=Padding("reflect", 3, 3, 3, 3))
    assert first_weight(usual) is not None
    assert first_weight(replace(usual, **other)) is None  # type: ignore[arg-type]


def test_what_it_does_not_know_is_refused():
    with pytest.raises(ValueError, match="a network with GroupNorm cannot be"):
        program(nn.Sequential(nn.Conv2d(3, 3, 3), nn.GroupNorm(1, 3)))


def test_a_map_that_is_added_may_be_padded_already():
    padding = Padding("reflect", 1, 1, 1, 1)
    x, before = torch.randn(1, 4, 5, 6), torch.randn(1, 4, 7, 8)
    made = ByPyTorch()(
        Held(x), Normalisation(1e-5, None, None), Held(before, padding), True, padding, torch.float32
    )  # fmt: skip
    expected = (torch.nn.functional.instance_norm(x) + before[:, :, 1:-1, 1:-1]).relu()
    assert torch.allclose(made.inner, expected, atol=1e-6)
    assert torch.allclose(made.whole, torch.nn.functional.pad(expected, (1, 1, 1, 1), "reflect"), atol=1e-6)


def test_it_looks_up_before_each_stage():
    looks: list[int] = []
    made = program(network(SMALL))
    made(torch.zeros(1, 16, 16, 3), torch.zeros(1, 16, 16, 3), lambda: looks.append(1))
    assert len(looks) == len(made._stages)
