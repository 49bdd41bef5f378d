"""Somebody without root's rights, for tests of what may not be read or written."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

NOBODY = 65534


@pytest.fixture
def nobodys() -> Iterator[Path]:
    """A folder whose owner runs the test: root, who may read all, becomes nobody for it."""
    folder = Path(tempfile.mkdtemp())  # root's tmp_path may not be entered by others
    root = os.name != "nt" and os.geteuid() == 0
    if root:
        os.chown(folder, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
        for path in [folder, *folder.rglob("*")]:
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o700)
        shutil.rmtree(folder)
