import errno

import pytest
import torch

from imgtrans.errors import FilesError
from imgtrans.streaming import store as module
from imgtrans.streaming.maps import Map
from imgtrans.streaming.store import Store, is_ram_backed

CPU = torch.device("cpu")
ROW = 2 * 5 * 4  # bytes of a row of the maps here


def made(tmp_path, in_memory, on_disk, rows_in_slot=3):
    store = Store(rows_in_slot * 64, 0, in_memory, on_disk, CPU, tmp_path)
    return store, Map(store, (2, 10, 5), rows_in_slot, CPU, torch.float32)


@pytest.mark.parametrize("in_memory", [0, 2, 4])
def test_rows_come_back_as_they_were_kept(tmp_path, in_memory):
    x = torch.rand(1, 2, 10, 5)
    store, kept = made(tmp_path, in_memory, 4 - in_memory)
    with store:
        for start, stop in ((0, 1), (1, 8), (8, 10)):
            kept.append(x[:, :, start:stop])
        for start, stop in ((0, 10), (0, 3), (2, 7), (9, 10)):
            assert torch.equal(kept.read(start, stop), x[:, :, start:stop])


def test_rows_that_are_freed_make_room_for_others(tmp_path):
    x = torch.rand(1, 2, 10, 5)
    store, kept = made(tmp_path, 1, 4)
    with store:
        kept.append(x)
        kept.free(9)  # the last slot is still needed
        other = Map(store, (2, 10, 5), 3, CPU, torch.float32)
        other.append(x[:, :, :9])
        assert torch.equal(other.read(0, 9), x[:, :, :9])
        assert torch.equal(kept.read(9, 10), x[:, :, 9:])
        kept.free(10)
        other.append(x[:, :, 9:])


def test_a_disk_that_gets_full_all_the_same_is_an_error_of_files(tmp_path, monkeypatch):
    store, kept = made(tmp_path, 0, 4)

    def full(self, row, rows):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module._Filed, "write", full)
    with store, pytest.raises(FilesError, match="No space left"):
        kept.append(torch.rand(1, 2, 1, 5))


def test_a_file_system_in_main_memory_is_known(tmp_path, monkeypatch):
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\ntmpfs {tmp_path}/ram tmpfs rw 0 0\n")
    monkeypatch.setattr(module, "_MOUNTS", mounts)
    assert is_ram_backed(tmp_path / "ram" / "deep")
    assert not is_ram_backed(tmp_path)
    monkeypatch.setattr(module, "_MOUNTS", tmp_path / "none")
    assert not is_ram_backed(tmp_path / "ram")


def test_pinned_memory_comes_in_pieces_that_are_hardly_rounded_up():
    count, slot = 2500, 4_000_000
    pieces = list(module._pinnable(count, slot))
    assert sum(pieces) == count
    pinned = sum(1 << (piece * slot - 1).bit_length() for piece in pieces)  # what PyTorch takes for each
    assert pinned < 1.02 * count * slot
    assert list(module._pinnable(1, 5)) == [1]


def test_a_disk_that_fails_is_an_error_of_files(tmp_path, monkeypatch):
    store, kept = made(tmp_path, 0, 4)

    def fail(self, start, stop, like):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(module._Filed, "read", fail)
    with store, pytest.raises(FilesError, match="cannot be read: Input/output error"):
        kept.append(torch.rand(1, 2, 1, 5))
        kept.read(0, 1)
