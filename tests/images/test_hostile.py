import csv
import os
import tarfile
from pathlib import Path

import pytest

from imgtrans.errors import ImageError
from imgtrans.images.decode import decode_frames
from imgtrans.images.formats import is_image

DATA = Path(__file__).parent.parent / "data"
MAX_PIXELS = 100_000_000


def rows() -> list[tuple[str, str]]:
    lines = (DATA / "hostile.tsv").read_text("utf-8").splitlines()
    return [(row["file"], row["expected"]) for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    with tarfile.open(DATA / "hostile.tar", encoding="utf-8", errors="surrogateescape") as archive:
        archive.extractall(folder, filter="tar")
    return folder / "hostile"


def located(folder: Path, name: str) -> Path:
    """The path of a file whose name stands in the table with \\n and \\xNN spelled out."""
    raw = name.encode().replace(rb"\n", b"\n").replace(rb"\xe9", b"\xe9")
    return folder / os.fsdecode(raw)


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(("name", "expected"), rows())
def test_a_hostile_file_does_what_the_table_says(folder: Path, name: str, expected: str, deep: bool) -> None:
    path = located(folder, name)
    problem = ""
    try:
        frames = decode_frames(path, MAX_PIXELS, deep=deep)
    except ImageError as error:
        problem = error.message
        assert os.fsdecode(path) in problem
        assert problem.endswith(".")
    else:
        for frame in frames:
            height, width, channels = frame.pixels.shape
            assert channels == 3
            assert frame.alpha is None or frame.alpha.shape == (height, width)
    if expected == "ok":
        assert is_image(path)
        assert not problem
    elif expected == "bad":
        assert problem or not is_image(path)


def test_every_hostile_file_is_there(folder: Path) -> None:
    missing = [name for name, _ in rows() if not os.path.lexists(located(folder, name))]
    assert missing == []
