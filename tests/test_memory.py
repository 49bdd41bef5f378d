"""Memory to plan with: the machine's, or what the container leaves of it."""

import platform
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from imgtrans import memory
from imgtrans.memory import available_memory, bytes_of, keep_freed_memory

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
