"""``imgtrans run`` over the worst files there are, and good ones among them, in one run."""

import csv
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from PIL import Image

from imgtrans.zoo.store import Model
from tests.pictures import save

DATA = Path(__file__).parent.parent / "data"
MOST_KILOBYTES = 1_200_000  # of any process; one of the bombs alone would take more
MAX_PIXELS = 20_000_000
# A process of its own in between: what a child has taken at most starts with what its parent has.
MEASURED = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[2:], check=False).returncode
with open(sys.argv[1], "w") as file:
    file.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)
"""


def located(folder: Path, name: str) -> Path:
    """The path of a file whose name stands in the table with \\n and \\xNN spelled out."""
    raw = name.rstrip("/").encode().replace(rb"\n", b"\n").replace(rb"\xe9", b"\xe9")
    return folder / os.fsdecode(raw)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="names that are no UTF-8, and memory in kilobytes")
def test_hostile_files_do_what_the_table_says_and_harm_nobody_else(tmp_path: Path, tiny: Model) -> None:
    folder, out = tmp_path / "hostile", tmp_path / "out"
    with tarfile.open(DATA / "hostile.tar", encoding="utf-8", errors="surrogateescape") as archive:
        archive.extractall(tmp_path, filter="tar")
    for name in ("hopper.ico", "hopper.psd"):  # would become hopper.png, which is there: no run would begin
        (folder / name).rename(folder / f"{name[-3:]}-{name}")
    good = [save(folder / f"good{number}.png", seed=number) for number in range(3)]
    command = [sys.executable, "-m", "imgtrans", "run", str(folder), "-o", str(out), "--model", "tiny", "--size", "32"]
    command += ["--device", "cpu", "--max-pixels", str(MAX_PIXELS), "--json"]
    ended = subprocess.run(
        [sys.executable, "-c", MEASURED, str(tmp_path / "memory"), *command], capture_output=True, check=False
    )
    said, printed = ended.stderr.decode("utf-8", "surrogateescape"), ended.stdout.decode("utf-8", "surrogateescape")
    assert ended.returncode == 1, said
    assert "Traceback" not in said
    assert int((tmp_path / "memory").read_text()) < MOST_KILOBYTES
    images = {
        Path(record["input"]): record for record in map(json.loads, printed.splitlines()) if record["event"] == "image"
    }
    for record in images.values():
        if record["status"] == "failed":
            assert record["error"].endswith(".")
            assert Path(record["input"]).name in record["error"]
            assert not os.path.lexists(record["output"])
        else:
            with Image.open(record["output"]) as image:
                image.load()
    assert all(images[path]["status"] == "translated" for path in good)
    lines = (DATA / "hostile.tsv").read_text("utf-8").splitlines()
    for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
        status = images.get(located(folder, row["file"]), {"status": "ignored"})["status"]
        if row["expected"] == "ok":
            assert status == "translated", row["file"]
        elif row["expected"] == "bad":
            assert status in ("failed", "ignored"), row["file"]
