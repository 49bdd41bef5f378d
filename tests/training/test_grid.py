"""Picture grids show the same pictures each time, there and back, in both directions."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from imgtrans.training.data.dataset import ImageDataset, RandomCrops
from imgtrans.training.grid import PICTURES, grid_pictures, save_grid
from imgtrans.training.options import TrainOptions
from imgtrans.training.state import TrainingState

GAP = 2


class Plus(nn.Module):
    """A translation that is easy to see: every value moved by a constant."""

    def __init__(self, moved: float) -> None:
        super().__init__()
        self.moved = moved

    def forward(self, x: Tensor) -> Tensor:
        return x + self.moved


def cell(path: Path, row: int, column: int, side: int) -> np.ndarray:
    pixels = np.asarray(Image.open(path)).astype(int)
    top, left = GAP + row * (side + GAP), GAP + column * (side + GAP)
    return pixels[top : top + side, left : left + side]


@pytest.mark.parametrize("crop", [32, 40])
def test_a_grid_is_a_png_of_four_columns_and_six_rows(
    data: Path, tmp_path: Path, crop: int, tiny: dict[str, Any], new_state: Callable[[TrainOptions], TrainingState]
):
    state = new_state(TrainOptions(**{**tiny, "crop": crop}))
    path = tmp_path / "grids" / "step.png"
    save_grid(path, state.results(), grid_pictures(RandomCrops(ImageDataset(data), crop, 1.0, 0)))
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert image.mode == "RGB"
        assert image.size == (PICTURES * (crop + GAP) + GAP, 6 * (crop + GAP) + GAP)
    assert [file.name for file in path.parent.iterdir()] == ["step.png"]


def test_the_rows_are_real_fake_and_reconstructed_in_both_directions(tmp_path: Path):
    a, b = torch.full((4, 3, 8, 8), -0.5), torch.full((4, 3, 8, 8), 0.5)
    save_grid(tmp_path / "grid.png", {"G_AB": Plus(0.25), "G_BA": Plus(-0.125)}, (a, b))
    values = [cell(tmp_path / "grid.png", row, 2, 8).mean() / 127.5 - 1 for row in range(6)]
    assert values == pytest.approx([-0.5, -0.25, -0.375, 0.5, 0.375, 0.625], abs=0.01)


def test_without_a_way_back_the_rows_are_real_and_what_is_made_of_it(tmp_path: Path):
    a, b = torch.full((4, 3, 8, 8), -0.5), torch.full((4, 3, 8, 8), 0.5)
    save_grid(tmp_path / "grid.png", {"G_AB": Plus(0.25)}, (a, b))
    values = [cell(tmp_path / "grid.png", row, 2, 8).mean() / 127.5 - 1 for row in range(4)]
    assert values == pytest.approx([-0.5, -0.25, 0.5, 0.75], abs=0.01)


def test_the_pictures_are_the_first_crops_in_their_order(data: Path, tmp_path: Path):
    crops = RandomCrops(ImageDataset(data), 32, 1.0, 0)
    save_grid(tmp_path / "grid.png", {"G_AB": nn.Identity(), "G_BA": nn.Identity()}, grid_pictures(crops))
    for column in range(PICTURES):
        for row, domain in ((0, "A"), (3, "B")):
            expected = (crops[column][domain].permute(1, 2, 0).numpy() + 1) * 127.5
            assert np.abs(cell(tmp_path / "grid.png", row, column, 32) - expected).max() <= 1


def test_the_pictures_are_the_same_each_time_even_in_the_middle_of_a_run(data: Path):
    crops = RandomCrops(ImageDataset(data), 32, 1.5, 0)
    before = grid_pictures(crops)
    crops[1000]
    after = grid_pictures(crops)
    assert torch.equal(before[0], after[0])
    assert torch.equal(before[1], after[1])


def test_fewer_pictures_than_columns_are_shown_again(tmp_path: Path, pictures: Callable[..., None]):
    pictures(tmp_path / "trainA", 1)
    pictures(tmp_path / "trainB", 1)
    shown = grid_pictures(RandomCrops(ImageDataset(tmp_path), 32, 1.0, 0))
    assert shown[0].shape == shown[1].shape == (4, 3, 32, 32)


def test_a_grid_leaves_no_gradients(
    data: Path, tmp_path: Path, tiny: dict[str, Any], new_state: Callable[[TrainOptions], TrainingState]
):
    state = new_state(TrainOptions(**tiny))
    save_grid(tmp_path / "grid.png", state.results(), grid_pictures(RandomCrops(ImageDataset(data), 32, 1.0, 0)))
    assert all(p.grad is None for network in state.objective.networks().values() for p in network.parameters())
    assert state.objective.networks()["G_AB"].training


def test_a_grid_replaces_an_older_one_of_its_name(tmp_path: Path):
    (tmp_path / "grid.png").write_text("old")
    pictures = torch.zeros(4, 3, 8, 8), torch.zeros(4, 3, 8, 8)
    save_grid(tmp_path / "grid.png", {"G_AB": nn.Identity(), "G_BA": nn.Identity()}, pictures)
    Image.open(tmp_path / "grid.png").verify()
