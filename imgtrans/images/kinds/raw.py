"""Camera RAW, told by content: what a sensor saw, which somebody has to develop before it is a picture."""

from pathlib import Path

from imgtrans.images.kinds.directories import PHOTOMETRIC, directories, is_part, is_tiff

# What files of these makers start with, and where
_SIGNATURES = (
    (0, b"FUJIFILMCCD-RAW"),  # RAF
    (4, b"ftypcrx "),  # Canon CR3
    (6, b"HEAPCCDR"),  # Canon CRW
    (0, b"IIRO"),  # Olympus ORF, in three editions
    (0, b"IIRS"),
    (0, b"MMOR"),
    (0, b"IIU\0"),  # Panasonic RW2, Leica RWL
    (0, b"FOVb"),  # Sigma X3F
    (0, b"\0MRM"),  # Minolta MRW
)
_CANON = (b"II*\0\x10\0\0\0CR\x02", b"II*\0\x10\0\0\0CR\x03")  # CR2: a TIFF with a mark of its own in its header
_PHASE_ONE = (b"IIII", b"MMMM")  # IIQ: right after a TIFF's header, where another may have pixels
_FILTERED, _LINEAR = 32803, 34892  # PhotometricInterpretation: behind a colour filter array, and without one (DNG)
_DIRECTORIES = 32  # the sensor's is among the first ones
_SUFFIXES = frozenset(
    {".3fr", ".ari", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".gpr", ".iiq", ".k25", ".kdc",
     ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"}
)  # fmt: skip


def is_raw(path: Path, header: bytes) -> bool:
    """Whether a file is camera RAW: by its first bytes, or, in a TIFF, by what a directory says of its pixels.

    Args:
        path: The file.
        header: Its first bytes, at least 32.

    Raises:
        OSError: If the file cannot be read.
    """
    if any(header.startswith(signature, at) for at, signature in _SIGNATURES):
        return True
    if not is_tiff(header):
        return False
    if header.startswith(_CANON):
        return True
    with path.open("rb") as file:
        found = [*directories(file, _DIRECTORIES)]
    if header.startswith(_PHASE_ONE, 8) and found and is_part(found[0]):
        return True
    return any(directory.get(PHOTOMETRIC, (0,))[0] in (_FILTERED, _LINEAR) for directory in found)


def has_raw_name(path: Path) -> bool:
    """Whether a file is called like camera RAW."""
    return path.suffix.lower() in _SUFFIXES


def why(path: Path) -> str:
    """Return the sentence that says why camera RAW is not translated."""
    return f"{path} is camera RAW: develop it first, into a TIFF or a JPEG."
