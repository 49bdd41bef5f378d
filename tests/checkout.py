"""The scripts of ``scripts/`` as modules, whatever they are called."""

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent


def script(name: str) -> ModuleType:
    """Import a script; the test is skipped where there are none, or a library that it needs is missing."""
    path = ROOT / "scripts" / name
    if not path.is_file():
        pytest.skip("the scripts are in the repository, and in the source distribution")
    loader = SourceFileLoader(name.partition(".")[0], str(path))
    spec = spec_from_loader(loader.name, loader)
    assert spec
    module = module_from_spec(spec)
    try:
        loader.exec_module(module)
    except ModuleNotFoundError as error:
        pytest.skip(f"{error.name} is not installed")
    return module
