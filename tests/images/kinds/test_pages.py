from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from imgtrans.images.kinds.pages import join_pages


def tiff(value: int, **options: object) -> bytes:
    buffer = BytesIO()
    Image.fromarray(np.full((9, 7, 3), value, np.uint8)).save(buffer, "TIFF", **options)
    return buffer.getvalue()


@pytest.mark.parametrize("count", [1, 2, 5])
def test_pages_are_found_in_their_order(count: int) -> None:
    with Image.open(BytesIO(join_pages([tiff(value) for value in range(count)]))) as image:
        assert image.n_frames == count
        for value in range(count):
            image.seek(value)
            assert image.getpixel((3, 3)) == (value,) * 3


def test_one_file_stays_as_it_is() -> None:
    assert join_pages([tiff(1)]) == tiff(1)


def test_what_is_no_little_endian_tiff_is_refused() -> None:
    with pytest.raises(ValueError, match="little-endian"):
        join_pages([tiff(1), b"MM\0*" + tiff(2)[4:]])
