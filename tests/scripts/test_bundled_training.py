"""How the bundled models are trained: the filter of the first lesson, what is drawn, and the steps."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

SCRIPTS = Path(__file__).parent.parent.parent / "scripts"


@pytest.fixture(autouse=True)
def scripts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    torch.manual_seed(0)
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "bundled"]:
        del sys.modules[name]


def plain(red: float, green: float, blue: float, noise: float = 0.01) -> Tensor:
    """A surface (1, 3, 64, 64) of a colour from 0 to 1, with a little noise of light and dark."""
    colour = torch.tensor([red, green, blue]).view(1, 3, 1, 1)
    return (colour + noise * torch.randn(1, 1, 64, 64)).clamp(0, 1) * 2 - 1


@pytest.mark.parametrize("meadow", [(0.25, 0.5, 0.12), (0.5, 0.52, 0.2), (0.45, 0.35, 0.2)])
def test_calm_ground_of_any_season_s_colour_becomes_white(meadow: tuple[float, float, float]):
    from bundled.snow import luminance, snow

    made = snow(plain(*meadow))

    assert float(luminance(made).mean()) > 0.5
    assert float((made.amax(1) - made.amin(1)).mean()) < 0.15, "it has a tint"


@pytest.mark.parametrize(
    "other",
    [(0.3, 0.5, 0.9), (0.5, 0.5, 0.5), (0.7, 0.15, 0.1), (0.02, 0.03, 0.02)],
    ids=["sky", "rock", "roof", "night"],
)
def test_sky_rock_roofs_and_darkness_stay_as_they_are(other: tuple[float, float, float]):
    from bundled.snow import snow

    picture = plain(*other)

    assert torch.allclose(snow(picture), picture, atol=0.05)


def test_trees_are_frosted_and_not_covered():
    from bundled.snow import luminance, snow

    trees = plain(0.2, 0.32, 0.12, noise=0.2)

    before, after = luminance(trees), luminance(snow(trees))

    assert after.mean() > before.mean()
    assert after.std() > before.std(), "what is dark stays dark"


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Three pictures: red, green and blue, each darker to the right."""
    made = []
    for n in range(3):
        pixels = np.zeros((256, 256, 3), np.uint8)
        pixels[..., n] = np.linspace(255, 100, 256).astype(np.uint8)
        made.append(tmp_path / f"{n}.png")
        Image.fromarray(pixels).save(made[-1])
    return made


def test_pictures_are_drawn_by_their_shares(files: list[Path]):
    from bundled.crops import Pictures

    crops = Pictures(files, [0, 3, 1], torch.device("cpu")).crops(200, 32, 2.0)

    assert crops.shape == (200, 3, 32, 32) and crops.abs().max() <= 1
    counts = torch.bincount((crops.mean((2, 3)) + 1).argmax(1), minlength=3).tolist()
    assert counts[0] == 0 and 120 < counts[1] < 180
    darker = (crops[..., -1].mean((1, 2)) < crops[..., 0].mean((1, 2))).float().mean()
    assert 0.35 < darker < 0.65, "half of them are mirrored"


def test_a_pool_hands_out_every_fake_until_it_is_full_and_then_half_of_the_past():
    from bundled.crops import Pool

    pool = Pool(8, 4, 2, torch.device("cpu"))
    batches = [torch.full((4, 3, 2, 2), float(n)) for n in range(60)]

    shown = [pool.query(batch) for batch in batches]

    assert all(torch.equal(*pair) for pair in zip(shown[:2], batches[:2], strict=True))
    past = torch.stack([(seen != batch).float().mean() for seen, batch in zip(shown[2:], batches[2:], strict=True)])
    assert 0.35 < float(past.mean()) < 0.6
    assert all(float(seen.min()) >= 0 for seen in shown)


def test_lesson_and_step_train_and_the_result_is_an_average(files: list[Path]):
    from bundled.crops import Pictures
    from bundled.lessons import BLOCKS, NGF, Training
    from bundled.recipe import Recipe

    from imgtrans import GeneratorResNet

    first = GeneratorResNet((3, 32, 32), BLOCKS, ngf=NGF).state_dict()
    pictures = Pictures(files, [1, 1, 1], torch.device("cpu"))
    recipe = Recipe(crop=64, batch=1, pool=2)
    training = Training(recipe, pictures, pictures, (first, first), torch.device("cpu"))

    training.lesson()
    taught = training.losses.tolist()
    training.stand_at(0.5)
    training.step()

    assert taught[1] == 0 and all(np.isfinite(taught)) and training.losses.isfinite().all()
    for weights in training.results().values():
        moved = max(float((weights[name] - first[name]).abs().max()) for name in first)
        assert 0 < moved < 2 * recipe.rate * (1 - recipe.ema) * 2
