"""The processor that kernels are made for: how wide its vectors are, and how many it has."""

from dataclasses import dataclass
from functools import cache

import llvmlite.binding as llvm


@dataclass(frozen=True)
class Machine:
    """A processor, as LLVM knows it.

    Attributes:
        triple: Architecture and system.
        cpu: Its name.
        features: What it can do, as ``+avx2,-avx512f``.
        lanes: Values in a vector; 0 if it has no fused multiplication and addition, and so no kernels.
        rows: Vectors of sums that a matrix product keeps in registers, two beside each other.
    """

    triple: str
    cpu: str
    features: str
    lanes: int
    rows: int

    @classmethod
    def of(cls, triple: str, cpu: str, features: str) -> "Machine":
        """Return a processor; lanes and rows follow from what it can do."""
        able = {feature[1:] for feature in features.split(",") if feature.startswith("+")}
        if "avx512f" in able and "avx512vl" in able:
            lanes, rows = 16, 8
        elif {"avx2", "fma"} <= able:
            lanes, rows = 8, 6
        elif triple.startswith(("aarch64", "arm64")):
            lanes, rows = 4, 8
        else:
            lanes, rows = 0, 0
        return cls(triple, cpu, features, lanes, rows)

    def narrowed(self) -> "Machine":
        """Return this processor without the vectors of 512 bits: what others of its kind are."""
        features = [f for f in self.features.split(",") if not f.startswith("+avx512") and f[1:] != "evex512"]
        return Machine.of(self.triple, self.cpu, ",".join([*features, "-avx512f", "-avx512vl"]))


@cache
def host() -> Machine:
    """Return the processor that this runs on."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return Machine.of(llvm.get_process_triple(), llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())
