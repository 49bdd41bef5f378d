import pytest

from imgtrans.kernels.machine import Machine, host


@pytest.mark.parametrize(
    ("triple", "features", "lanes"),
    [
        ("x86_64-unknown-linux-gnu", "+avx2,+fma,+avx512f,+avx512vl", 16),
        ("x86_64-unknown-linux-gnu", "+avx2,+fma,-avx512f", 8),
        ("x86_64-pc-windows-msvc", "+avx2,+fma", 8),
        ("x86_64-unknown-linux-gnu", "+avx,+sse4.2,-fma", 0),
        ("aarch64-unknown-linux-gnu", "+neon", 4),
        ("arm64-apple-darwin24.1.0", "", 4),
        ("riscv64-unknown-linux-gnu", "+v", 0),
    ],
)
def test_vectors_are_as_wide_as_a_processors_registers(triple: str, features: str, lanes: int):
    machine = Machine.of(triple, "any", features)
    assert machine.lanes == lanes
    assert bool(machine.rows) == bool(lanes)


def test_a_processor_can_be_taken_for_one_without_wide_vectors():
    assert host().narrowed().lanes <= 8
    assert "-avx512f" in host().narrowed().features
