"""A bare source tree, of which nothing is installed, is the whole program."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import imgtrans
from tests.pictures import save

# Python as it is where nobody installed imgtrans: whatever metadata there is of it, editable or not, is not found.
WITHOUT_METADATA = """
import importlib.metadata, runpy, sys
from importlib.metadata import distributions
found = [one for one in distributions() if one.metadata["Name"] != "imgtrans"]
importlib.metadata.distributions = lambda **_: iter(found)
importlib.metadata.Distribution.discover = classmethod(lambda *_, **__: iter(found))
sys.argv[0] = "imgtrans"
runpy.run_module("imgtrans", run_name="__main__")
"""


def test_a_bare_source_tree_translates_a_picture(tmp_path: Path, home: Path):
    shutil.copytree(Path(imgtrans.__file__).parent, tmp_path / "tree" / "imgtrans")
    photo = save(tmp_path / "photo.png", 40, 32)
    for arguments in (["plugins"], ["run", photo, "-o", tmp_path / "out.png", "--device", "cpu"]):
        ended = subprocess.run(
            [sys.executable, "-c", WITHOUT_METADATA, *arguments],
            cwd=tmp_path / "tree",
            env=os.environ | {"PYTHONPATH": str(tmp_path / "tree")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        if arguments == ["plugins"]:
            listed = {tuple(line.split("\t")[:3]) for line in ended.stdout.splitlines()}
            assert {("architectures", "resnet", "imgtrans"), ("backends", "eager", "imgtrans")} <= listed
    assert (tmp_path / "out.png").exists()
