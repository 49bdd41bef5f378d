"""``-O NAME.KEY=VALUE`` and ``[backends.NAME]``: options that a plugin's backend has of its own."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgtrans.registry import implementations
from imgtrans.zoo.store import Model
from tests.conftest import Ended
from tests.pictures import save

Cli = Callable[..., Ended]

LIGHT = """
from dataclasses import dataclass, replace
from pathlib import Path
import numpy as np
import torch
from imgtrans.protocols import option


@dataclass(frozen=True)
class Options:
    add: int = option(0, "How much lighter pictures become.", decides=True)
    threads: int = option(0, "Threads.")
    kind: str = option("plain", "Which.", choices=("plain", "odd"))
    half: bool = option(False, "Whether.")
    share: float = option(1.0, "How much.")
    folder: Path = option(Path(), "Pictures.", decides=True)

    def __post_init__(self):
        if self.threads < 0:
            raise ValueError(f"threads is {self.threads}, which is less than none")


class Session:
    reason = ""

    def __init__(self, network, options):
        self.network, self.options = network, options

    @torch.inference_mode()
    def run(self, pictures):
        top = np.iinfo(pictures.dtype).max
        x = torch.from_numpy(pictures.astype(np.float32)).permute(0, 3, 1, 2) / (top / 2) - 1
        y = ((self.network(x) + 1) * (top / 2)).round().clamp(0, top - self.options.add).permute(0, 2, 3, 1)
        return y.numpy().astype(pictures.dtype) + pictures.dtype.type(self.options.add)


class Backend:
    name = "light"
    Options = Options

    def __init__(self, options=Options()):
        self.options = options

    def configured(self, options):
        return Backend(options)

    def open(self, network, device, precision):
        assert precision is torch.float32
        return Session(network, self.options)


backend = Backend()
"""


@pytest.fixture(autouse=True)
def _light(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package with the backend ``light``."""
    info = tmp_path / "site" / "light_plugin-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: light-plugin\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[imgtrans.backends]\nlight = light_plugin:backend\n")
    (tmp_path / "site" / "light_plugin.py").write_text(LIGHT)
    monkeypatch.delitem(sys.modules, "light_plugin", raising=False)
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.chdir(tmp_path)
    implementations.cache_clear()
    yield
    implementations.cache_clear()


@pytest.fixture
def photo(tmp_path: Path, tiny_model: Model) -> Path:
    return save(tmp_path / "photos" / "a.png", 40, 32)


def translated(cli: Cli, photo: Path, *given: object) -> np.ndarray:
    ended = cli("run", "photos", "-m", "tiny", "-o", "out", "--device", "cpu", *given)
    assert ended.code == 0, ended.err
    return np.asarray(Image.open(photo.parent.parent / "out" / "a.png")).astype(int)


def test_an_option_reaches_the_backend_and_what_it_decides_is_made_again(cli: Cli, photo: Path):
    plain = translated(cli, photo, "--backend", "light")
    lighter = translated(cli, photo, "--backend", "light", "-O", "light.add=9")
    assert np.array_equal(lighter, np.minimum(plain, 255 - 9) + 9)
    assert np.array_equal(translated(cli, photo, "--backend", "light", "-O", "light.add=9", "-O", "light.add=3"),
                          np.minimum(plain, 255 - 3) + 3)  # fmt: skip


def test_what_only_changes_how_it_is_computed_makes_nothing_again(cli: Cli, photo: Path):
    translated(cli, photo, "--backend", "light", "-O", "light.add=9")
    others = ("light.threads=2", "light.kind=odd", "light.half=yes", "light.share=0.5")
    given = [word for text in ("light.add=9", *others) for word in ("-O", text)]
    ended = cli("run", "photos", "-m", "tiny", "-o", "out", "--backend", "light", *given)
    assert ended.code == 0
    assert "nothing to do" in ended.err


def test_a_folder_that_decides_is_known_by_what_is_in_it(cli: Cli, photo: Path, tmp_path: Path):
    given = ("run", "photos", "-m", "tiny", "-o", "out", "--backend", "light", "-O", "light.folder=seen")
    assert cli(*given).code == 4
    save(tmp_path / "seen" / "b.png", 16, 16)
    assert "1 translated" in cli(*given).err
    assert "nothing to do" in cli(*given).err
    save(tmp_path / "seen" / "c.png", 16, 16)
    assert "1 translated" in cli(*given).err


def test_the_configuration_sets_options_and_the_command_line_wins(cli: Cli, photo: Path, tmp_path: Path):
    plain = translated(cli, photo, "--backend", "light")
    (tmp_path / "imgtrans.toml").write_text('run.backend = "light"\n[backends.light]\nadd = 9\nshare = 1\n')
    assert np.array_equal(translated(cli, photo), np.minimum(plain, 255 - 9) + 9)
    assert np.array_equal(translated(cli, photo, "-O", "light.add=3"), np.minimum(plain, 255 - 3) + 3)
    translated(cli, photo, "--backend", "eager", "--force")  # what it says of others does no harm


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["-O", "light.ad=9"], "--option sets light.ad, which light does not have\ndid you mean 'add'?"),
        (["-O", "light.add=much"], "--option sets light.add=much, which is not a whole number"),
        (["-O", "light.half=maybe"], "--option sets light.half=maybe, which is not true or false"),
        (["-O", "light.kind=even"], "--option sets light.kind=even\nuse plain, odd"),
        (["-O", "light.threads=-1"], "light: threads is -1, which is less than none"),
        (["-O", "light"], "--option is 'light'\nwrite it as NAME.KEY=VALUE"),
        (["-O", "magic.add=9"], "--option sets magic.add, and there is no 'magic'"),
        (["-O", "eager.add=9"], "--option sets eager.add, and eager is not used\nname it with --backend eager"),
        (["--backend", "eager", "-O", "eager.add=9"], "eager has no options of its own"),
        (["--tiling", "exact"], "light computes whole pictures and cannot stream"),
    ],
)
def test_what_cannot_be_set_is_refused(cli: Cli, photo: Path, given: list[str], sentence: str):
    ended = cli("run", "photos", "-m", "tiny", "-o", "out", "--backend", "light", *given)
    assert ended.code in (2, 5)
    assert sentence in ended.err.replace("\n  ", "\n")


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("[backends.light]\nad = 9\n", "unknown key 'ad' in [backends.light]"),
        ('[backends.light]\nadd = "9"\n', "'add' in [backends.light] must be a whole number, not '9'"),
        ('[backends.light]\nkind = "even"\n', "'kind' in [backends.light] is 'even'"),
        ("[backends]\nadd = 9\n", "'backends' holds tables, one for each that it says something of"),
    ],
)
def test_a_configuration_that_says_what_cannot_be_is_refused(cli: Cli, photo: Path, table: str, sentence: str):
    Path("imgtrans.toml").write_text(table)
    ended = cli("run", "photos", "-m", "tiny", "-o", "out", "--backend", "light")
    assert ended.code == 2
    assert sentence in ended.err


def test_large_pictures_are_streamed_by_imgtrans_itself_and_that_is_said(cli: Cli, photo: Path):
    ended = cli("run", "photos", "-m", "tiny", "-o", "out", "--backend", "light", "--device", "cpu")
    assert "on cpu in float32, light, larger pictures than" in ended.err
    assert "megapixels streamed by imgtrans itself" in ended.err


def test_what_options_there_are_is_listed(cli: Cli):
    rows = dict(line.split("\t") for line in cli("plugins", "--options").out.splitlines())
    assert rows["light.add=a whole number [0]"] == "How much lighter pictures become."
    assert "light.kind=plain|odd [plain]" in rows
    assert "light.half=true|false [false]" in rows
    assert "light.folder=a path" in rows
    listed = [json.loads(line) for line in cli("plugins", "--options", "--json").out.splitlines()]
    assert {one["name"] for one in listed} >= {"light"}


def test_info_measures_with_options_and_compares_all_that_are_installed(
    cli: Cli, tiny_model: Model, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("imgtrans.streaming.prepared.LIMIT", 0.0)
    one = cli("models", "info", "tiny", "--measure", "--device", "cpu", "--backend", "light", "-O", "light.threads=1")
    assert " s on cpu in float32, light" in one.out
    out = cli(
        "models", "info", "tiny", "--measure", "--device", "cpu", "--backend", "all", "-O", "light.add=9", "--json"
    ).out
    found = {row["backend"]: row for row in json.loads(out.splitlines()[-1])["backends"]}
    assert found["eager"]["largest"] == 0
    assert found["eager"]["seconds"] > 0
    assert 9 / 257 <= found["light"]["largest"] <= 10 / 257
    assert not found["prepared"]["works"]
    assert "the prepared network differs from the plain one" in found["prepared"]["note"]
    assert cli("models", "info", "tiny", "--backend", "light").code == 2
