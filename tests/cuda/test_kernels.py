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
from imgtrans.cuda.normalising import NOTHING, ByPyTorch, ByTriton, Held
from imgtrans.streaming.program import Normalisation
from imgtrans.streaming.steps import Padding

torch.manual_seed(0)
reflect, replicate = Padding("reflect", 3, 2, 1, 3), Padding("replicate", 1, 2, 3, 0)
cases = itertools.product(
    (16, 20, 70), ((6, 10), (38, 32)), (NOTHING, reflect, replicate), (False, True), (False, True), (False, True),
    (torch.float32, torch.bfloat16),
)
done = 0
for case, (channels, (height, width), padding, added, relu, phased, kind) in enumerate(cases):
    if case % 7:
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
        four = torch.full((2, 4 * channels, height // 2 + 1, width // 2 + 1), torch.nan, dtype=kind)
        for down, right in itertools.product((0, 1), (0, 1)):
            first = (2 * down + right) * channels
            quarter = held.whole[:, :, down::2, right::2]
            four[:, first:first + channels, down:down + height // 2, right:right + width // 2] = quarter
        held = Held(four, phased=True)
    made = ByTriton(channels)(held, norm, before, relu, padding, kind)
    assert made.whole.shape == expected.whole.shape and made.whole.dtype is kind
    limit = 2e-4 if kind is torch.float32 else 0.03
    apart = ((made.whole.float() - expected.whole).abs() / (1 + expected.whole.abs())).max().item()
    assert apart < limit, (case, channels, height, padding, added, relu, phased, kind, apart)
    done += 1
print("agree", done)
"""

COMPILED = """
import time
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from imgtrans.cuda import code

whole = {"height": "i32", "width": "i32", "channels": "i32"}
flags = {"PHASED": True, "PIXELS": 64, "CHANNELS": 64}
kernels = {
    code.sums: ({"given": "*bf16", "partial": "*fp32", **whole, "each": "i32"}, flags),
    code.terms: (
        {"given": "*bf16", "partial": "*fp32", "weight": "*fp32", "bias": "*fp32", "affine": "*fp32", "parts": "i32",
         **whole, "epsilon": "fp32"},
        {"LEARNT": True, "PHASED": True, "PARTS": 32, "CHANNELS": 64},
    ),
    code.apply: (
        {"given": "*bf16", "affine": "*fp32", "before": "*bf16", "made": "*bf16", **whole, "before_height": "i32",
         "before_width": "i32", "top": "i32", "left": "i32", "out_height": "i32", "out_width": "i32"},
        {"ADDED": True, "RELU": True, "REFLECTED": True, **flags},
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


def test_interpreted_they_give_what_pytorch_gives(tmp_path: Path):
    pytest.importorskip("triton", reason="Triton comes with PyTorch for CUDA only")
    ended = ran(INTERPRETED, tmp_path, TRITON_INTERPRET="1")
    if "only 0-dimensional arrays can be converted to Python scalars" in ended.stderr:
        pytest.skip("the interpreter of this Triton is older than this numpy")
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert int(ended.stdout.removeprefix("agree ")) == 42


@pytest.mark.slow
def test_they_compile_for_cards_of_two_generations(tmp_path: Path):
    """The machine code itself, by the assembler that Triton brings; no card is asked."""
    pytest.importorskip("triton", reason="Triton comes with PyTorch for CUDA only")
    ended = ran(COMPILED, tmp_path)
    assert (ended.stdout, ended.returncode) == ("compiled\n", 0), ended.stderr[-2000:]
