from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from imgtrans.images.metadata import carried
from imgtrans.images.metadata.carried import orientation
from imgtrans.images.metadata.resolution import carried_dpi
from imgtrans.images.metadata.turn import Turn

EXIF, MAKER, WIDTH, HEIGHT, COLOUR_SPACE = 0x8769, 0x010F, 0xA002, 0xA003, 0xA001


def exif_of(value: int | None = None, **more: object) -> Image.Exif:
    exif = Image.Exif()
    exif[MAKER] = "Maker"
    exif[EXIF] = {WIDTH: 64, HEIGHT: 48, COLOUR_SPACE: 65535} | {int(tag[1:], 16): one for tag, one in more.items()}
    if value is not None:
        exif[0x0112] = value
    return exif


def a_picture(**info: object) -> Image.Image:
    image = Image.new("RGB", (64, 48))
    image.info.update(info)
    return image


def carried_exif(image: Image.Image, path: Path = Path("a picture")) -> bytes:
    return carried.carried_exif(image, path, Turn(orientation(image), *image.size))


def carried_xmp(image: Image.Image) -> bytes:
    return carried.carried_xmp(image, Path("a picture"), Turn(orientation(image), *image.size))


def read(block: bytes) -> Image.Exif:
    exif = Image.Exif()
    exif.load(block)
    return exif


@pytest.mark.parametrize("value", range(1, 9))
def test_the_orientation_is_that_of_the_exif(value: int) -> None:
    assert orientation(a_picture(exif=exif_of(value).tobytes())) == value


@pytest.mark.parametrize("value", [0, 9, 600, -1])
def test_an_orientation_that_does_not_exist_is_upright(value: int) -> None:
    assert orientation(a_picture(exif=exif_of(value % 65536).tobytes())) == 1


def test_the_orientation_may_stand_in_the_xmp_alone() -> None:
    assert orientation(a_picture(xmp=b'<x tiff:Orientation="6"/>')) == 6
    assert orientation(a_picture(**{"XML:com.adobe.xmp": "<tiff:Orientation>8</tiff:Orientation>"})) == 8


@pytest.mark.parametrize("block", [b"", b"garbage", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*"])
def test_malformed_exif_is_dropped_and_does_not_turn_the_picture(block: bytes) -> None:
    assert orientation(a_picture(exif=block)) == 1
    assert carried_exif(a_picture(exif=block)) == b""


def test_a_malformed_raw_profile_is_dropped() -> None:
    image = a_picture(**{"Raw profile type exif": "\nexif\n  4\nnot hexadecimal\n"})
    assert orientation(image) == 1
    assert carried_exif(image) == b""


def test_the_sizes_in_the_exif_become_those_of_the_upright_picture() -> None:
    for value, size in ((1, (64, 48)), (3, (64, 48)), (6, (48, 64)), (8, (48, 64))):
        directory = read(carried_exif(a_picture(exif=exif_of(value).tobytes()))).get_ifd(EXIF)
        assert (directory[WIDTH], directory[HEIGHT]) == size


def test_the_orientation_is_not_carried() -> None:
    exif = read(carried_exif(a_picture(exif=exif_of(6).tobytes())))
    assert dict(exif).keys() == {MAKER, EXIF}


def test_the_colour_space_becomes_srgb_where_the_pixels_do() -> None:
    block = exif_of().tobytes()
    assert read(carried_exif(a_picture(exif=block))).get_ifd(EXIF)[COLOUR_SPACE] == 65535
    assert read(carried_exif(a_picture(exif=block, icc_profile=b"..."))).get_ifd(EXIF)[COLOUR_SPACE] == 1


def test_imagemagicks_exif_in_a_png_is_carried(tmp_path: Path) -> None:
    data = exif_of(6).tobytes()
    text = PngImagePlugin.PngInfo()
    text.add_text("Raw profile type exif", f"\nexif\n{len(data):8}\n{data.hex()}\n", zip=True)
    Image.new("RGB", (64, 48)).save(tmp_path / "a.png", pnginfo=text)
    with Image.open(tmp_path / "a.png") as image:
        assert orientation(image) == 6
        assert read(carried_exif(image))[MAKER] == "Maker"


def test_a_tiff_gives_what_describes_it_and_not_how_it_lies_in_its_file(tmp_path: Path) -> None:
    exif = exif_of(6)
    exif[0x010E], exif[42113] = "A description", "255"
    Image.new("RGB", (64, 48)).save(tmp_path / "a.tif", exif=exif.tobytes())
    with Image.open(tmp_path / "a.tif") as image:
        image.load()
        found = read(carried.carried_exif(image, tmp_path / "a.tif", Turn(6, 64, 48)))
    assert dict(found).keys() == {MAKER, EXIF, 0x010E, 42113}
    assert found.get_ifd(EXIF)[WIDTH] == 48


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'<a tiff:Orientation="6" b="6"/>', b'<a tiff:Orientation="1" b="6"/>'),
        (b"<a tiff:Orientation = '8'/>", b"<a tiff:Orientation = '1'/>"),
        (b"<tiff:Orientation>3</tiff:Orientation>", b"<tiff:Orientation>1</tiff:Orientation>"),
        (b"<tiff:Orientation>\n 3 </tiff:Orientation>", b"<tiff:Orientation>1</tiff:Orientation>"),
        (b"<a/>", b"<a/>"),
    ],
)
def test_the_orientation_in_the_xmp_is_reset(before: bytes, after: bytes) -> None:
    assert carried_xmp(a_picture(xmp=before)) == after
    assert carried_xmp(a_picture(**{"XML:com.adobe.xmp": before.decode()})) == after


def test_thumbnails_in_the_xmp_are_taken_out() -> None:
    for name in (b"xmp", b"xap"):
        thumbnails = b"<%b:Thumbnails><rdf:Alt>\n<rdf:li/></rdf:Alt></%b:Thumbnails>" % (name, name)
        assert carried_xmp(a_picture(xmp=b"<a>" + thumbnails + b"<b/>" + thumbnails + b"</a>")) == b"<a><b/></a>"
    for cut in (b"<a><xmp:Thumbnails></a>", b"<a></xmp:Thumbnails><xmp:Thumbnails></a>"):
        assert carried_xmp(a_picture(xmp=cut)) == cut


def test_the_colour_space_in_the_xmp_becomes_srgb_where_the_pixels_do() -> None:
    before = (
        b'<a exif:ColorSpace="65535" photoshop:ICCProfile="Adobe RGB (1998)"><exif:ColorSpace>2</exif:ColorSpace></a>'
    )
    after = b'<a exif:ColorSpace="1" photoshop:ICCProfile="sRGB IEC61966-2.1"><exif:ColorSpace>1</exif:ColorSpace></a>'
    assert carried_xmp(a_picture(xmp=before)) == before
    assert carried_xmp(a_picture(xmp=before, icc_profile=b"...")) == after


@pytest.mark.parametrize("xmp", [b"", None, b"\xff\xfe<\0", (1, 2), "\udcff"])
def test_malformed_xmp_is_dropped(xmp: object) -> None:
    assert carried_xmp(a_picture(xmp=xmp)) in (b"", b"\x01\x02")


@pytest.mark.parametrize(
    ("dpi", "expected"),
    [
        ((72, 300), (72.0, 300.0)),
        (None, None),
        ((1, 1), None),
        ((0, 0), None),
        ((float("nan"), 72), None),
        ((float("inf"), 72), None),
        ((1e9, 72), None),
        (("x", 72), None),
        ((72,), None),
        (72, None),
    ],
)
def test_a_resolution_is_carried_if_it_makes_sense(dpi: object, expected: object) -> None:
    assert carried_dpi(a_picture(dpi=dpi), sideways=False) == expected


def test_the_resolution_turns_with_the_picture() -> None:
    assert carried_dpi(a_picture(dpi=(72, 300)), sideways=True) == (300.0, 72.0)


@pytest.mark.parametrize(
    ("value", "area"), [(1, (10, 20, 6, 4)), (3, (53, 27, 6, 4)), (6, (27, 10, 4, 6)), (8, (20, 53, 4, 6))]
)
def test_the_subject_is_turned_with_the_picture(value: int, area: tuple[int, ...]) -> None:
    exif = exif_of(value, _9214=(10, 20, 6, 4), _A214=(10, 20))
    directory = read(carried_exif(a_picture(exif=exif.tobytes()))).get_ifd(EXIF)
    assert directory[0x9214] == area
    assert directory[0xA214] == area[:2]


def test_resolutions_in_the_exif_are_swapped_where_sides_are() -> None:
    exif = exif_of(6, _A20E=5.0, _A20F=6.0)
    exif[0x011A], exif[0x011B] = 72.0, 144.0
    after = read(carried_exif(a_picture(exif=exif.tobytes())))
    assert (after[0x011A], after[0x011B]) == (144, 72)
    assert (after.get_ifd(EXIF)[0xA20E], after.get_ifd(EXIF)[0xA20F]) == (6, 5)


def test_the_mark_of_adobe_rgb_goes_only_where_the_colours_are_converted() -> None:
    exif = exif_of(_A005={1: "R03"})
    assert read(carried_exif(a_picture(exif=exif.tobytes()))).get_ifd(0xA005) == {1: "R03"}
    assert read(carried_exif(a_picture(exif=exif.tobytes(), icc_profile=b"..."))).get_ifd(0xA005) == {1: "R98"}


def test_each_page_of_a_tiff_has_its_own_xmp(tmp_path: Path) -> None:
    pages = [Image.new("RGB", (64, 48)), Image.new("RGB", (64, 48))]
    tag = Image.Exif()
    tag[700] = b"<a/>"
    pages[0].save(tmp_path / "a.tif", exif=tag, save_all=True, append_images=pages[1:])
    with Image.open(tmp_path / "a.tif") as image:
        found = []
        for number in range(2):
            image.seek(number)
            found.append(carried.carried_xmp(image, tmp_path / "a.tif", Turn(1, 64, 48)))
    assert found[0] == b"<a/>"
