"""The public names: lazily imported, all there, and nothing is paid for what is not used."""

import importlib
import subprocess
import sys

import pytest

import imgtrans

DECK = ["Discriminator", "GeneratorResNet", "ImageDataset", "ResidualBlock", "to_rgb", "weights_init_normal"]


def test_the_decks_names_can_be_imported():
    assert {*DECK} <= {*imgtrans.__all__}
    for name in imgtrans.__all__:
        assert getattr(imgtrans, name) is not None


@pytest.mark.parametrize("name", DECK)
def test_a_public_name_is_the_thing_itself(name: str):
    home = importlib.import_module(imgtrans._HOME_OF[name])
    assert getattr(imgtrans, name) is getattr(home, name)
    assert getattr(imgtrans, name).__name__ == name


def test_all_public_names_are_listed_once_each_where_people_look():
    assert sorted(imgtrans.__all__) == dir(imgtrans)
    assert {*imgtrans._HOME_OF, *imgtrans._MODULES, "__version__"} == {*imgtrans.__all__}


@pytest.mark.parametrize("name", imgtrans._MODULES)
def test_a_public_module_needs_no_import_of_its_own(name: str):
    script = f"import imgtrans; print(imgtrans.{name}.__name__)"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout == f"imgtrans.{name}\n"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'imgtrans' has no attribute 'nonsense'"):
        imgtrans.nonsense  # noqa: B018
    with pytest.raises(ImportError):
        from imgtrans import nonsense  # noqa: F401


def test_importing_imgtrans_imports_neither_torch_nor_anything_else_that_is_heavy():
    script = "import sys, imgtrans; print(*{'torch', 'torchvision', 'numpy', 'PIL', 'rich', 'typer'} & {*sys.modules})"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == []


def test_asking_for_a_network_is_what_imports_torch():
    script = "import sys; from imgtrans import to_rgb; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)
