"""Machine code is made once, kept, and made again where what is kept is no good."""

from dataclasses import replace
from pathlib import Path

import llvmlite.binding as llvm
import pytest

from imgtrans.errors import UnavailableError
from imgtrans.kernels import library as module
from imgtrans.kernels.library import Library, machine_code
from imgtrans.kernels.machine import Machine, host


def test_what_was_made_is_kept_and_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    made = machine_code(host(), tmp_path / "new" / "kernels")
    monkeypatch.setattr(module, "_compiled", lambda machine: pytest.fail("it is made again"))
    assert machine_code(host(), tmp_path / "new" / "kernels") == made
    assert len([*(tmp_path / "new" / "kernels").iterdir()]) == 1


@pytest.mark.parametrize("harm", [lambda kept: kept[:-1], lambda kept: b"", lambda kept: kept[:40] + b"x" + kept[41:]])
def test_what_is_damaged_is_made_again(harm, tmp_path: Path):
    made = machine_code(host(), tmp_path)
    (path,) = tmp_path.iterdir()
    kept = path.read_bytes()
    path.write_bytes(harm(kept))
    assert machine_code(host(), tmp_path) == made
    assert path.read_bytes() == kept


def test_where_nothing_can_be_kept_it_works_all_the_same(tmp_path: Path):
    (tmp_path / "a file").write_text("no folder")
    assert Library(host(), tmp_path / "a file" / "kernels").machine == host()


def test_each_processor_has_its_own(tmp_path: Path):
    for machine in (host(), host().narrowed(), replace(host(), lanes=4)):
        machine_code(machine, tmp_path)
    assert len([*tmp_path.iterdir()]) == 3


def test_it_can_be_made_for_arm(tmp_path: Path):
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = Machine.of("aarch64-unknown-linux-gnu", "generic", "+neon")
    code = llvm.ObjectFileRef.from_data(machine_code(machine))
    assert any(section.is_text() and section.size() > 1000 for section in code.sections())


def test_a_processor_without_vectors_is_said_to_have_none(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "host", lambda: Machine.of("x86_64-unknown-linux-gnu", "pentium4", "+sse2"))
    with pytest.raises(UnavailableError, match=r"no kernels for this processor \(pentium4\)"):
        module.library.__wrapped__()
