"""Files that are not read though they are known: which, why, and what to do."""

import os
from pathlib import Path

from imgtrans.images.kinds import heif, raw

HEADER_BYTES = 512  # as many as a tar archive's first header has
# What is no picture and may be called like one: its name -> how it starts, and where
_OTHERS = (
    ("a tar archive", 257, b"ustar"),
    ("a ZIP archive", 0, b"PK\x03\x04"),
    ("a RAR archive", 0, b"Rar!\x1a\x07"),
    ("a 7-Zip archive", 0, b"7z\xbc\xaf\x27\x1c"),
    ("compressed by gzip", 0, b"\x1f\x8b\x08"),
    ("compressed by xz", 0, b"\xfd7zXZ\0"),
    ("compressed by zstd", 0, b"\x28\xb5\x2f\xfd"),
    ("a PDF", 0, b"%PDF-"),
    ("a PostScript file", 0, b"%!PS"),
    ("an SVG drawing", 0, b"<svg"),
    ("a web page", 0, b"<!DOCTYPE html"),
    ("a pointer of Git LFS: git lfs pull fetches the picture", 0, b"version https://git-lfs"),
    ("a JPEG XL, which is not read: make it a PNG first", 0, b"\xff\x0a"),
    ("a JPEG XL, which is not read: make it a PNG first", 0, b"\0\0\0\x0cJXL \r\n\x87\n"),
    ("an OpenEXR picture, which is not read: make it a TIFF first", 0, b"v/1\x01"),
    ("a Radiance picture, which is not read: make it a TIFF first", 0, b"#?RADIANCE"),
)


def header_of(path: Path) -> bytes:
    """Return a file's first bytes, filled up with zeros: some of Pillow's checks fail on less.

    Raises:
        OSError: If the file cannot be read.
    """
    with path.open("rb") as file:
        return file.read(HEADER_BYTES).ljust(HEADER_BYTES, b"\0")


def other_kind(header: bytes) -> str:
    """Return what a file is that is no picture, or one that nobody here reads; "" if its first bytes do not say."""
    return next((what for what, at, signature in _OTHERS if header.startswith(signature, at)), "")


def picture_not_read(path: Path) -> str:
    """Return why a file is not read that is a picture by its content, or camera RAW by its name; "" if it is neither.

    Raises:
        OSError: If the file cannot be read.
    """
    header = header_of(path)
    if raw.is_raw(path, header) or raw.has_raw_name(path):
        return raw.why(path)
    if heif.is_heif(header) and not heif.is_installed():
        return heif.why(path)
    return ""


def why_not(path: Path) -> str:
    """Return the sentence that says why a file, called like a picture or named by the user, cannot be read."""
    shown = os.fsdecode(path)
    try:
        if not path.is_file():  # to open a pipe would wait for its other end
            return f"{shown} is not a picture that can be read."
        if why := picture_not_read(path):
            return why
        if what := other_kind(header_of(path)):
            return f"{shown} is {what}." if "," in what or ":" in what else f"{shown} is {what}, not a picture."
    except OSError:  # gone, or not to be read: who opens it says so
        pass
    return f"{shown} is not a picture that can be read."
