import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from imgtrans.errors import ImageError
from imgtrans.images.decode import decode_frames
from imgtrans.images.encode import encode, encode_frames
from imgtrans.images.frames import Timing
from imgtrans.images.keepsake import Keepsake
from imgtrans.images.kinds.pages import join_pages
from imgtrans.protocols import Wanted

EXACT = ("GIF", "PNG")
MAKER, EXIF, MAKER_NOTE = 0x010F, 0x8769, 0x927C


def discs(count: int, transparent: bool = True) -> list[Image.Image]:
    """Frames (40, 30) in which a disc of another colour stands at another place of nothing, or of gray."""
    frames = []
    y, x = np.mgrid[0:30, 0:40]
    for number in range(count):
        pixels = np.full((30, 40, 4), (90, 90, 90, 0 if transparent else 255), np.uint8)
        pixels[(x - 8 - 6 * number) ** 2 + (y - 15) ** 2 < 36] = (60 * number + 15, 200, 30, 255)
        frames.append(Image.fromarray(pixels))
    return frames


def animation(path: Path, kind: str, count: int = 4, transparent: bool = True, **options: object) -> Path:
    first, *others = discs(count, transparent)
    settings = {"duration": [100, 40, 250, 70, 30][:count], "loop": 0} | options
    if kind == "GIF":
        settings |= {"disposal": 2}
    if kind == "WEBP":
        settings |= {"lossless": True}
    first.save(path, kind, save_all=True, append_images=others, **settings)
    return path


def seen(path: Path) -> list[np.ndarray]:
    """What is seen of every frame, by Pillow; transparent pixels are black."""
    with Image.open(path) as image:
        frames = [np.array(frame.convert("RGBA")).astype(int) for frame in ImageSequence.Iterator(image)]
    return [np.where(frame[:, :, 3:] > 127, frame, 0) for frame in frames]


def timing(path: Path) -> Timing:
    return decode_frames(path)[0].keep.timing


@pytest.mark.parametrize("transparent", [True, False])
@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF"])
def test_frames_and_timing_survive(kind: str, transparent: bool, tmp_path: Path) -> None:
    path = animation(tmp_path / "a", kind, transparent=transparent)
    frames = decode_frames(path)
    assert len(frames) == 4
    for frame, expected in zip(frames, seen(path), strict=True):
        alpha = np.full((30, 40), 255) if frame.alpha is None else frame.alpha
        assert (np.where(alpha[:, :, None] > 127, frame.pixels, 0) == expected[:, :, :3]).all()
    encode_frames(frames, tmp_path / "b")
    with Image.open(tmp_path / "b") as image:
        assert image.format == kind
        assert image.n_frames == 4
    before, after = seen(path), seen(tmp_path / "b")
    for one, other in zip(before, after, strict=True):
        assert np.abs(one - other).mean() < (0.01 if kind in EXACT else 8)
    assert timing(tmp_path / "b") == timing(path)
    assert timing(path).durations == (100, 40, 250, 70)


@pytest.mark.parametrize("loop", [0, 1, 3, None])
@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_a_loop_is_as_long_as_it_was(kind: str, loop: int | None, tmp_path: Path) -> None:
    path = animation(tmp_path / "a", kind, 2, loop=loop) if loop is not None or kind == "GIF" else None
    if path is None:
        pytest.skip("only a GIF can leave it out")
    encode_frames(decode_frames(path), tmp_path / "b")
    with Image.open(path) as before, Image.open(tmp_path / "b") as after:
        assert after.info.get("loop") == before.info.get("loop")


@pytest.mark.parametrize(("loop", "plays"), [(None, 1), (0, 0), (2, 3)])
def test_a_gif_that_becomes_something_else_plays_as_often(loop: int | None, plays: int, tmp_path: Path) -> None:
    path = animation(tmp_path / "a", "GIF", 3, loop=loop)
    for kind in ("WEBP", "PNG"):
        encode_frames(decode_frames(path), tmp_path / "b", Wanted(format=kind))
        with Image.open(tmp_path / "b") as image:
            assert (image.format, image.n_frames, image.info["loop"]) == (kind, 3, plays)
        assert timing(tmp_path / "b").durations == (100, 40, 250)
        assert np.abs(np.array(seen(path)) - np.array(seen(tmp_path / "b"))).mean() < 8


def test_a_png_that_shows_something_else_where_animations_are_unknown_still_does(tmp_path: Path) -> None:
    path = animation(tmp_path / "a", "PNG", 4, default_image=True, duration=[100, 40, 250])
    frames = decode_frames(path)
    encode_frames(frames, tmp_path / "b")
    assert frames[0].keep.timing == Timing((0, 100, 40, 250), 0, apart=True) == timing(tmp_path / "b")
    assert (np.array(seen(path)) == np.array(seen(tmp_path / "b"))).all()


def test_frames_that_leave_in_other_colours_leave_no_trace_of_the_ones_before(tmp_path: Path) -> None:
    path = animation(tmp_path / "a", "GIF")
    frames = decode_frames(path)
    random = np.random.default_rng(0)
    for frame in frames:
        object.__setattr__(frame, "pixels", random.integers(0, 256, (30, 40, 3), np.uint8))
    encode_frames(frames, tmp_path / "b")
    for frame, after in zip(frames, seen(tmp_path / "b"), strict=True):
        assert frame.alpha is not None
        assert ((after[:, :, 3] > 0) == (frame.alpha > 0)).all()
        assert np.abs(after[:, :, :3] - frame.pixels)[frame.alpha > 0].mean() < 30


def test_a_lossless_animation_stays_lossless(tmp_path: Path) -> None:
    frames = decode_frames(animation(tmp_path / "a", "WEBP", transparent=False))
    assert frames[0].keep.lossless
    encode_frames(frames, tmp_path / "b")
    assert (np.array(seen(tmp_path / "a")) == np.array(seen(tmp_path / "b"))).all()
    encode_frames(frames, tmp_path / "b", Wanted(quality=30))
    assert not decode_frames(tmp_path / "b")[0].keep.lossless


def test_an_animation_is_laid_on_white_and_stays_gray_where_that_is_wanted(tmp_path: Path) -> None:
    frames = decode_frames(animation(tmp_path / "a", "GIF"))
    encode_frames(frames, tmp_path / "b", Wanted(flatten=True))
    after = decode_frames(tmp_path / "b")
    assert all(frame.alpha is None for frame in after)
    assert all((frame.pixels[0, 0] == 255).all() for frame in after)
    gray = [frame.convert("L") for frame in discs(3)]
    gray[0].save(tmp_path / "c", "GIF", save_all=True, append_images=gray[1:], duration=50)
    encode_frames(decode_frames(tmp_path / "c"), tmp_path / "d", Wanted(keep_gray=True))
    assert (np.array(seen(tmp_path / "c")) == np.array(seen(tmp_path / "d"))).all()


@pytest.mark.parametrize("format", ["JPEG", "BMP"])
def test_a_format_for_single_pictures_is_refused_with_what_to_do(format: str, tmp_path: Path) -> None:
    frames = decode_frames(animation(tmp_path / "a.gif", "GIF"))
    with pytest.raises(ImageError, match=rf"a\.gif has 4 frames, for which {format} has no room; --frames first "):
        encode_frames(frames, tmp_path / "b", Wanted(format=format))
    assert not (tmp_path / "b").exists()


def test_too_many_frames_for_the_memory_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    path = animation(tmp_path / "a.gif", "GIF")
    assert len(decode_frames(path, 4 * 40 * 30)) == 4
    with pytest.raises(
        ImageError, match=r"a\.gif has 4 frames with 4,800 pixels together, more than .* --frames first"
    ):
        decode_frames(path, 4 * 40 * 30 - 1)
    assert len(decode_frames(path, 4 * 40 * 30 - 1, first_only=True)) == 1


# Pages


def pages(path: Path) -> Path:
    """A TIFF of three pages of different sizes and modes; page two has an ICC profile, EXIF and a resolution."""
    random = np.random.default_rng(1)
    exif = Image.Exif()
    exif.endian = "<"
    exif[MAKER] = "Maker of the second page"
    exif[EXIF] = {MAKER_NOTE: b"a note of the maker"}
    second = {"had_profile": True, "dpi": (72.0, 300.0), "compression": "tiff_lzw", "exif": exif.tobytes()}
    files = []
    for size, alpha, settings in (
        ((30, 40), False, {"compression": "raw"}),
        ((50, 20), True, second),
        ((25, 35), False, {"gray": True}),
    ):
        pixels = random.integers(0, 256, (*size, 3), np.uint8)
        keep = Keepsake("a page", "TIFF", **settings)  # type: ignore[arg-type]
        encode(pixels, pixels[:, :, 0] if alpha else None, keep, path, Wanted(keep_gray=True))
        files.append(path.read_bytes())
    path.write_bytes(join_pages(files))
    return path


def test_every_page_comes_out_as_it_went_in(tmp_path: Path) -> None:
    frames = decode_frames(pages(tmp_path / "a"))
    assert [frame.pixels.shape for frame in frames] == [(30, 40, 3), (50, 20, 3), (25, 35, 3)]
    assert [frame.keep.had_profile for frame in frames] == [False, True, False]
    encode_frames(frames, tmp_path / "b", Wanted(keep_gray=True))
    again = decode_frames(tmp_path / "b")
    assert len(again) == 3
    for before, after in zip(frames, again, strict=True):
        assert (before.pixels == after.pixels).all()
        assert (before.alpha is None) == (after.alpha is None)
        assert (after.keep.dpi, after.keep.compression) == (before.keep.dpi, before.keep.compression)
        assert (after.keep.had_profile, after.keep.gray) == (before.keep.had_profile, before.keep.gray)
    with Image.open(tmp_path / "b") as image:
        image.seek(1)
        assert image.getexif()[MAKER] == "Maker of the second page"
        assert image.getexif().get_ifd(EXIF)[MAKER_NOTE] == b"a note of the maker"
        image.seek(2)
        assert MAKER not in image.getexif()


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"])
def test_pages_of_many_strips_are_joined(compression: str, tmp_path: Path) -> None:
    smooth = Image.linear_gradient("L").resize((700, 500)).convert("RGB")
    smooth.save(tmp_path / "a", "TIFF", save_all=True, append_images=[smooth.rotate(180)], compression=compression)
    frames = decode_frames(tmp_path / "a")
    encode_frames(frames, tmp_path / "b")
    again = decode_frames(tmp_path / "b")
    for before, after in zip(frames, again, strict=True):
        assert after.keep.compression == compression
        assert np.abs(before.pixels.astype(int) - after.pixels).mean() < (2 if compression == "jpeg" else 0.001)


def test_pages_are_no_animation(tmp_path: Path) -> None:
    frames = decode_frames(pages(tmp_path / "a.tif"))
    assert frames[0].keep.timing == Timing()
    with pytest.raises(ImageError, match=r"a\.tif has 3 pages, for which WEBP has no room; --frames first "):
        encode_frames(frames, tmp_path / "b", Wanted(format="WEBP"))


def test_pages_are_counted_together(tmp_path: Path) -> None:
    path = pages(tmp_path / "a.tif")
    together = 30 * 40 + 50 * 20 + 25 * 35
    assert len(decode_frames(path, together)) == 3
    with pytest.raises(ImageError, match="3 frames with 3,075 pixels together"):
        decode_frames(path, together - 1)


def test_a_page_that_is_cut_off_fails_the_picture(tmp_path: Path) -> None:
    path = pages(tmp_path / "a.tif")
    content = bytearray(path.read_bytes())
    (first,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, first)
    struct.pack_into("<I", content, first + 2 + 12 * count, len(content) + 1000)
    path.write_bytes(content)
    with pytest.raises(ImageError, match=r"a\.tif cannot be decoded"):
        decode_frames(path)


def test_what_a_gif_cannot_time_exactly_is_not_shown_faster_or_slower(tmp_path: Path) -> None:
    path = animation(tmp_path / "a", "PNG", 5, duration=1000 / 30)
    for format, step in (("GIF", 10), ("WEBP", 1)):
        frames = decode_frames(path)
        frames[0] = replace(frames[0], keep=replace(frames[0].keep, format=format))
        encode_frames(frames, tmp_path / "b")
        ends = np.cumsum(timing(tmp_path / "b").durations)
        assert np.abs(ends - np.arange(1, 6) * 1000 / 30).max() <= step / 2
