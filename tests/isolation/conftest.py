"""Packages with faults, installed for a test and for the processes that it starts."""

import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from imgtrans.registry import implementations

Install = Callable[[str, str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a package ``imgtrans-NAME`` with one thing called NAME in a group; its module has it as ``made``."""
    site = tmp_path / "site"
    site.mkdir()

    def install(group: str, name: str, source: str) -> None:
        module = f"imgtrans_{name}"
        info = site / f"{module}-1.5.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: imgtrans-{name}\nVersion: 1.5\n")
        (info / "entry_points.txt").write_text(f"[imgtrans.{group}]\n{name} = {module}:made\n")
        (site / f"{module}.py").write_text(source)
        monkeypatch.delitem(sys.modules, module, raising=False)

    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PYTHONPATH", str(site))
    implementations.cache_clear()
    yield install
    implementations.cache_clear()


@pytest.fixture
def aloud() -> Iterator[None]:
    """Have warnings be told as the program tells them, and be no errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        yield
