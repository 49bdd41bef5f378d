import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgtrans.errors import ImageError
from imgtrans.finding.file import inspect, look_at
from imgtrans.images.decode import decode
from imgtrans.images.formats import format_by_content


def tar(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


# A tar archive starts with the name of its first member, which may be how a format starts.
@pytest.mark.parametrize("member", ["a.jpg", "BM1.jpg", "P6 1 1 255 ", "GIF89a", "8BPS.psd", "qoif", "P1040507.JPG"])
@pytest.mark.parametrize("called", ["a.tar", "a.jpg", "a.tga"])
def test_an_archive_of_pictures_is_no_picture(member: str, called: str, tmp_path: Path) -> None:
    path = tmp_path / called
    path.write_bytes(tar(member, b"\xff\xd8\xff\xe0" + bytes(100)))
    assert format_by_content(path) is None
    with pytest.raises(ImageError, match=r"is a tar archive, not a picture\.$"):
        decode(path)
    assert inspect(path, Path(called)).problem == (
        "" if called == "a.tar" else f"{path} is a tar archive, not a picture."
    )
    assert look_at(path).problem == f"{path} is a tar archive, not a picture."


def test_what_something_else_called_like_a_picture_is_is_said(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.jpg", b"x")
    contents = {
        "a ZIP archive, not a picture": buffer.getvalue(),
        "a PDF, not a picture": b"%PDF-1.7",
        "a pointer of Git LFS: git lfs pull fetches the picture": b"version https://git-lfs.github.com/spec/v1\n",
        "a JPEG XL, which is not read: make it a PNG first": b"\xff\x0a" + bytes(100),
        "not a picture that can be read": b"hello",
    }
    for what, content in contents.items():
        path = tmp_path / "a.jpg"
        path.write_bytes(content)
        assert inspect(path, Path("a.jpg")).problem == f"{path} is {what}."


def test_pictures_are_looked_at_as_before(tmp_path: Path, photo: np.ndarray) -> None:
    for kind in ("PNG", "BMP", "PPM", "TIFF", "TGA", "GIF"):
        path = tmp_path / "a.tga"
        Image.fromarray(photo).save(path, kind)
        assert format_by_content(path) == kind
