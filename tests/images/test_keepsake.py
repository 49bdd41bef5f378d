import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgtrans.images.keepsake import Keepsake, keepsake


def kept(path: Path) -> Keepsake:
    with Image.open(path) as image:
        image.load()
        return keepsake(image, path, stored=1)


def test_it_is_plain_data_that_crosses_processes(photo_file: Path) -> None:
    keep = kept(photo_file)
    assert pickle.loads(pickle.dumps(keep)) == keep
    assert keep.source == str(photo_file)
    assert keep.format == "PNG"


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpegs_tables_sampling_and_scans_are_remembered(
    subsampling: int, progressive: bool, tmp_path: Path, photo: np.ndarray
) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(photo).save(path, quality=61, subsampling=subsampling, progressive=progressive)
    keep = kept(path)
    with Image.open(path) as image:
        luma, chroma = (tuple(image.quantization[number]) for number in (0, 1))
    assert keep.tables == (luma, chroma, chroma)
    assert (keep.subsampling, keep.progressive) == (subsampling, progressive)


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_a_jpeg_without_chroma_lends_its_first_table(mode: str, tmp_path: Path, photo: np.ndarray) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(photo).convert(mode).save(path, quality=61)
    with Image.open(path) as image:
        assert kept(path).tables == (tuple(image.quantization[0]),)
    assert kept(path).subsampling == 0


def test_a_jpeg_of_rgb_lends_its_first_table(tmp_path: Path, photo: np.ndarray) -> None:
    Image.fromarray(photo).save(tmp_path / "a.jpg", keep_rgb=True)
    assert len(kept(tmp_path / "a.jpg").tables) == 1


@pytest.mark.parametrize(
    ("factors", "expected"), [(0x11, 0), (0x21, 1), (0x22, 2), (0x12, 0), (0x41, 1), (0x42, 2), (0x44, 2)]
)
def test_a_rare_sampling_becomes_the_next_finer_one(
    factors: int, expected: int, tmp_path: Path, photo: np.ndarray
) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(photo).save(path, subsampling=0)
    content = bytearray(path.read_bytes())
    content[content.index(b"\xff\xc0") + 11] = factors  # of luma, in the frame's header
    path.write_bytes(content)
    with Image.open(path) as image:  # the pixels do not fit any more, and do not matter
        assert keepsake(image, path, stored=1).subsampling == expected


def test_a_jpeg_that_does_not_bring_its_table_has_none_to_lend(tmp_path: Path, photo: np.ndarray) -> None:
    Image.fromarray(photo).save(tmp_path / "a.jpg")
    with Image.open(tmp_path / "a.jpg") as image:
        image.quantization.clear()
        assert keepsake(image, tmp_path / "a.jpg", stored=1).tables == ()


def test_a_step_that_not_every_reader_takes_is_bounded(tmp_path: Path, photo: np.ndarray) -> None:
    Image.fromarray(photo).save(tmp_path / "a.jpg")
    with Image.open(tmp_path / "a.jpg") as image:
        image.quantization[0] = [1000] * 64
        assert max(keepsake(image, tmp_path / "a.jpg", stored=1).tables[0]) == 255


@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("extended", [True, False])
def test_webp_is_known_to_be_lossless_or_not(lossless: bool, extended: bool, tmp_path: Path, photo: np.ndarray) -> None:
    path = tmp_path / "a.webp"
    Image.fromarray(photo).save(path, lossless=lossless, **({"xmp": b"<a/>"} if extended else {}))
    assert kept(path).lossless is lossless


@pytest.mark.parametrize("irreversible", [True, False])
@pytest.mark.parametrize("suffix", [".jp2", ".j2k"])
def test_jpeg_2000_is_known_to_be_lossless_or_not(
    irreversible: bool, suffix: str, tmp_path: Path, photo: np.ndarray
) -> None:
    path = tmp_path / f"a{suffix}"
    Image.fromarray(photo).save(path, irreversible=irreversible)
    assert kept(path).lossless is not irreversible
    assert kept(path).codestream is (suffix == ".j2k")


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"])
def test_a_tiffs_compression_is_remembered(compression: str, tmp_path: Path, photo: np.ndarray) -> None:
    Image.fromarray(photo).save(tmp_path / "a.tif", compression=compression)
    assert kept(tmp_path / "a.tif").compression == compression


def test_a_bmps_number_is_no_compression(tmp_path: Path, photo: np.ndarray) -> None:
    Image.fromarray(photo).save(tmp_path / "a.bmp")
    assert kept(tmp_path / "a.bmp").compression == ""
