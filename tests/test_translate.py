import os
from dataclasses import replace
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from imgtrans.architectures.resnet import GeneratorResNet
from imgtrans.backends.eager import EagerSession
from imgtrans.errors import ImageError
from imgtrans.protocols import Item, Job, Pixels, Wanted
from imgtrans.translate import compute, padded, read, write
from tests.pictures import noise, save

NATIVE = Job(size=None, multiple=4, smallest=8, max_pixels=10**6, max_working_pixels=10**6)


def item_for(path: Path) -> Item:
    status = path.stat()
    return Item(path, path, os.fsencode(path), os.fsencode(path), "PNG", status.st_size, status.st_mtime_ns)


def through(path: Path, job: Job, network: torch.nn.Module) -> Pixels:
    prepared = read(item_for(path), job)
    session = EagerSession(network, torch.device("cpu"), torch.float32)
    (translated,) = compute(session, [padded(prepared, job)])
    assert not isinstance(translated, Exception)
    write(prepared, [translated], path.with_name("out"))
    with Image.open(path.with_name("out")) as image:
        return np.asarray(image)


def test_the_whole_path_equals_plain_pytorch(tmp_path: Path, tiny_network: GeneratorResNet) -> None:
    """The reference: pad by reflection, the network in float32, crop, nothing else."""
    path = save(tmp_path / "a.png", 37, 26)
    with Image.open(path) as image:
        x = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 127.5 - 1
    with torch.no_grad():
        y = tiny_network(torch.nn.functional.pad(x, (0, 3, 0, 2), mode="reflect"))[0, :, :26, :37]
    expected = ((y + 1) * 127.5).round().clamp(0, 255).permute(1, 2, 0).numpy()
    difference = np.abs(through(path, NATIVE, tiny_network).astype(float) - expected)
    assert difference.max() <= 1  # a level, where rounding falls the other way
    assert (difference > 0).mean() < 0.01


def test_the_smallest_pictures_work(tmp_path: Path, tiny_network: GeneratorResNet) -> None:
    for width, height in ((1, 1), (3, 5), (1, 90), (4, 4)):
        assert through(save(tmp_path / "a.png", width, height), NATIVE, tiny_network).shape == (height, width, 3)


def test_the_network_works_at_the_size_that_was_asked_for(tmp_path: Path) -> None:
    job = Job(size=32, multiple=4, smallest=8, max_pixels=10**6, max_working_pixels=10**6)
    prepared = read(item_for(save(tmp_path / "a.png", 100, 50)), job)
    assert padded(prepared, job).shape == (16, 32, 3)
    assert prepared.picture.pixels.shape == (50, 100, 3)


def test_an_identity_at_a_smaller_size_gives_the_picture_back(tmp_path: Path) -> None:
    job = Job(size=32, multiple=4, smallest=8, max_pixels=10**6, max_working_pixels=10**6)
    path = save(tmp_path / "a.png", 100, 50)
    with Image.open(path) as image:
        before = np.asarray(image)
    after = through(path, job, torch.nn.Identity()).astype(int)
    assert np.abs(after - before).max() <= 1


def test_a_picture_too_large_is_refused_before_the_network_sees_it(tmp_path: Path) -> None:
    job = Job(size=None, multiple=4, smallest=8, max_pixels=10**6, max_working_pixels=99)
    with pytest.raises(ImageError, match="--size"):
        read(item_for(save(tmp_path / "a.png", 10, 10)), job)


def test_an_input_that_disappeared_is_a_sentence(tmp_path: Path) -> None:
    item = item_for(save(tmp_path / "a.png"))
    item.input.unlink()
    with pytest.raises(ImageError, match="cannot be read"):
        read(item, NATIVE)


@pytest.mark.parametrize("size", [None, 32])
@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_a_picture_of_16_bits_comes_out_with_all_of_them(name: str, size: int | None, tmp_path: Path) -> None:
    y, x = np.mgrid[0:50, 0:64]
    values = np.stack([x * 1000 + y, y * 1300, 65535 - x * 900, x * 1040], axis=-1).astype(np.uint16)
    path = tmp_path / name
    if name == "a.png":
        path.write_bytes(imagecodecs.png_encode(values))
    else:
        tifffile.imwrite(path, values, photometric="rgb", extrasamples=["unassalpha"], byteorder=">")
    item = replace(item_for(path), format="PNG" if name == "a.png" else "TIFF")
    job = replace(NATIVE, size=size, wanted=Wanted(depth=16))
    prepared = read(item, job)
    (translated,) = compute(
        EagerSession(torch.nn.Identity(), torch.device("cpu"), torch.float32), [padded(prepared, job)]
    )
    assert not isinstance(translated, Exception)
    write(prepared, [translated], tmp_path / "out", job.wanted)
    result = (
        imagecodecs.png_decode((tmp_path / "out").read_bytes())
        if name == "a.png"
        else tifffile.imread(tmp_path / "out")
    )
    assert result.dtype == np.uint16
    assert np.abs(result.astype(int) - values).max() <= 1
    assert len(np.unique(result[..., :3])) > 3000


def test_a_jpeg_is_what_it_is_without_depth(tmp_path: Path, tiny_network: GeneratorResNet) -> None:
    path = tmp_path / "a.jpg"
    noise(40, 24).save(path)
    item = replace(item_for(path), format="JPEG")
    session, outputs = EagerSession(tiny_network, torch.device("cpu"), torch.float32), []
    for depth in (8, 16):
        job = replace(NATIVE, wanted=Wanted(depth=depth))
        prepared = read(item, job)
        (translated,) = compute(session, [padded(prepared, job)])
        assert not isinstance(translated, Exception)
        write(prepared, [translated], tmp_path / "out", job.wanted)
        outputs.append((tmp_path / "out").read_bytes())
    assert outputs[0] == outputs[1]
