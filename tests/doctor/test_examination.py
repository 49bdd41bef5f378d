"""What the doctor finds, where something is wrong that a test can make wrong."""

import builtins
import importlib.metadata
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imgtrans.doctor import codecs, devices, examination, machine, packages, settings
from imgtrans.doctor.finding import GOOD, NOTE, WRONG, Finding
from imgtrans.errors import ModelError
from imgtrans.opening import Opened
from imgtrans.zoo.store import Model


def only(found: Iterator[Finding], state: str) -> list[Finding]:
    return [finding for finding in found if finding.state == state]


def test_every_area_is_looked_at_and_here_nothing_is_wrong():
    found = list(examination.examine())
    assert {area for area, _ in found} == set(examination.areas())
    assert [finding for _, finding in found if finding.state == WRONG] == []


def test_whatever_is_not_well_has_a_hint_or_is_a_fact(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    found = [*packages.check_kernels(), *packages.check_extras()]
    assert [finding.state for finding in found] == [NOTE] * 5
    assert all(finding.hint.startswith("pip install") for finding in found)


def test_a_torchvision_of_another_torch_is_wrong(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(packages, "requires", lambda name: ["numpy", "torch==2.1.0", "pillow!=8.3.*"])
    (wrong,) = only(packages.check_torch(), WRONG)
    assert "belongs to torch 2.1.0" in wrong.said
    assert "torch torchvision" in wrong.hint


def test_a_torch_that_cannot_be_loaded_is_a_sentence(monkeypatch: pytest.MonkeyPatch):
    real = builtins.__import__

    def broken(name: str, *rest: Any) -> Any:
        if name == "torch":
            raise OSError("libcudart.so.13: cannot open shared object file")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", broken)
    (wrong,) = packages.check_torch()
    assert wrong.state == WRONG
    assert "libcudart.so.13" in wrong.said


def test_a_missing_torchvision_is_a_note(monkeypatch: pytest.MonkeyPatch):
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(packages, "version", missing)
    assert [finding.said for finding in only(packages.check_torch(), NOTE)] == ["torchvision is not installed"]


def test_a_container_and_little_memory_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "memory.max").write_text("900000000\n")
    monkeypatch.setattr(machine, "_CGROUP", tmp_path)
    monkeypatch.setattr(machine, "available_memory", lambda: 800_000_000)
    (note,) = only(machine.check_memory(), NOTE)
    assert note.said.startswith("800 MB of memory free")
    assert note.said.endswith("the container allows 900 MB")


@pytest.mark.parametrize("free", [10, 10**12])
def test_a_disk_that_is_nearly_full_is_told(monkeypatch: pytest.MonkeyPatch, free: int):
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    states = {finding.state for finding in machine.check_disks()}
    assert states == ({NOTE} if free == 10 else {GOOD})


def test_few_watches_are_told_with_the_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(machine.sys, "platform", "linux")
    monkeypatch.setattr(machine, "_INOTIFY", tmp_path)
    (wrong,) = machine.check_watching()
    assert wrong.state == WRONG
    (tmp_path / "max_user_watches").write_text("8192\n")
    (tmp_path / "max_user_instances").write_text("128\n")
    (note,) = machine.check_watching()
    assert (note.state, note.said) == (NOTE, "8,192 folders can be watched at once, by 128 programs")
    assert "fs.inotify.max_user_watches" in note.hint


def test_a_terminal_without_all_letters_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(machine.sys, "stdout", SimpleNamespace(encoding="ascii", isatty=lambda: False))
    (note,) = machine.check_terminal()
    assert (note.state, note.hint.endswith("PYTHONUTF8=1 helps")) == (NOTE, True)


def test_devices_that_were_not_tried_are_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch):
    import torch

    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.mps, "recommended_max_memory", lambda: 12 * 10**9)
    monkeypatch.setattr(torch.mps, "driver_allocated_memory", lambda: 0)
    monkeypatch.setattr(torch.xpu, "is_available", lambda: True)
    monkeypatch.setattr(torch.xpu, "device_count", lambda: 1)
    monkeypatch.setattr(torch.xpu, "get_device_name", lambda device: "Arc")
    monkeypatch.setattr(torch.xpu, "mem_get_info", lambda device: (7 * 10**9, 8 * 10**9))
    apple, intel = [one for one in devices.check_devices() if "not tried" in one.said]
    assert apple.said == "mps:0, Apple GPU, 12.0 GB of memory free; imgtrans was not tried on one"
    assert intel.said.startswith("xpu:0 Arc, Intel GPU, 7.0 GB")
    assert apple.state == intel.state == NOTE and "--device cpu" in apple.hint


def test_a_device_that_computes_something_else_is_wrong(monkeypatch: pytest.MonkeyPatch):
    from imgtrans.zoo import session

    real = session.open_session

    def odd(model: Model, device: Any, precision: Any, backend: str = "auto") -> Opened:
        opened = real(model, device, precision, backend)
        if backend == "eager":
            return opened
        run = opened.session.run
        turned = SimpleNamespace(run=lambda pictures: np.ascontiguousarray(255 - run(pictures)))
        return Opened(turned, opened.backend, opened.reason)  # type: ignore[arg-type]

    monkeypatch.setattr(session, "open_session", odd)
    (wrong,) = devices.check_translation()
    assert wrong.state == WRONG
    assert "report it" in wrong.hint


def test_a_model_that_has_changed_is_wrong(tiny: Model):
    tiny.weights.write_bytes(tiny.weights.read_bytes()[:-1] + b"\0")
    (wrong,) = only(devices.check_models(), WRONG)
    assert wrong.said.startswith("model tiny: ")
    assert "get it again" in wrong.hint


def test_a_codec_that_fails_is_named(monkeypatch: pytest.MonkeyPatch):
    Image.init()

    def broken(image: Image.Image, file: Any, name: Any) -> None:
        raise OSError("encoder error -2 when writing image file")

    monkeypatch.setitem(Image.SAVE, "WEBP", broken)
    (wrong,) = only(codecs.check_codecs(), WRONG)
    assert wrong.said == "WEBP: encoder error -2 when writing image file"


def test_a_format_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch):
    Image.init()
    monkeypatch.delitem(Image.SAVE, "AVIF")
    assert "writes no AVIF" in "".join(finding.said for finding in only(codecs.check_codecs(), NOTE))


def test_settings_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "imgtrans.toml").write_text("")
    monkeypatch.setenv("IMGTRANS_RUN_SIZE", "512")
    said = [finding.said for finding in settings.check_settings()]
    assert said[0] == f"configuration: {tmp_path / 'imgtrans.toml'}"
    assert "IMGTRANS_RUN_SIZE=512" in said


@pytest.mark.parametrize(
    ("error", "said"), [(ModelError("no", "yes"), "no"), (KeyError("x"), "check it failed: KeyError")]
)
def test_a_check_that_breaks_is_a_finding_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
):
    def check_it() -> Iterator[Finding]:
        yield Finding(GOOD, "so far")
        raise error

    def other() -> Iterator[Finding]:
        yield Finding(GOOD, "the other")

    checks: dict[str, tuple[Callable[[], Iterator[Finding]], ...]] = {"one": (check_it, other)}
    monkeypatch.setattr(examination, "areas", lambda: checks)
    first, second, third = (finding for _, finding in examination.examine())
    assert (first.said, third.said) == ("so far", "the other")
    assert second.state == WRONG
    assert second.said.startswith(said)
