"""Compile the kernels of a training step for cards that need not be there; run in a process of its own."""

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from imgtrans.training.quick import backcode, code

WHOLE = {"height": "i32", "width": "i32", "channels": "i32"}
PARTS = {**WHOLE, "each": "i32"}
BACK = {"gradient": "*bf16", "given": "*bf16", "settled": "*fp32"}
FLAGS = {
    "NORMED": True,
    "BENT": True,
    "SPIKES": False,
    "PADDING": 1,
    "KIND": 0,
    "MADE": 0,
    "PIXELS": 32,
    "CHANNELS": 64,
}
OTHERS = FLAGS | {"PADDING": 3, "KIND": 2, "MADE": 1}
SPIKES = FLAGS | {"PADDING": 0, "BENT": False, "SPIKES": True}
SUMS = {**BACK, "partial": "*fp32", **PARTS, "slope": "fp32"}
GRADIENTS = {**BACK, "means": "*fp32", "made": "*bf16", **WHOLE, "slope": "fp32", "epsilon": "fp32"}
KERNELS = [
    (code.moments, {"given": "*bf16", "partial": "*fp32", **PARTS}, OTHERS),
    (
        code.settle,
        {"given": "*bf16", "partial": "*fp32", "settled": "*fp32", "parts": "i32", **WHOLE, "epsilon": "fp32"},
        {"WHAT": 0, "KIND": 1, "PARTS": 32, "CHANNELS": 64},
    ),
    (
        code.forward,
        {"given": "*bf16", "settled": "*fp32", "before": "*bf16", "made": "*bf16", **WHOLE, "slope": "fp32"},
        FLAGS | {"ADDED": True},
    ),
    *((backcode.back_moments, SUMS | given, flags) for given, flags in (({}, OTHERS), ({"gradient": "*fp32"}, SPIKES))),
    *(
        (backcode.backward, GRADIENTS | given, flags)
        for given, flags in (({}, OTHERS), ({"gradient": "*fp32"}, SPIKES))
    ),
    (code.excess, {"given": "*bf16", "settled": "*fp32", "partial": "*fp32", **PARTS, "usual": "fp32"}, FLAGS),
]

if __name__ == "__main__":
    for capability in (80, 90):
        for kernel, types, flags in KERNELS:
            signature = {name: types.get(name, "constexpr") for name in kernel.arg_names}
            constants = {name: flags[name] for name, kind in signature.items() if kind == "constexpr"}
            source = ASTSource(fn=kernel, signature=signature, constexprs=constants)
            made = triton.compile(source, target=GPUTarget("cuda", capability, 32))
            assert len(made.asm["cubin"]) > 1000
    print("compiled")
