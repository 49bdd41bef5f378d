"""Architectures with faults: a file of another's is known all the same, and a model of theirs says whose it is."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from imgtrans.card import Card
from imgtrans.errors import PluginError
from imgtrans.zoo.architecture import architecture_called
from imgtrans.zoo.store import Model
from imgtrans.zoo.store import install as put
from tests.conftest import TINY_PARAMETERS, Ended
from tests.isolation.conftest import Install
from tests.pictures import save

Cli = Callable[..., Ended]

# The tiny generator under another name, with a fault somewhere.
ARCHITECTURE = """
import torch
from imgtrans import GeneratorResNet
class Faulty(GeneratorResNet):
    def forward(self, x):
        y = super().forward(x)
        {forward}
class Architecture:
    name = {name!r}
    def recognise(self, shapes):
        {recognise}
    def build(self, parameters):
        {build}
    def multiple(self, parameters):
        return {multiple}
    def smallest(self, parameters):
        return 8
    def layouts(self, parameters):
        return {{}}
    def bytes_per_pixel(self, parameters):
        return {memory}
    def examples(self):
        return []
made = Architecture()
"""


def source(name: str, **faults: str) -> str:
    whole = {
        "forward": "return y",
        "recognise": "return None",
        "build": "return Faulty((3, 0, 0), 1, ngf=4)",
        "multiple": "4",
        "memory": "1000.0",
    }
    return ARCHITECTURE.format(**{"name": name, **whole, **faults})


@pytest.fixture
def model_of(home: Path, tiny_weights: Path) -> Callable[[str], Model]:
    """Put the tiny generator's weights into the zoo as a model of an architecture."""

    def make(name: str) -> Model:
        card = Card(name, "day", "night", name, dict(TINY_PARAMETERS), "", package=f"imgtrans-{name}")
        return put(card, lambda path: shutil.copyfile(tiny_weights, path))

    return make


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("return 1 / 0", "failed: ZeroDivisionError: division by zero"),
        ("raise SystemExit(9)", "failed: SystemExit: 9"),
        ("return 'mine'", "recognises a file as str"),
        ("print('mine?'); raise KeyError(shapes)", "failed: KeyError"),
    ],
)
def test_one_that_fails_on_a_file_is_named_and_another_knows_the_file(
    fault: str, said: str, cli: Cli, install: Install, tiny_weights: Path, aloud: None
):
    install("architectures", "bad", source("bad", recognise=fault))
    ended = cli("models", "import", tiny_weights, "--name", "mine")
    assert f"weights.safetensors: the architecture 'bad' of the package imgtrans-bad {said}" in ended.err
    assert (ended.code, ended.out) == (0, "mine\n")


@pytest.mark.parametrize(
    ("faults", "code", "said"),
    [
        ({"build": "return 1 / 0"}, 5, "the architecture 'bad' of the package imgtrans-bad failed: ZeroDivisionError"),
        ({"build": "return 'a network'"}, 5, "the architecture 'bad' of the package imgtrans-bad builds str and no"),
        (
            {"build": "raise ValueError('ngf is 4')"},
            3,
            "does not hold the network that the card of 'bad' says: ngf is 4",
        ),
        ({"multiple": "'four'"}, 5, "the architecture 'bad' of the package imgtrans-bad answers multiple with str"),
        (
            {"multiple": "0"},
            5,
            "the architecture 'bad' of the package imgtrans-bad says that sides have a multiple of 0",
        ),
        ({"memory": "-1.0"}, 5, "the package imgtrans-bad says that it takes -1.0 bytes for each pixel"),
        ({"forward": "return y * torch.nan"}, 1, "the network of imgtrans_bad makes numbers that are not finite"),
        ({"forward": "return y[:, :2]"}, 1, "the network of imgtrans_bad makes 1x2x16x24, which are no pictures"),
        ({"forward": "return 'pictures'"}, 1, "the network of imgtrans_bad makes str, which are no pictures"),
        ({"forward": "raise KeyError('layer')"}, 1, "KeyError: 'layer' (in imgtrans_bad)"),
    ],
)
def test_a_model_of_one_with_a_fault_says_whose_it_is(
    faults: dict[str, str],
    code: int,
    said: str,
    cli: Cli,
    install: Install,
    model_of: Callable[[str], Model],
    tmp_path: Path,
):
    install("architectures", "bad", source("bad", **faults))
    model_of("bad")
    photo = save(tmp_path / "a.png")
    ended = cli("run", photo, "-m", "bad", "--tiling", "off")
    assert ended.code == code
    assert said in ended.err
    assert "bug in imgtrans" not in ended.err
    assert not (tmp_path / "a-bad.png").exists()


def test_one_without_faults_is_guarded_and_translates(
    cli: Cli, install: Install, model_of: Callable[[str], Model], tmp_path: Path
):
    install("architectures", "good", source("good"))
    model_of("good")
    save(tmp_path / "a.png")
    assert cli("run", tmp_path / "a.png", "-m", "good").code == 0
    guarded = architecture_called("good")
    assert guarded.layouts({}) == {} and guarded.examples() == []
    assert architecture_called("resnet").__module__.startswith("imgtrans.architectures")
    guarded._architecture.examples = lambda: {}
    with pytest.raises(PluginError, match=r"the architecture 'good' of the package imgtrans-good answers .* with dict"):
        guarded.examples()
