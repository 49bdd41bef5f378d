"""What training reads: every picture, nothing else, and the same each time."""

import hashlib
import inspect
import logging
import pickle
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torchvision import transforms

from imgtrans.errors import FilesError, ImageError
from imgtrans.images.decode import decode
from imgtrans.training.data.dataset import LOAD_PER_CROP, ImageDataset, RandomCrops, load_rgb, to_tensor
from imgtrans.training.data.folders import Folders


def solid(path: Path, *rgb: int, size: tuple[int, int] = (8, 6)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, rgb).save(path, format="PNG")


@pytest.fixture
def numbered(tmp_path: Path) -> ImageDataset:
    """7 + 3 pictures, each of one colour that tells its number."""
    for number in range(7):
        solid(tmp_path / "trainA" / f"{number}.png", 10 * number, 0, 0)
    for number in range(3):
        solid(tmp_path / "trainB" / f"{number}.png", 0, 10 * number, 0)
    return ImageDataset(tmp_path)


def red(picture: Tensor) -> int:
    return round((picture[0].mean().item() + 1) * 127.5)


def green(picture: Tensor) -> int:
    return round((picture[1].mean().item() + 1) * 127.5)


# -- ImageDataset: the deck's, right where the deck is wrong


def test_the_parameters_are_the_decks_and_shadow_no_module():
    assert list(inspect.signature(ImageDataset).parameters) == ["root", "transforms_", "unaligned", "mode"]


def test_a_list_of_transforms_is_applied_in_order(numbered: ImageDataset):
    root = numbered.files_A[0].parent.parent
    steps = [transforms.Resize((4, 4)), transforms.ToTensor(), transforms.Normalize((0.5,) * 3, (0.5,) * 3)]
    item = ImageDataset(root, transforms_=steps)[3]
    assert item["A"].shape == (3, 4, 4)
    assert red(item["A"]) == 30


def test_one_callable_does_for_a_list_of_transforms(numbered: ImageDataset):
    root = numbered.files_A[0].parent.parent
    item = ImageDataset(root, transforms.Compose([transforms.ToTensor()]))[3]
    assert item["A"][0].mean().item() == pytest.approx(30 / 255)


def test_without_transforms_items_are_tensors_between_minus_1_and_1(tmp_path: Path):
    solid(tmp_path / "trainA" / "a.png", 0, 255, 51)
    solid(tmp_path / "trainB" / "b.png", 0, 0, 0)
    dataset = ImageDataset(tmp_path, transforms_=None)
    item = dataset[0]
    assert set(item) == {"A", "B"}
    assert item["A"].shape == (3, 6, 8)
    assert item["A"].dtype == torch.float32
    torch.testing.assert_close(item["A"][:, 0, 0], torch.tensor([-1.0, 1.0, -0.6]))


def test_every_image_file_is_found_whatever_its_extension_and_nothing_else(tmp_path: Path):
    a = tmp_path / "trainA"
    a.mkdir()
    picture = Image.new("RGB", (8, 8), (1, 2, 3))
    images = {"b.jpg": "JPEG", "a.JPG": "JPEG", "c.JpEg": "JPEG", "d.png": "PNG", "e.bmp": "BMP", "f.tif": "TIFF",
              "g": "PNG", "h.data": "PNG", "i.j.k": "GIF", "m.wrong.txt": "JPEG", "ü ñ.png": "PNG"}  # fmt: skip
    for name, kind in images.items():
        picture.save(a / name, format=kind)
    (a / "notes.txt").write_text("not a picture")
    (a / "notes").write_text("not a picture")
    (a / "fake.jpg").write_text("not a picture, only called one")
    (a / "empty.png").touch()
    (a / "Thumbs.db").write_bytes((a / "d.png").read_bytes())
    (a / ".hidden.png").write_bytes((a / "d.png").read_bytes())
    (a / "folder.png").mkdir()
    (tmp_path / "trainB").symlink_to(a, target_is_directory=True)
    dataset = ImageDataset(tmp_path)
    assert [file.name for file in dataset.files_A] == sorted(images)
    assert len(dataset) == len(images)
    assert all(dataset[n]["A"].shape == (3, 8, 8) for n in range(len(dataset)))


@pytest.mark.parametrize("domain", ["trainA", "trainB"])
def test_an_empty_domain_is_refused_at_once(numbered: ImageDataset, domain: str):
    folder = numbered.files_A[0].parent.parent / domain
    for file in folder.iterdir():
        file.unlink()
    (folder / "notes.txt").write_text("not a picture")
    with pytest.raises(FilesError, match=f"{domain} holds no picture"):
        ImageDataset(folder.parent)


@pytest.mark.parametrize("domain", ["trainA", "trainB"])
def test_a_missing_domain_is_refused_at_once(numbered: ImageDataset, domain: str):
    folder = numbered.files_A[0].parent.parent / domain
    folder.rename(folder.with_name("elsewhere"))
    with pytest.raises(FilesError, match=f"there is no folder .*{domain}"):
        ImageDataset(folder.parent)


def test_the_length_is_that_of_the_larger_domain_and_the_smaller_repeats(numbered: ImageDataset):
    assert len(numbered) == 7
    assert [red(numbered[n]["A"]) for n in range(7)] == [0, 10, 20, 30, 40, 50, 60]
    assert [green(numbered[n]["B"]) for n in range(7)] == [0, 10, 20, 0, 10, 20, 0]


def test_a_smaller_a_repeats_too(numbered: ImageDataset, tmp_path: Path):
    (tmp_path / "turned").mkdir()
    (tmp_path / "trainA").rename(tmp_path / "turned" / "trainB")
    (tmp_path / "trainB").rename(tmp_path / "turned" / "trainA")
    dataset = ImageDataset(tmp_path / "turned")
    assert [green(dataset[n]["A"]) for n in range(7)] == [0, 10, 20, 0, 10, 20, 0]


def test_iterating_ends_after_one_epoch(numbered: ImageDataset):
    assert len(list(numbered)) == 7
    with pytest.raises(IndexError):
        numbered[7]


def test_unaligned_draws_b_at_random_and_a_by_index(numbered: ImageDataset):
    dataset = ImageDataset(numbered.files_A[0].parent.parent, unaligned=True)
    random.seed(0)
    drawn = [dataset[2] for _ in range(40)]
    assert {green(item["B"]) for item in drawn} == {0, 10, 20}
    assert {red(item["A"]) for item in drawn} == {20}


@pytest.mark.parametrize("mode", ["test", "val", "anything"])
def test_any_other_mode_reads_the_test_folders(tmp_path: Path, mode: str):
    solid(tmp_path / "testA" / "a.png", 40, 0, 0)
    solid(tmp_path / "testB" / "b.png", 0, 50, 0)
    item = ImageDataset(tmp_path, mode=mode)[0]
    assert (red(item["A"]), green(item["B"])) == (40, 50)
    with pytest.raises(FilesError, match="trainA"):
        ImageDataset(tmp_path, mode="train")


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "CMYK", "1", "YCbCr", "HSV"])
def test_other_modes_become_rgb(tmp_path: Path, mode: str):
    path = tmp_path / "a.tiff"
    try:
        Image.new("RGB", (8, 8), (255, 255, 255)).convert(mode).save(path)
    except (OSError, KeyError):
        pytest.skip(f"Pillow writes no TIFF of mode {mode}")
    image = load_rgb(path)
    assert (image.mode, image.size) == ("RGB", (8, 8))
    assert np.asarray(image).min() > 250


def test_a_palette_with_transparency_becomes_rgb_without_a_warning(tmp_path: Path):
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([255, 0, 0, 0, 0, 255])
    palette.save(tmp_path / "a.png", transparency=bytes([0, 128]))
    assert load_rgb(tmp_path / "a.png").getpixel((0, 0)) == (0, 0, 255)


def test_a_16_bit_picture_is_scaled_and_not_clipped_to_white(tmp_path: Path):
    Image.fromarray(np.full((8, 8), 0x8080, np.uint16)).save(tmp_path / "a.png")
    assert load_rgb(tmp_path / "a.png").getpixel((0, 0)) == (0x80, 0x80, 0x80)


def test_a_broken_picture_says_which(tmp_path: Path):
    broken(tmp_path / "a.jpg")
    with pytest.raises(ImageError, match=r"a\.jpg"):
        load_rgb(tmp_path / "a.jpg")


def test_the_fingerprint_changes_with_names_and_sizes_and_with_nothing_else(numbered: ImageDataset, tmp_path: Path):
    first = numbered.fingerprint()
    assert ImageDataset(tmp_path).fingerprint() == first
    (tmp_path / "trainA" / "notes.txt").write_text("not a picture")
    assert ImageDataset(tmp_path).fingerprint() == first
    (tmp_path / "trainA" / "3.png").rename(tmp_path / "trainA" / "30.png")
    renamed = ImageDataset(tmp_path).fingerprint()
    (tmp_path / "trainA" / "30.png").rename(tmp_path / "trainA" / "3.png")
    solid(tmp_path / "trainB" / "2.png", 0, 20, 0, size=(90, 90))
    resized = ImageDataset(tmp_path).fingerprint()
    (tmp_path / "trainB" / "2.png").rename(tmp_path / "trainA" / "a2.png")
    assert len({first, renamed, resized, ImageDataset(tmp_path).fingerprint()}) == 4


# -- RandomCrops: a pure function of seed and number


def broken(path: Path) -> None:
    """Write a picture whose header is whole and whose pixels break off."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:1000])


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return torch.equal(one["A"], other["A"]) and torch.equal(one["B"], other["B"])


def test_an_item_depends_on_seed_and_number_only_in_whatever_order(data: Path):
    dataset = ImageDataset(data)
    first = RandomCrops(dataset, 32, 1.5, seed=3)
    items = [first[n] for n in range(17)]
    again = RandomCrops(dataset, 32, 1.5, seed=3)
    for n in random.Random(1).sample(range(17), 17):
        assert same(again[n], items[n])
    fresh_from_the_middle = RandomCrops(dataset, 32, 1.5, seed=3)
    assert same(fresh_from_the_middle[13], items[13])


def test_an_item_does_not_depend_on_global_random_numbers_and_leaves_them_alone(data: Path):
    crops = RandomCrops(ImageDataset(data), 32, 1.5, seed=3)
    before = crops[2]
    random.seed(99)
    torch.manual_seed(99)
    state, torch_state = random.getstate(), torch.get_rng_state()
    assert same(crops[2], before)
    assert random.getstate() == state
    assert torch.equal(torch.get_rng_state(), torch_state)


def test_crops_survive_pickling_as_workers_elsewhere_need(data: Path):
    crops = RandomCrops(ImageDataset(data), 32, 1.5, seed=3)
    assert same(pickle.loads(pickle.dumps(crops))[4], crops[4])


def test_another_seed_gives_other_items(data: Path):
    dataset = ImageDataset(data)
    one, other = RandomCrops(dataset, 32, 1.0, seed=0), RandomCrops(dataset, 32, 1.0, seed=1)
    assert not any(same(one[n], other[n]) for n in range(5))


def test_the_largest_seed_a_user_may_think_of_works(data: Path):
    RandomCrops(ImageDataset(data), 32, 1.0, seed=2**63)[10**12]


def test_every_picture_of_a_is_seen_once_an_epoch(numbered: ImageDataset):
    crops = RandomCrops(numbered, 8, 1.0, seed=0)
    orders = [[red(crops[n]["A"]) for n in range(7 * epoch, 7 * epoch + 7)] for epoch in range(6)]
    assert all(sorted(order) == [0, 10, 20, 30, 40, 50, 60] for order in orders)
    assert len({tuple(order) for order in orders}) == 6


def test_every_picture_of_b_comes_up(numbered: ImageDataset):
    crops = RandomCrops(numbered, 8, 1.0, seed=0)
    assert {green(crops[n]["B"]) for n in range(30)} == {0, 10, 20}


def test_a_smaller_a_is_seen_evenly(tmp_path: Path):
    for number in range(3):
        solid(tmp_path / "trainA" / f"{number}.png", 10 * number, 0, 0)
    for number in range(6):
        solid(tmp_path / "trainB" / f"{number}.png", 0, 10 * number, 0)
    crops = RandomCrops(ImageDataset(tmp_path), 8, 1.0, seed=0)
    assert sorted(red(crops[n]["A"]) for n in range(6)) == [0, 0, 10, 10, 20, 20]


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (10, 8), (32, 32), (200, 33), (33, 200), (500, 7), (286, 286)])
@pytest.mark.parametrize("jitter", [1.0, 3.0])
def test_crops_have_the_right_size_whatever_the_pictures_have(tmp_path: Path, size: tuple[int, int], jitter: float):
    solid(tmp_path / "trainA" / "a.png", 255, 0, 30, size=size)
    solid(tmp_path / "trainB" / "b.png", 0, 255, 0, size=size[::-1])
    crops = RandomCrops(ImageDataset(tmp_path), 32, jitter, seed=0)
    for n in range(20):
        item = crops[n]
        assert item["A"].shape == item["B"].shape == (3, 32, 32)
        assert item["A"].dtype == torch.float32
        assert item["A"].min() >= -1
        assert item["A"].max() <= 1
        assert (red(item["A"]), green(item["B"])) == (255, 255)


@pytest.fixture
def slope(tmp_path: Path) -> Callable[[float, int], list[float]]:
    """How much of a horizontal slope each of many crops shows: 1 is all of it, negative when flipped."""
    row = np.rint(np.linspace(0, 255, 286)).astype(np.uint8)
    for domain in ("trainA", "trainB"):
        (tmp_path / domain).mkdir()
        Image.fromarray(np.tile(row, (286, 1))).save(tmp_path / domain / "a.png")

    def shown(jitter: float, count: int) -> list[float]:
        crops = RandomCrops(ImageDataset(tmp_path), 32, jitter, seed=0)
        pictures = [crops[n]["A"] for n in range(count)]
        return [((p[:, :, -1] - p[:, :, 0]).mean().item() / 2) * 32 / 31 for p in pictures]

    return shown


def test_the_paper_scales_to_286_and_crops_256():
    assert LOAD_PER_CROP * 256 == 286


def test_a_crop_shows_256_of_286_pixels(slope: Callable[[float, int], list[float]]):
    assert [abs(s) for s in slope(1.0, 20)] == pytest.approx([256 / 286] * 20, abs=0.02)


def test_scale_jitter_zooms_in_by_up_to_its_factor(slope: Callable[[float, int], list[float]]):
    shown = [abs(s) for s in slope(2.0, 60)]
    assert max(shown) <= 256 / 286 + 0.02
    assert max(shown) > 0.8
    assert min(shown) >= 128 / 286 - 0.02
    assert min(shown) < 0.5


def test_about_half_of_the_crops_are_flipped(slope: Callable[[float, int], list[float]]):
    assert 25 < sum(s < 0 for s in slope(1.0, 80)) < 55


def test_crops_come_from_everywhere_in_a_long_picture(tmp_path: Path):
    row = np.rint(np.linspace(0, 255, 400)).astype(np.uint8)
    for domain, pixels in (("trainA", np.tile(row, (40, 1))), ("trainB", np.tile(row, (40, 1)).T)):
        (tmp_path / domain).mkdir()
        Image.fromarray(np.ascontiguousarray(pixels)).save(tmp_path / domain / "a.png")
    crops = RandomCrops(ImageDataset(tmp_path), 32, 1.0, seed=0)
    for domain in ("A", "B"):
        means = [crops[n][domain].mean().item() for n in range(60)]
        assert min(means) < -0.75
        assert max(means) > 0.75


def test_a_broken_picture_is_left_out_with_a_warning_and_the_next_takes_its_place(
    numbered: ImageDataset, caplog: pytest.LogCaptureFixture
):
    path = numbered.files_A[3]
    broken(path.with_suffix(".jpg"))
    path.with_suffix(".jpg").replace(path)
    crops = RandomCrops(numbered, 8, 1.0, seed=0)
    with caplog.at_level(logging.WARNING):
        assert sorted(red(crops[n]["A"]) for n in range(7)) == [0, 10, 20, 40, 40, 50, 60]
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert str(path) in caplog.text
    assert "left out" in caplog.text


def test_a_picture_that_vanished_is_left_out_too(numbered: ImageDataset, caplog: pytest.LogCaptureFixture):
    numbered.files_B[1].unlink()
    crops = RandomCrops(numbered, 8, 1.0, seed=0)
    assert {green(crops[n]["B"]) for n in range(30)} == {0, 20}
    assert "1.png" in caplog.text


def test_a_domain_without_one_readable_picture_ends_with_a_sentence(numbered: ImageDataset):
    for path in numbered.files_B:
        path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(FilesError, match=r"no picture in .*trainB can be read"):
        RandomCrops(numbered, 8, 1.0, seed=0)[0]


def test_to_tensor_does_not_share_memory_with_the_image():
    image = Image.new("RGB", (4, 4))
    tensor = to_tensor(image)
    image.paste((255, 255, 255), (0, 0, 4, 4))
    assert tensor.max() == -1
    assert tensor.is_contiguous()


# Which pictures, and how they are read


def test_of_flat_folders_the_fingerprint_is_what_it_always_was(data: Path):
    digest = hashlib.sha256()
    for domain in ("trainA", "trainB"):
        for path in sorted((data / domain).iterdir()):
            digest.update(f"{path.name}\0{path.stat().st_size}\n".encode())
        digest.update(b"\n")
    assert ImageDataset(data).fingerprint() == digest.hexdigest()


def test_pictures_in_folders_below_are_trained_on_and_their_folders_are_part_of_the_fingerprint(data: Path):
    flat = ImageDataset(data).fingerprint()
    for number in range(2):
        (data / "trainA" / f"part{number}").mkdir()
        (data / "trainA" / f"{number}.png").rename(data / "trainA" / f"part{number}" / "same.png")
    assert len(ImageDataset(data).files_A) == 5
    nested = ImageDataset(data).fingerprint()
    (data / "trainA" / "part0").rename(data / "trainA" / "elsewhere")
    assert len({flat, nested, ImageDataset(data).fingerprint()}) == 3


def test_any_two_folders_make_a_dataset(data: Path, tmp_path: Path):
    folders = Folders(data / "trainB", data / "trainA", data / "trainA", data / "trainB")
    assert (len(ImageDataset(folders).files_A), len(ImageDataset(folders).files_B)) == (4, 5)
    assert len(ImageDataset(folders, mode="test").files_A) == 5


GRAY = np.add.outer(np.arange(24), np.arange(32)).astype(np.float32) * 4
KINDS: dict[str, tuple[Image.Image, dict[str, Any]]] = {
    "gray.png": (Image.fromarray(GRAY.astype(np.uint8)), {}),
    "gray-alpha.png": (Image.fromarray(GRAY.astype(np.uint8)).convert("LA"), {}),
    "alpha.png": (Image.fromarray(GRAY.astype(np.uint8)).convert("RGBA"), {}),
    "gray16.png": (Image.fromarray((GRAY * 257).astype(np.uint16)), {}),
    "gray16.tif": (Image.fromarray((GRAY * 257).astype(np.uint16)), {}),
    "float.tif": (Image.fromarray(GRAY / 255), {}),
    "cmyk.jpg": (Image.fromarray(GRAY.astype(np.uint8)).convert("RGB").convert("CMYK"), {"quality": 98}),
}


@pytest.mark.parametrize("name", KINDS)
def test_pictures_of_one_to_four_channels_and_16_bits_are_read_as_a_run_reads_them(tmp_path: Path, name: str):
    picture, options = KINDS[name]
    picture.save(tmp_path / name, **options)
    read = np.asarray(load_rgb(tmp_path / name), np.float32)
    assert read.shape == (24, 32, 3)
    assert np.array_equal(read, decode(tmp_path / name).pixels)
    assert np.abs(read - GRAY[..., None]).max() < 6


def test_a_photo_on_its_side_is_trained_on_upright_and_in_srgb(tmp_path: Path):
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = np.zeros((20, 30, 3), np.uint8)
    pixels[:10] = (200, 40, 40)
    Image.fromarray(pixels).save(tmp_path / "side.jpg", exif=exif, quality=95)
    upright = load_rgb(tmp_path / "side.jpg")
    assert upright.size == (20, 30)
    assert np.array_equal(np.asarray(upright), decode(tmp_path / "side.jpg").pixels)
    assert np.asarray(upright)[:, 15:, 0].mean() > 150
    assert np.asarray(upright)[:, :5, 0].mean() < 60
