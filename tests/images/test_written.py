import pytest
from PIL import Image

from imgtrans.errors import UsageError
from imgtrans.images.written import described, format_of_name, is_deep, output_name, understood
from imgtrans.protocols import Wanted

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "PPM", "AVIF", "JPEG2000", "GIF", "TGA", "QOI", "PCX", "SGI")


@pytest.mark.parametrize("kind", FORMATS)
def test_a_format_that_can_be_written_keeps_its_name(kind: str) -> None:
    assert output_name("photo.of.JpG", kind) == ("photo.of.JpG", kind)


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("a.mpo", "MPO", ("a.mpo", "JPEG")),
        ("a.dib", "DIB", ("a.dib", "BMP")),
        ("a.psd", "PSD", ("a.png", "PNG")),
        ("a.b.ico", "ICO", ("a.b.png", "PNG")),
        ("scan.2021", "PSD", ("scan.2021.png", "PNG")),
        ("noname", "ICO", ("noname.png", "PNG")),
        ("a.png", "PSD", ("a.png", "PNG")),
    ],
)
def test_any_other_format_becomes_what_can_be_written(name: str, kind: str, expected: tuple[str, str]) -> None:
    assert output_name(name, kind) == expected


def test_a_format_missing_from_this_pillow_becomes_png_and_cannot_be_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    Image.init()
    monkeypatch.delitem(Image.SAVE, "AVIF")
    assert output_name("a.avif", "AVIF") == ("a.png", "PNG")
    with pytest.raises(UsageError, match="cannot write avif"):
        understood(format="avif")


@pytest.mark.parametrize(
    ("name", "wanted", "expected"),
    [
        ("a.jpg", "PNG", "a.png"),
        ("a.b.JPEG", "PNG", "a.b.png"),
        ("a.JPEG", "JPEG", "a.JPEG"),
        ("a.tif", "TIFF", "a.tif"),
        ("a.png", "TIFF", "a.tiff"),
        ("a.psd", "WEBP", "a.webp"),
        ("scan.2021", "JPEG", "scan.2021.jpg"),
        ("noname", "AVIF", "noname.avif"),
    ],
)
def test_a_wanted_format_gives_its_suffix_to_names_that_have_not_got_it(name: str, wanted: str, expected: str) -> None:
    assert output_name(name, "JPEG", wanted) == (expected, wanted)


def test_a_name_may_say_the_format() -> None:
    assert [format_of_name(name) for name in ("a.JPG", "b.tif", "c.gif", "d.psd", "e")] == [
        "JPEG", "TIFF", "GIF", "", ""
    ]  # fmt: skip


def test_whatever_decides_outputs_is_described_and_what_is_usual_is_not() -> None:
    assert described(understood()) == ""
    everything = understood(format="jpg", quality=80, alpha="flatten", keep_gray=True, frames="first", depth=16)
    assert everything == Wanted("JPEG", 80, flatten=True, keep_gray=True, first_frame=True, depth=16)
    assert described(everything) == " format=JPEG quality=80 flat gray first depth=16"


def test_only_png_and_tiff_are_deep() -> None:
    assert is_deep("TIFF", Wanted(depth=16))
    assert is_deep("JPEG", Wanted(depth=16, format="PNG"))
    assert is_deep("PSD", Wanted(depth=16))  # which becomes PNG
    assert not is_deep("TIFF", Wanted())
    assert not is_deep("JPEG", Wanted(depth=16))
    assert not is_deep("PNG", Wanted(depth=16, format="JPEG"))


@pytest.mark.parametrize(
    ("name", "keep_gray", "expected"),
    [
        ("a.ppm", False, "a.ppm"),
        ("a.pnm", False, "a.pnm"),
        ("a.pgm", False, "a.ppm"),
        ("a.PBM", False, "a.ppm"),
        ("a.pfm", False, "a.ppm"),
        ("a.pgm", True, "a.pgm"),
        ("a.PGM", True, "a.PGM"),
        ("a.pbm", True, "a.pgm"),
        ("a.pfm", True, "a.pgm"),
    ],
)
def test_a_file_that_is_called_by_what_it_holds_is_called_so(name: str, keep_gray: bool, expected: str) -> None:
    assert output_name(name, "PPM", keep_gray=keep_gray) == (expected, "PPM")
