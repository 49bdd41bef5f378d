"""``--strength``: how much of what the network changed is taken."""

from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from imgtrans.images.decode import decode
from imgtrans.zoo.store import Model
from tests.conftest import Ended
from tests.pictures import noise, save

Cli = Callable[..., Ended]


@pytest.fixture
def run(cli: Cli, tiny: Model) -> Cli:
    """Run ``imgtrans run`` with the tiny model on the CPU."""
    return lambda *arguments: cli("run", "--model", "tiny", "--device", "cpu", *arguments)


def made(run: Cli, picture: Path, *options: object) -> np.ndarray:
    """Return what ``run`` makes of a picture."""
    output = picture.with_name("out.png")
    ended = run(picture, "-o", output, "--force", *options)
    assert ended.code == 0, ended.err
    with Image.open(output) as image:
        return np.asarray(image)


@pytest.mark.parametrize(
    "options",
    [["--size", "native"], ["--size", "32"], ["--size", "32", "--upsample", "bicubic"], ["--tiling", "exact"]],
    ids=" ".join,
)
def test_the_change_is_taken_in_proportion_whole_reduced_and_streamed(run: Cli, tmp_path: Path, options: list[str]):
    picture = save(tmp_path / "a.png", 96, 64)
    before = decode(picture).pixels.astype(float)
    full = made(run, picture, *options)
    assert np.array_equal(made(run, picture, *options, "--strength", "1"), full)
    assert np.array_equal(made(run, picture, *options, "--strength", "0"), before)
    inside = (full > 0) & (full < 255)  # what was clipped does not say how much the change was
    assert inside.mean() > 0.5 and np.abs(full - before).max() > 40
    for strength in (0.3, 0.6, 1.5):
        expected = np.clip(before + strength * (full - before), 0, 255)
        difference = np.abs(made(run, picture, *options, "--strength", strength) - expected)
        assert difference[inside].max() <= 1.3  # both are rounded


def test_transparency_is_as_it_was_and_gray_stays_gray(run: Cli, tmp_path: Path):
    rgba = noise(40, 30).convert("RGBA")
    alpha = Image.fromarray(np.tile(np.linspace(0, 255, 40).astype(np.uint8), (30, 1)))
    rgba.putalpha(alpha)
    rgba.save(tmp_path / "alpha.png")
    assert np.array_equal(made(run, tmp_path / "alpha.png", "--strength", "0.5")[:, :, 3], np.asarray(alpha))
    noise(40, 30).convert("L").save(tmp_path / "gray.png")
    half = made(run, tmp_path / "gray.png", "--strength", "0.5", "--keep-gray")
    full = made(run, tmp_path / "gray.png", "--keep-gray")
    with Image.open(tmp_path / "gray.png") as image:
        between = (np.asarray(image).astype(float) + full) / 2
    assert half.shape == (30, 40)
    assert np.abs(half - between).mean() < 3


@pytest.mark.parametrize("size", ["native", "32"])
def test_all_sixteen_bits_take_part(run: Cli, tmp_path: Path, size: str):
    levels = np.random.default_rng(0).integers(20000, 45000, (48, 64, 3), dtype=np.uint16)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(levels))
    results = {}
    for strength in (0, 0.25, 1):
        output = tmp_path / f"out{strength}.png"
        ended = run(tmp_path / "a.png", "-o", output, "--depth", "16", "--size", size, "--strength", strength)
        assert ended.code == 0, ended.err
        results[strength] = imagecodecs.png_decode(output.read_bytes()).astype(float)
    assert np.array_equal(results[0], levels)
    inside = (results[1] > 0) & (results[1] < 65535)
    expected = levels + 0.25 * (results[1] - levels)
    assert np.abs(results[0.25] - expected)[inside].max() <= 3  # of 65,535
    assert len(np.unique(results[0.25] % 257)) > 200


def test_outputs_of_another_strength_are_redone_and_the_usual_one_is_what_there_was_before(run: Cli, tmp_path: Path):
    folder = save(tmp_path / "photos" / "a.png", 40, 30).parent
    assert "1 translated" in run(folder).err
    assert "1 done before" in run(folder, "--strength", "1.0").err
    assert "1 translated" in run(folder, "--strength", "0.6").err
    assert "1 done before" in run(folder, "--strength", "0.60").err
    assert "1 translated" in run(folder).err


@pytest.mark.parametrize("strength", ["-0.1", "1.6", "nan", "inf"])
def test_other_strengths_are_refused(cli: Cli, run: Cli, tmp_path: Path, strength: str):
    save(tmp_path / "photos" / "a.png")
    for command in ("run", "watch"):
        ended = cli(command, tmp_path / "photos", "-m", "tiny", "--strength", strength)
        assert (ended.code, ended.out) == (2, "")
        assert ended.err == f"error: --strength is {float(strength):g}\n  use a number from 0 to 1.5\n"
