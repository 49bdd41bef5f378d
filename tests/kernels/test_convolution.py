"""Kernels against PyTorch: convolutions of every kind that they know, what is done with them, and its sums."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from imgtrans.kernels import winograd
from imgtrans.kernels.addition import add
from imgtrans.kernels.convolution import Before, Convolution
from imgtrans.kernels.direct import Direct, Phase
from imgtrans.kernels.library import Library
from imgtrans.kernels.team import Team
from imgtrans.kernels.winograd import DOUBLED, ENLARGED, HALVED, WHOLE, Scheme, Winograd


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(0)


def floats(generator: np.random.Generator, *shape: int) -> np.ndarray:
    return generator.standard_normal(shape, np.float32)


def addresses(rows: np.ndarray) -> np.ndarray:
    return rows.ctypes.data + np.arange(len(rows)) * rows.strides[0]


def run(
    kernel: Convolution, x: np.ndarray, before: Before, pad: int, size: tuple[int, int], features: int, threads: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Return what a kernel makes of a map (height, width, channels), zeros around it, and the sums that it takes."""
    rows = np.pad(addresses(x), pad)
    columns = np.pad(np.arange(x.shape[1]) * x.strides[1], pad, constant_values=-1)
    made = np.full((*size, features), np.nan, np.float32)
    sums = np.zeros((-(-size[0] // kernel.group), kernel.slots(size[1]), 2, features))
    team = Team(threads, kernel.room)
    kernel.run(team, rows, columns, before, addresses(made), size[1], sums)
    team.close()
    return made, sums


def torched(x: np.ndarray, before: Before, floor: float) -> torch.Tensor:
    """Return a map as PyTorch wants it, and as a kernel reads it."""
    normalised = torch.from_numpy(x).double() * torch.from_numpy(before.scale) + torch.from_numpy(before.shift)
    return normalised.clamp_(min=floor).permute(2, 0, 1).unsqueeze(0)


def normalising(generator: np.random.Generator, channels: int, floor: float) -> Before:
    return Before(floats(generator, channels), floats(generator, channels), np.full(1, floor, np.float32))


def check(made: np.ndarray, sums: np.ndarray, expected: torch.Tensor, limit: float) -> None:
    right = expected[0].permute(1, 2, 0).numpy()
    assert np.abs(made - right).max() < limit * right.std()
    count = right.shape[0] * right.shape[1]
    mean, square = sums.sum(axis=(0, 1)) / count
    assert np.allclose(mean, made.astype(float).mean(axis=(0, 1)), atol=1e-6)
    assert np.allclose(square, (made.astype(float) ** 2).mean(axis=(0, 1)), rtol=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (8, 12), (13, 7), (5, 150)])
@pytest.mark.parametrize("floor", [-np.inf, 0.0])
def test_winograd(library: Library, size: tuple[int, int], floor: float, generator: np.random.Generator):
    channels, features = 2 * library.machine.lanes, 3 * library.machine.lanes
    weight, bias = floats(generator, features, channels, 3, 3), floats(generator, features)
    x, before = floats(generator, *size, channels), normalising(generator, channels, floor)
    made, sums = run(Winograd(library, weight, bias), x, before, 1, size, features)
    expected = F.conv2d(torched(x, before, floor), *(torch.from_numpy(w).double() for w in (weight, bias)), padding=1)
    check(made, sums, expected, 2e-5)


@pytest.mark.parametrize("scheme", [WHOLE, ENLARGED, HALVED, DOUBLED], ids=lambda scheme: scheme.kernel)
def test_parts_of_few_rows_of_tiles_are_shared_out_and_nothing_changes(
    library: Library, scheme: Scheme, generator: np.random.Generator, monkeypatch: pytest.MonkeyPatch
):
    channels, size = library.machine.lanes, (7, 1001)
    weight, before = floats(generator, channels, channels, 3, 3), normalising(generator, channels, 0.0)
    stride = 2 if scheme is HALVED else 1
    x, found = floats(generator, stride * size[0], stride * size[1], channels), []
    kernel = Winograd(library, weight, None, scheme)
    for least in (1 << 60, 1):
        monkeypatch.setattr(winograd, "LEAST_WORK", least)
        calls: list[str] = []

        def call(name: str, *given: int, calls: list[str] = calls, do: Callable[..., None] = library.call) -> None:
            calls.append(name)
            do(name, *given)

        monkeypatch.setattr(library, "call", call)
        made, sums = run(kernel, x, before, 1, size, channels, threads=2)
        found.append((len(calls), made, sums))
        monkeypatch.undo()
    (few, *whole), (many, *parts) = found
    assert few < 4 <= many
    assert all(np.array_equal(one, other) for one, other in zip(whole, parts, strict=True))


@pytest.mark.parametrize("size", [(2, 2), (10, 14), (6, 150)])
def test_winograd_of_an_enlarged_map_leaves_out_products_that_are_zero(
    library: Library, size: tuple[int, int], generator: np.random.Generator
):
    channels, features = 2 * library.machine.lanes, library.machine.lanes
    weight, bias = floats(generator, features, channels, 3, 3), floats(generator, features)
    x, before = floats(generator, size[0] // 2, size[1] // 2, channels), normalising(generator, channels, 0.0)
    x = np.ascontiguousarray(x.repeat(2, 0).repeat(2, 1))
    kernel = Winograd(library, weight, bias, ENLARGED)
    made, sums = run(kernel, x, before, 1, size, features)
    expected = F.conv2d(torched(x, before, 0.0), *(torch.from_numpy(w).double() for w in (weight, bias)), padding=1)
    check(made, sums, expected, 2e-5)
    every = Winograd(library, weight, bias)
    assert kernel.bytes * 36 == every.bytes * 25
    assert np.array_equal(made, run(every, x, before, 1, size, features)[0])


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (16, 24), (17, 9), (10, 281)])
def test_winograd_of_stride_2(library: Library, size: tuple[int, int], generator: np.random.Generator):
    channels, features = 2 * library.machine.lanes, 3 * library.machine.lanes
    weight, bias = floats(generator, features, channels, 3, 3), floats(generator, features)
    x, before = floats(generator, *size, channels), normalising(generator, channels, 0.0)
    torch_weights = (torch.from_numpy(values).double() for values in (weight, bias))
    expected = F.conv2d(torched(x, before, 0.0), *torch_weights, stride=2, padding=1)
    kernel = Winograd(library, weight, bias, HALVED)
    made, sums = run(kernel, x, before, 1, (expected.shape[2], expected.shape[3]), features)
    check(made, sums, expected, 2e-5)


@pytest.mark.parametrize("extra", [0, 1])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (8, 12), (13, 7), (5, 150)])
def test_winograd_of_a_transposed_convolution(
    library: Library, size: tuple[int, int], extra: int, generator: np.random.Generator
):
    channels, features = 2 * library.machine.lanes, 3 * library.machine.lanes
    weight, bias = floats(generator, channels, features, 3, 3), floats(generator, features)
    x, before = floats(generator, *size, channels), normalising(generator, channels, 0.0)
    torch_weights = (torch.from_numpy(values).double() for values in (weight, bias))
    expected = F.conv_transpose2d(torched(x, before, 0.0), *torch_weights, stride=2, padding=1, output_padding=extra)
    kernel = Winograd(library, weight.transpose(1, 0, 2, 3), bias, DOUBLED)
    made, sums = run(kernel, x, before, 0, (expected.shape[2], expected.shape[3]), features)
    check(made, sums, expected, 2e-5)


@pytest.mark.parametrize(
    ("channels", "features", "kernel", "stride", "pad"),
    [(3, 20, 7, 1, 3), (4, 8, 3, 2, 1), (5, 33, 4, 2, 1), (16, 70, 3, 1, 1), (1, 1, 1, 1, 0), (17, 3, 1, 2, 0)],
)
def test_direct(library: Library, channels, features, kernel, stride, pad, generator: np.random.Generator):
    weight, bias = floats(generator, features, channels, kernel, kernel), floats(generator, features)
    x, before = floats(generator, 23, 141, channels), normalising(generator, channels, 0.0)
    expected = F.conv2d(
        torched(x, before, 0.0), *(torch.from_numpy(w).double() for w in (weight, bias)), stride=stride, padding=pad
    )
    direct = Direct(library, [Phase(weight)], bias, (stride, stride))
    made, sums = run(direct, x, before, pad, (expected.shape[2], expected.shape[3]), features)
    check(made, sums, expected, 2e-6)


def test_pixels_of_few_channels_are_made_together(library: Library, generator: np.random.Generator):
    weight = floats(generator, 1, 4, 5, 5)
    x, before = floats(generator, 9, 21, 4), Before.nothing(4)
    direct = Direct(library, [Phase(weight)], None, last=True)
    wide = -(-21 // direct.together) * direct.together
    rows = np.pad(addresses(x), 2)
    columns = np.pad(np.arange(21) * x.strides[1], 2, constant_values=-1)
    made, team = np.full((9, wide, 1), np.nan, np.float32), Team(1, direct.room)
    direct.run(team, rows, columns, before, addresses(made), 21, None)
    expected = F.conv2d(torched(x, before, -np.inf), torch.from_numpy(weight).double(), padding=2)
    assert direct.together > 1
    with pytest.raises(ValueError, match="no sums of their own"):
        direct.run(team, rows, columns, before, addresses(made), 21, np.zeros((9, 1, 2, 1)))
    assert np.abs(made[:, :21, 0] - expected[0, 0].numpy()).max() < 1e-4


@pytest.mark.parametrize(
    ("scheme", "stride", "step", "reach", "pad"),
    [(None, 1, 1, 3, 1), (WHOLE, 1, 1, 3, 1), (HALVED, 2, 1, 3, 1), (DOUBLED, 1, 2, 2, 0)],
    ids=lambda given: getattr(given, "kernel", None),
)
def test_a_pixel_does_not_depend_on_what_is_made_with_it(
    library: Library,
    scheme: Scheme | None,
    stride: int,
    step: int,
    reach: int,
    pad: int,
    generator: np.random.Generator,
):
    channels = features = library.machine.lanes
    weight = floats(generator, features, channels, 3, 3)
    kernel = Winograd(library, weight, None, scheme) if scheme else Direct(library, [Phase(weight)], None)
    height, width = 22 * step, 139 * step
    x = floats(generator, 22 * stride, 139 * stride, channels)
    before = normalising(generator, channels, 0.0)
    whole, sums = run(kernel, x, before, pad, (height, width), features)
    again, sums_again = run(kernel, x, before, pad, (height, width), features, threads=3)
    assert np.array_equal(whole, again)
    assert np.array_equal(sums, sums_again)
    rows = np.pad(addresses(x), (pad, 1))
    columns = np.pad(np.arange(x.shape[1]) * x.strides[1], (pad, 1), constant_values=-1)
    team = Team(1, kernel.room)
    low = 4 * step
    for start, stop in ((0, low), (low, 3 * low), (3 * low, height)):
        part = np.empty((stop - start, width, features), np.float32)
        its = np.zeros((-(-(stop - start) // kernel.group), kernel.slots(width), 2, features))
        given = rows[start * stride // step : (stop - 1) * stride // step + reach]
        kernel.run(team, given, columns, before, addresses(part), width, its)
        assert np.array_equal(part, whole[start:stop])
        assert np.array_equal(its, sums[start // kernel.group :][: len(its)])


def test_sums_bear_with_means_that_are_large_against_what_varies(library: Library, generator: np.random.Generator):
    """A picture of one colour and a little noise: squares alone, in single precision, would have nothing of it left."""
    lanes = library.machine.lanes
    weight = np.zeros((lanes, lanes, 3, 3), np.float32)
    weight[:, :, 1, 1] = np.eye(lanes)
    x = (100 + 1e-2 * floats(generator, 32, 32, lanes)).astype(np.float32)
    made, sums = run(Direct(library, [Phase(weight)], None), x, Before.nothing(lanes), 1, (32, 32), lanes)
    mean, square = sums.sum(axis=(0, 1)) / 32**2
    assert np.allclose(square - mean**2, made.astype(float).var(axis=(0, 1)), rtol=1e-3)


def test_a_sum(library: Library, generator: np.random.Generator):
    x, y = floats(generator, 6, 9, 21), floats(generator, 6, 9, 21)
    terms = normalising(generator, 21, 0.0)
    into, team = np.empty_like(x), Team(2, 1)
    add(library, team, addresses(x), addresses(y), addresses(into), terms, 9)
    team.close()
    assert np.allclose(into, np.maximum(x + y * terms.scale + terms.shift, 0), atol=1e-6)
