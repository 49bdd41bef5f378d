"""Disks that are small, full or read-only, where root may make them."""

import os
import subprocess
from pathlib import Path

import pytest


class SmallDisk:
    """A disk of its own below a folder.

    Args:
        folder: The folder, which is made.
        size: As mount knows it: ``1m``.
    """

    def __init__(self, folder: Path, size: str) -> None:
        self.path = folder
        folder.mkdir()
        if os.name == "nt" or os.geteuid() != 0:
            pytest.skip("only root can make a small disk")
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("a small disk cannot be made here")

    def change(self, options: str) -> None:
        """Mount it again with other options: ``size=64m`` or ``ro``."""
        subprocess.run(["mount", "-o", f"remount,{options}", self.path], check=True)

    def fill(self, but: int = 0) -> None:
        """Leave so many bytes free."""
        free = os.statvfs(self.path)
        (self.path / "filler").write_bytes(bytes(max(0, free.f_bavail * free.f_bsize - but)))

    def files(self) -> list[str]:
        """Return what is on it, but for the filler and locks."""
        files = (path for path in self.path.rglob("*") if path.is_file())
        return sorted(
            str(path.relative_to(self.path)) for path in files if "lock" not in path.name and path.name != "filler"
        )

    def close(self) -> None:
        """Take it away."""
        subprocess.run(["umount", "-l", self.path], check=True)
