"""The bundled models on the example photos: what a person sees first."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from imgtrans.files import sha256_of
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

    y = load_network(find(name))(x)

    before, after = x.mean(1).flatten().numpy(), y.mean(1).flatten().numpy()
    assert np.corrcoef(before, after)[0, 1] > 0.6, "the light and dark of the scene are not where they were"
    assert float((y - x).abs().mean()) > 0.03, "nothing was changed"
