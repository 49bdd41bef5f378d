"""``--backend``: named or left to imgtrans, on the command line or in the configuration."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgtrans.kernels.machine import host
from imgtrans.zoo.store import Model
from tests.conftest import Ended
from tests.pictures import save

Cli = Callable[..., Ended]


@pytest.fixture
def photo(tmp_path: Path, tiny_model: Model) -> Path:
    return save(tmp_path / "photo.png", 40, 32)


def translated(cli: Cli, photo: Path, name: str, *given: str) -> tuple[Ended, np.ndarray]:
    output = photo.with_name(f"{name}.png")
    ended = cli("run", photo, "-m", "tiny", "-o", output, "--device", "cpu", *given)
    assert ended.code == 0, ended.err
    return ended, np.asarray(Image.open(output)).astype(int)


@pytest.mark.skipif(not host().lanes, reason="there are no kernels for this processor")
def test_auto_is_prepared_and_differs_from_eager_by_rounding_only(cli: Cli, photo: Path):
    (_, auto), (_, prepared), (_, eager) = (
        translated(cli, photo, name, *given)
        for name, given in (("auto", ()), ("prepared", ("--backend", "prepared")), ("eager", ("--backend", "eager")))
    )
    assert np.array_equal(auto, prepared)
    assert np.abs(auto - eager).max() <= 1


def test_the_configuration_can_name_one(cli: Cli, photo: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("IMGTRANS_RUN_BACKEND", "magic")
    ended = cli("run", photo, "-m", "tiny", "-o", photo.with_name("out.png"))
    assert ended.code == 5
    assert "there is no 'magic' among the backends: eager, fused" in ended.err


def test_why_a_slower_one_is_taken_is_said(cli: Cli, photo: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("imgtrans.streaming.prepared.LIMIT", 0.0)
    ended, _ = translated(cli, photo, "auto")
    assert "on cpu in float32, eager (the prepared network differs from the plain one by" in ended.err


def test_info_measures_the_one_that_is_named(cli: Cli, tiny_model: Model):
    out = cli("models", "info", "tiny", "--measure", "--device", "cpu", "--backend", "eager").out
    assert " s on cpu in float32, eager" in out
