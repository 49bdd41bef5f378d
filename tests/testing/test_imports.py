"""A plugin that reaches behind the public API is told where."""

from pathlib import Path

import pytest

from imgtrans.testing import PUBLIC, check_imports

PLUGINS = Path(__file__).parents[2] / "plugins"


def test_the_public_modules_may_be_imported(tmp_path: Path):
    lines = [f"import {module}\nfrom {module} import *" for module in PUBLIC]
    (tmp_path / "plugin.py").write_text("\n".join(["import torch", "from . import sibling", *lines]))
    (tmp_path / "names.py").write_text("from imgtrans import to_rgb, protocols\n")
    check_imports(tmp_path)


@pytest.mark.parametrize(
    ("line", "module"),
    [
        ("import imgtrans.zoo", "imgtrans.zoo"),
        ("import torch, imgtrans.zoo.store as s", "imgtrans.zoo.store"),
        ("from imgtrans.registry import implementation", "imgtrans.registry"),
        ("from imgtrans import to_rgb, checkpoint", "imgtrans.checkpoint"),
        ("def late():\n    from imgtrans.cli import app", "imgtrans.cli"),
    ],
)
def test_nothing_else_may(tmp_path: Path, line: str, module: str):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "plugin.py").write_text(line)
    with pytest.raises(AssertionError, match=rf"plugin\.py, line \d, imports {module}; public are imgtrans, "):
        check_imports(tmp_path)


def test_a_folder_without_sources_is_no_package(tmp_path: Path):
    with pytest.raises(AssertionError, match="holds no Python files"):
        check_imports(tmp_path)


@pytest.mark.parametrize("package", sorted(PLUGINS.glob("imgtrans-*/imgtrans_*")), ids=lambda path: path.name)
def test_the_plugins_that_come_with_imgtrans_stand_on_it_alone(package: Path):
    check_imports(package)
