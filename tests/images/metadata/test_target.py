from PIL import Image

from imgtrans.images.metadata.target import Target, exif_for


def block(**values: object) -> bytes:
    exif = Image.Exif()
    for tag, value in values.items():
        exif[int(tag[1:])] = value
    return exif.tobytes()


def read(found: bytes) -> dict[int, object]:
    exif = Image.Exif()
    exif.load(found)
    return dict(exif)


def test_the_samples_are_those_of_the_file_that_is_written() -> None:
    inks = block(_271="Maker", _258=(8, 8, 8, 8), _262=5, _277=4)
    colours = {271: "Maker", 258: (8, 8, 8), 262: 2, 277: 3}
    assert read(exif_for(inks, Target("JPEG", "JPEG", "RGB", 8, (4, 4)))) == colours
    assert read(exif_for(inks, Target("JPEG", "PNG", "L", 16, (4, 4)))) == {271: "Maker", 258: 16, 262: 1, 277: 1}


def test_a_block_of_which_all_is_true_stays_as_it_is() -> None:
    true = block(_271="Maker", _270="A day", _258=(8, 8, 8), _262=6, _277=3)
    target = Target("JPEG", "JPEG", "RGB", 8, (4, 4))
    assert exif_for(true, target) == true
    assert exif_for(b"", target) == b""
    assert read(exif_for(true, Target("JPEG", "PNG", "RGB", 8, (4, 4))))[262] == 2


def test_an_untrue_description_goes() -> None:
    shaped = block(_271="Maker", _270='{"shape": [9, 9]}')
    assert read(exif_for(shaped, Target("TIFF", "TIFF", "RGB", 8, (4, 4)))) == {271: "Maker"}
