"""The values of an opened TIFF's page as they lie in its file: Pillow decodes texts, and forgets what it was."""

from pathlib import Path

from PIL import Image, TiffImagePlugin

from imgtrans.images.metadata.directories import Fields, fields, walk


def is_tiff(image: Image.Image) -> bool:
    """Whether a picture is a page of a TIFF."""
    return isinstance(image, TiffImagePlugin.TiffImageFile)


def page_order(image: Image.Image) -> str:
    """Return the byte order of a TIFF's values, ``<`` or ``>``."""
    assert isinstance(image, TiffImagePlugin.TiffImageFile)
    return "<" if image.tag_v2.prefix == b"II" else ">"


def page_values(image: Image.Image, path: Path, tags: tuple[int, ...]) -> Fields:
    """Read values of a TIFF's page, and of the EXIF directories below it, in the file's order.

    Args:
        image: The page, as Pillow has opened it.
        path: The file.
        tags: What is read of its main directory.

    Raises:
        struct.error, ValueError: If they are malformed.
        OSError: If the file cannot be read.
    """
    assert isinstance(image, TiffImagePlugin.TiffImageFile)
    order = page_order(image)
    with path.open("rb") as file:
        big = file.read(4)[2:] in (b"+\0", b"\0+")
        return fields(file, order, walk(file, order, image.tag_v2.offset or 0, big), tags)
