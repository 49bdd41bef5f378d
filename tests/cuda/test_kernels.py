"""Triton's kernels compute what PyTorch does: interpreted here, and compiled for cards that need not be there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# One process for all cases: Triton decides when it is imported whether it interprets.
INTERPRETED = """
import itertools
import torch
from imgtrans.cuda.normalising import MOVED, NOTHING, PHASED, WHOLE, ByPyTorch, ByTriton, Held
from imgtrans.streaming.program import Normalisation
from imgtrans.streaming.steps import Padding

torch.manual_seed(0)
reflect, replicate = Padding("reflect", 3, 2, 1, 3), Padding("replicate", 1, 2, 3, 0)
cases = itertools.product(
    (16, 20, 70), ((6, 10), (38, 32)), (NOTHING, reflect, replicate), (False, True), (False, True),
    (WHOLE, PHASED, MOVED), (torch.float32, torch.bfloat16),
)
counted = {channels: ByTriton(channels) for channels in (16, 20, 70)}
done = 0
for case, (channels, (height, width), padding, added, relu, phased, kind) in enumerate(cases):
    if case % 11:
        continue  # each value of each meets each of the others in what is left
    given = torch.randn(2, channels, height, width) * 3 + 50 * torch.randn(1, channels, 1, 1)
    learnt = relu != added
    weight, bias = (torch.rand(channels), torch.randn(channels)) if learnt else (None, None)
    norm = Normalisation(1e-5, weight, bias)
    before = Held(torch.randn(2, channels, height + 2, width + 2).to(kind), Padding("reflect", 1, 1, 1, 1))
    before = before if added else None
    held = Held(given.to(kind))
    expected = ByPyTorch()(Held(held.whole.float()), norm, before, relu, padding, torch.float32)
    if phased:
        further = phased == MOVED
        sides = height // 2 + further, width // 2 + further
        four = torch.full((2, 4 * channels, *sides), torch.nan, dtype=kind)
        for down, right in itertools.product((0, 1), (0, 1)):
            first = (2 * down + right) * channels
            quarter = held.whole[:, :, down::2, right::2]
            four[:, first:, further * down:, further * right:][:, :channels, :height // 2, :width // 2] = quarter
        held = Held(four, phased=phased)
    made = counted[channels](held, norm, before, relu, padding, kind)
    assert made.whole.shape == expected.whole.shape and made.whole.dtype is kind
    limit = 2e-4 if kind is torch.float32 else 0.03
    apart = ((made.whole.float() - expected.whole).abs() / (1 + expected.whole.abs())).max().item()
    assert apart < limit, (case, channels, height, padding, added, relu, phased, kind, apart)
    done += 1
assert not any(one.any() for counts in counted.values() for one in counts._counters.kept)  # for whoever counts next
print("agree", done)
"""

ENDS = """
import itertools
import torch
from imgtrans.cuda.ends import Block, EndsByTriton, First, Last, first_weight, last_weight
from imgtrans.streaming.steps import Convolution, Padding
from tests.cuda.ends import EndsByPyTorch

torch.manual_seed(0)
def given(kind, *shape):
    if kind.is_floating_point:
        return torch.rand(shape) * 2 - 1
    whole = torch.randint(0, torch.iinfo(kind).max + 1, shape)
    whole.view(-1)[: torch.iinfo(kind).max + 1] = torch.arange(min(whole.numel(), torch.iinfo(kind).max + 1))
    return whole.to(kind)

done, ours, theirs = 0, EndsByTriton(), EndsByPyTorch()
pads = Padding("reflect", 3, 3, 3, 3), Padding("replicate", 2, 1, 1, 2), Padding()
for kind, padding, (kernel, colours) in itertools.product(
    (torch.uint8, torch.uint16, torch.float32), pads, (((7, 7), 3), ((4, 5), 1), ((3, 2), 4))
):
    op = Convolution(torch.randn(16, colours, *kernel), None, padding=padding)
    first = First(op, first_weight(op))
    sides = 21 - padding.top - padding.bottom + kernel[0], 29 - padding.left - padding.right + kernel[1]
    x = given(kind, 2, *sides, colours)
    assert first.fits(*x.shape[1:3])
    for made in (torch.float32, torch.bfloat16):
        apart = ours.enter(x, first, made).float() - theirs.enter(x, first, made).float()
        apart = torch.nn.functional.conv2d(apart, first.weight).abs().max()  # which does not see rows that are no use
        assert apart <= (0.3 if made is torch.bfloat16 else 0), (kind, padding, kernel)  # it cuts off, interpreted
        done += 1

for kind, block, tanh, biased, precision in itertools.product(
    (torch.uint8, torch.uint16, torch.float32), (Block(1, 2, True), Block(2, 2, False), Block(4, 1, False)),
    (False, True), (False, True), (torch.float32, torch.bfloat16),
):
    op = Convolution(torch.randn(3, 16, 5, 7), torch.randn(3) if biased else None)
    last = Last(op, block, last_weight(op, block), op.bias)
    rows = (20 + 4 if block.rowwise else 20) // block.down
    y = torch.randn(2, len(last.weight), rows, 30 // block.across).to(precision)
    one, other = (torch.empty(2, 20, 30, 3, dtype=kind) for _ in "ab")
    ours.leave(y, last, tanh=tanh, pictures=one)
    theirs.leave(y, last, tanh=tanh, pictures=other)
    apart, same = (one.double() - other.double()).abs().max(), (one == other).double().mean()
    assert apart <= (2e-6 if kind.is_floating_point else 1), (kind, block, tanh, apart)
    assert kind.is_floating_point or same > 0.99, (kind, block, tanh, same)  # sums are in another order
    done += 1
print("agree", done)
"""

NETWORKS = """
import torch
from imgtrans.cuda.ends import EndsByTriton
from imgtrans.cuda.normalising import ByPyTorch, ByTriton
from imgtrans.cuda.program import Program
from imgtrans.cuda.truth import truth_of
from tests.streaming.streaming import SMALL, network

cpu, done = torch.device("cpu"), 0
for upsampling in ("nearest", "transpose"):
    net = network(SMALL | {"ngf": 16, "blocks": 1, "upsampling": upsampling})
    program = Program(net, cpu, torch.float32, ByTriton, EndsByTriton())
    assert program._first and program._last
    truth_of(net, cpu, torch.float32).check(program, cpu)  # raises if it is not the network
    given = torch.randint(0, 256, (2, 20, 28, 3)).to(torch.uint8)
    made, expected = torch.empty_like(given), torch.empty_like(given)
    program(given, made)
    Program(net, cpu, torch.float32, lambda narrowest: ByPyTorch())(given, expected)
    apart = (made.int() - expected.int()).abs()
    assert apart.max() <= 1 and apart.float().mean() < 0.01
    done += 1
print("agree", done)
"""

COMPILED = """
import time
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from imgtrans.cuda import code, code_ends

sides = {"height": "i32", "width": "i32"}
whole = {**sides, "channels": "i32"}
places = {"rows": "i32", "columns": "i32"}
kernels = {
    code.sums: (
        {"given": "*bf16", "partial": "*fp32", "counter": "*i32", "weight": "*fp32", "bias": "*fp32",
         "affine": "*fp32", **whole, "each": "i32", "epsilon": "fp32"},
        {"LEARNT": True, "MOVED": True, "PIXELS": 64, "CHANNELS": 64, "PARTS": 32},
    ),
    code.apply: (
        {"given": "*bf16", "affine": "*fp32", "before": "*bf16", "made": "*bf16", **whole, "before_height": "i32",
         "before_width": "i32", "top": "i32", "left": "i32", "out_height": "i32", "out_width": "i32"},
        {"ADDED": True, "RELU": True, "REFLECTED": True, "PHASED": 2, "PIXELS": 64, "CHANNELS": 64},
    ),
    code_ends.enter: (
        {"given": "*u8", "made": "*bf16", "half": "fp32", **sides, "top": "i32", "left": "i32", **places},
        {"WHOLE": True, "REFLECTED": True, "COLOURS": 3, "ACROSS": 8, "PIXELS": 64, "CHANNELS": 64},
    ),
    code_ends.leave: (
        {"given": "*bf16", "bias": "*fp32", "made": "*u8", "half": "fp32", **sides, **places, "channels": "i32"},
        {"WHOLE": True, "TANH": True, "BIASED": True, "COLOURS": 3, "TAPS": 7, "DOWN": 1, "ACROSS": 2,
         "NUMBERS": 1024},
    ),
}
for capability in (80, 90):
    for kernel, (signature, constants) in kernels.items():
        signature = {name: signature.get(name, "constexpr") for name in kernel.arg_names}
        source = ASTSource(fn=kernel, signature=signature, constexprs=constants)
        made = triton.compile(source, target=GPUTarget("cuda", capability, 32))
        assert len(made.asm["cubin"]) > 1000
print("compiled")
"""


def ran(script: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    given = os.environ | {"PYTHONPATH": str(ROOT), "TRITON_CACHE_DIR": str(folder)} | environment
    return subprocess.run([sys.executable, "-c", script], env=given, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("script", "cases"), [(INTERPRETED, 40), (ENDS, 126), (NETWORKS, 2)], ids=["between", "ends", "networks"]
)
def test_interpreted_they_give_what_pytorch_gives(tmp_path: Path, script: str, cases: int):
    pytest.importorskip("triton", reason="Triton comes with PyTorch for CUDA only")
    ended = ran(script, tmp_path, TRITON_INTERPRET="1")
    if "only 0-dimensional arrays can be converted to Python scalars" in ended.stderr:
        pytest.skip("the interpreter of this Triton is older than this numpy")
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert int(ended.stdout.removeprefix("agree ")) == cases


@pytest.mark.slow
def test_they_compile_for_cards_of_two_generations(tmp_path: Path):
    """The machine code itself, by the assembler that Triton brings; no card is asked."""
    pytest.importorskip("triton", reason="Triton comes with PyTorch for CUDA only")
    ended = ran(COMPILED, tmp_path)
    assert (ended.stdout, ended.returncode) == ("compiled\n", 0), ended.stderr[-2000:]
