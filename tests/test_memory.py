"""Memory to plan with: the machine's, or what the container leaves of it."""

import platform
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from imgtrans import memory
from imgtrans.errors import UsageError
from imgtrans.images.measure import BYTES_PER_PIXEL
from imgtrans.memory import (
    WORKER_BYTES,
    available_memory,
    bytes_of,
    in_words,
    is_out_of_memory,
    keep_freed_memory,
    share_out,
)

GIB = 1 << 30


@pytest.fixture(autouse=True)
def cgroup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with 10 GiB to spare, and a container that is not one yet."""
    monkeypatch.setattr(memory, "_CGROUP", tmp_path / "cgroup")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=10 * GIB))
    return tmp_path / "cgroup"


def contain(cgroup: Path, limit: object, used: int, cached: int = 0) -> None:
    cgroup.mkdir()
    (cgroup / "memory.max").write_text(f"{limit}\n")
    (cgroup / "memory.current").write_text(f"{used}\n")
    (cgroup / "memory.stat").write_text(f"anon 5\nfile {cached}\ninactive_file {cached}\nactive_file 0\nshmem 7\n")


def test_outside_a_container_it_is_what_the_machine_has():
    assert available_memory() == 10 * GIB


def test_a_containers_limit_counts(cgroup: Path):
    contain(cgroup, 4 * GIB, 1 * GIB)
    assert available_memory() == 3 * GIB


def test_what_the_kernel_only_caches_of_files_is_available(cgroup: Path):
    contain(cgroup, 4 * GIB, 4 * GIB, cached=3 * GIB)  # after many pictures were read
    assert available_memory() == 3 * GIB


def test_a_container_larger_than_the_machine_does_not_make_memory(cgroup: Path):
    contain(cgroup, 64 * GIB, 1 * GIB)
    assert available_memory() == 10 * GIB


def test_a_container_without_a_limit_has_what_the_machine_has(cgroup: Path):
    contain(cgroup, "max", 1 * GIB)
    assert available_memory() == 10 * GIB


def test_a_container_that_is_over_its_limit_has_nothing(cgroup: Path):
    contain(cgroup, 1 * GIB, 2 * GIB)
    assert available_memory() == 0


@pytest.mark.parametrize(
    ("amount", "size"),
    [
        ("4GB", 4 * 10**9),
        ("800 mb", 8 * 10**8),
        ("1.5G", 15 * 10**8),
        ("2GiB", 2 * 10**9),
        ("1000", 1000),
        ("1TB", 10**12),
    ],
)
def test_an_amount_is_read_as_people_write_it(amount: str, size: int):
    assert bytes_of(amount) == size


@pytest.mark.parametrize("amount", ["", "much", "-1GB", "4 apples", "0", "1e9"])
def test_what_is_no_amount_is_refused(amount: str):
    with pytest.raises(ValueError, match="is no amount of memory"):
        bytes_of(amount)


@pytest.fixture
def _takes_400_mb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "resident_memory", lambda: 400_000_000)


@pytest.mark.usefixtures("_takes_400_mb")
@pytest.mark.parametrize("workers", [1, 8])
def test_of_four_gigabytes_a_picture_of_a_hundred_megapixels_leaves_enough_for_streaming(workers: int):
    shares = share_out(4 * 10**9, workers)
    pixels = 10**8
    assert pixels * BYTES_PER_PIXEL < shares.whole < 3_600_000_000
    assert 1_300_000_000 < shares.network(pixels) < shares.whole - 13 * pixels + 1


@pytest.mark.usefixtures("_takes_400_mb")
def test_what_all_take_together_is_never_more_than_the_budget():
    for workers, sessions in ((1, 1), (8, 1), (8, 3)):
        shares = share_out(4 * 10**9, workers, sessions)
        own = 400_000_000 + workers * WORKER_BYTES
        assert own + shares.pictures + sessions * shares.network() <= 4 * 10**9
        assert own + shares.whole <= 4 * 10**9


def test_where_networks_have_memory_of_their_own_pictures_get_more():
    assert share_out(0, 2, on_device=True).pictures > 1.9 * share_out(0, 2).pictures


@pytest.mark.usefixtures("_takes_400_mb")
def test_less_than_the_processes_take_by_themselves_is_refused():
    with pytest.raises(UsageError, match="--memory allows 500 MB, and imgtrans itself takes 540 MB here"):
        share_out(500_000_000, 2)


def test_without_a_budget_it_is_most_of_what_is_free():
    assert 0.85 * 10 * GIB < share_out(0, 2).whole < 0.9 * 10 * GIB


def test_amounts_are_rounded_up_and_read_as_people_write_them():
    assert [in_words(size) for size in (1, 999_000_001, 10**9, 1_010_000_000)] == [
        "1 MB",
        "1000 MB",
        "1.0 GB",
        "1.1 GB",
    ]
    assert bytes_of(in_words(1_200_000_000)) == 1_200_000_000


def test_pytorch_running_out_of_memory_is_told_from_other_errors():
    assert is_out_of_memory(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"))
    assert is_out_of_memory(RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"))
    assert not is_out_of_memory(RuntimeError("Given groups=1, weight of size"))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told so")
def test_a_process_that_keeps_its_memory_takes_few_pages_anew():
    """Pages that are taken anew are counted by the system; those of one block are thousands."""
    count = """
import resource, sys
from imgtrans.memory import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory(256 << 20)
bytearray(40 << 20)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    block = bytearray(40 << 20)
    del block
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
    taken = {
        mode: int(
            subprocess.run([sys.executable, "-c", count, mode], check=True, capture_output=True, text=True).stdout
        )
        for mode in ("keep", "give")
    }
    assert taken["keep"] * 10 < taken["give"]


def test_without_glibc_memory_is_left_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    keep_freed_memory(1 << 20)
