"""The bundled models on the example photos: what a person sees first."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from torch.nn import functional as F

from imgtrans.files import sha256_of
from imgtrans.quality.structure import Gradients, structure_kept
from imgtrans.zoo.loading import load_network
from imgtrans.zoo.store import find, models

PHOTOS = Path(__file__).parent.parent / "examples" / "photos"
BUNDLED = ("summer2winter", "winter2summer")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example photos, with a broken file among them."""
    if not PHOTOS.is_dir():
        pytest.skip("the example photos are in the repository, not in the source distribution")
    folder = tmp_path_factory.mktemp("examples") / "photos"
    shutil.copytree(PHOTOS, folder)
    (folder / "broken.jpg").write_bytes((folder / "aitzgorri.jpg").read_bytes()[:20_000])
    return folder


@pytest.mark.slow
def test_every_example_comes_out_at_its_own_size_upright_and_in_its_format_and_the_broken_one_is_named(
    cli: Callable[..., object], photos: Path
) -> None:
    ended = cli("run", photos, "--size", "64")

    assert ended.code == 1
    assert "broken.jpg" in ended.err
    results = photos.with_name("photos-summer2winter")
    assert not (results / "broken.jpg").exists()
    for path in sorted(PHOTOS.iterdir()):
        with Image.open(path) as before, Image.open(results / path.name) as after:
            after.load()
            assert after.format == before.format
            assert after.size == ImageOps.exif_transpose(before).size
            assert after.getexif().get(0x0112, 1) == 1
            assert ("A" in after.getbands()) == ("A" in before.getbands())


@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_model_is_whole_small_and_says_where_it_comes_from(name: str) -> None:
    model = find(name)

    assert model.bundled
    assert model in models()
    assert sha256_of(model.weights) == model.card.sha256
    assert model.weights.stat().st_size <= 6_000_000
    card = model.card
    assert (card.source, card.target) == tuple(name.split("2"))
    assert card.steps and card.training["pictures_seen"] and card.training["seconds"] and card.training["commands"]
    assert card.data_set and card.licence and card.provenance and card.date and card.metrics and card.working_size


@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_model_keeps_the_scene_and_changes_it(name: str) -> None:
    if not PHOTOS.is_dir():
        pytest.skip("the example photos are in the repository, not in the source distribution")
    with Image.open(PHOTOS / "picos-de-europa.jpg") as image:
        pixels = np.asarray(image.convert("RGB").resize((256, 192)), np.float32) / 127.5 - 1
    x = torch.from_numpy(pixels).permute(2, 0, 1)[None]

    with torch.no_grad():
        y = load_network(find(name))(x)

    before, after = (F.interpolate(picture, (128, 128), mode="area").permute(0, 2, 3, 1).numpy() for picture in (x, y))
    looker = Gradients()
    (kept,) = structure_kept(looker.places(127.5 * before + 127.5), looker.places(127.5 * after + 127.5))
    assert kept > 0.7, "edges are not where they were"
    assert float((y - x).abs().mean()) > 0.03, "nothing was changed"


def turned(model: str, photo: str, side: int = 512) -> tuple[torch.Tensor, torch.Tensor]:
    """An example photo (3, H, W) from 0 to 1, reduced to so many pixels, and what is made of it."""
    if not PHOTOS.is_dir():
        pytest.skip("the example photos are in the repository, not in the source distribution")
    with Image.open(PHOTOS / photo) as image:
        rgb = image.convert("RGB")
    rgb.thumbnail((side, side))
    rgb = rgb.crop((0, 0, rgb.width // 4 * 4, rgb.height // 4 * 4))
    x = torch.from_numpy(np.asarray(rgb, np.float32)).permute(2, 0, 1) / 255
    with torch.no_grad():
        y = load_network(find(model))(x[None] * 2 - 1)[0] / 2 + 0.5
    return x, y


def light(pictures: torch.Tensor) -> torch.Tensor:
    return (pictures * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(0)


@pytest.mark.parametrize(("photo", "top", "left"), [("aitzgorri.jpg", 0.72, 0.0), ("picos-de-europa.jpg", 0.7, 0.55)])
def test_summer2winter_lays_snow_on_a_green_meadow(photo: str, top: float, left: float) -> None:
    before, after = (
        picture[:, int(top * picture.shape[1]) :, int(left * picture.shape[2]) :]
        for picture in turned("summer2winter", photo)
    )

    assert light(before).mean() < 0.4
    assert light(after).mean() > 0.6
    assert (after.amax(0) - after.amin(0)).mean() < 0.1, "snow has next to no colour"


def test_summer2winter_leaves_a_clear_sky_clear() -> None:
    before, after = (
        picture[:, : picture.shape[1] // 8, picture.shape[2] // 2 :]
        for picture in turned("summer2winter", "picos-de-europa.jpg")
    )

    for picture in (before, after):
        assert (picture[2] > picture[0]).float().mean() > 0.95, "it is blue"
    grain = [float((light(p)[1:, 1:] - light(p)[:-1, :-1]).abs().mean()) for p in (before, after)]
    assert grain[1] < 2 * grain[0] + 0.01, "there are dots in it"
