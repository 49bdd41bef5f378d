"""The names and signatures that other programs rely on; a change here breaks somebody's code."""

import inspect
from dataclasses import fields

import pytest

import imgtrans
from imgtrans import models
from imgtrans.batch.asked import Request, described

CARD = [
    "name", "source", "target", "architecture", "parameters", "sha256", "assumed", "value_range", "output_range",
    "channel_order", "training_size", "working_size", "steps", "package", "data_set", "licence", "provenance", "date",
    "training", "metrics",
]  # fmt: skip
PATH = "str | os.PathLike[str]"
LOAD = (
    f"(model: {PATH} = 'summer2winter', *, device: str = 'auto', precision: str = 'auto', backend: str = 'auto', "
    "option: collections.abc.Sequence[str] = (), "
    "size: str | int = 'auto', upsample: str = 'guided', strength: float = 1.0, batch_size: int | None = None, "
    f"tiling: str = 'auto', memory: str = '', scratch: {PATH} | None = None) -> 'Model'"
)
RUN = (
    f"(self, inputs: {PATH} | collections.abc.Iterable[{PATH}] = (), output: {PATH} | None = None, *, "
    "format: str = 'keep', quality: int | None = None, alpha: str = 'keep', keep_gray: bool = False, depth: int = 8, "
    "suffix: str = '', include: collections.abc.Sequence[str] = (), exclude: collections.abc.Sequence[str] = (), "
    f"include_outputs: bool = False, limit: int | None = None, files_from: {PATH} | None = None, null: bool = False, "
    f"max_pixels: int | None = None, frames: str = 'all', journal: {PATH} | None = None, overwrite: bool = False, "
    "force: bool = False, "
    "retry_failed: bool = False, shard: str = '') -> collections.abc.Generator[imgtrans.api.results.Result]"
)
MODELS = {
    "export": f"(name: str, path: {PATH}, to: str = 'safetensors', *, layout: str = '', "
    "overwrite: bool = False) -> pathlib.Path",
    "find": "(name: str) -> imgtrans.card.Card",
    "folder": "(name: str = '') -> pathlib.Path",
    "import_checkpoint": f"(path: {PATH}, name: str = '', *, network: str = '', "
    "assume: collections.abc.Mapping[str, str] | None = None, source: str = '', target: str = '', licence: str = '', "
    "working_size: int = 0) -> imgtrans.card.Card",
    "list": "() -> list[imgtrans.card.Card]",
    "pull": "(reference: str, name: str = '', *, sha256: str = '', accept_changed: bool = False, "
    "catalogues: collections.abc.Sequence[str] = (), "
    "progress: collections.abc.Callable[[int, int | None], None] = <function <lambda>>) -> imgtrans.card.Card",
    "remove": "(name: str) -> None",
    "rename": "(old: str, new: str) -> imgtrans.card.Card",
}


def test_the_names_are_these():
    assert sorted(imgtrans.__all__) == [
        "Card", "Discriminator", "GeneratorResNet", "ImageDataset", "Model", "ResidualBlock", "Result", "__version__",
        "errors", "load", "models", "to_rgb", "weights_init_normal",
    ]  # fmt: skip
    assert sorted(models.__all__) == sorted(MODELS)
    public = [name for name in vars(imgtrans.Model) if not name.startswith("_")]
    assert sorted([*public, *imgtrans.Model.__annotations__]) == ["card", "close", "device", "run"]
    assert [one.name for one in fields(imgtrans.Result)] == ["input", "output", "status", "error", "note", "pixels"]
    assert [one.name for one in fields(imgtrans.Card)] == CARD


def test_the_signatures_are_these():
    assert spelled(imgtrans.load) == LOAD
    assert spelled(imgtrans.Model.__call__) == "(self, image: Any) -> Any"
    assert spelled(imgtrans.Model.run) == RUN
    assert spelled(imgtrans.Model.close) == "(self) -> None"
    assert {name: spelled(getattr(models, name)) for name in models.__all__} == MODELS


def spelled(function: object) -> str:
    """Return a signature as text, without where a nameless function lies."""
    text = str(inspect.signature(function)).replace("typing.", "")
    head, found, rest = text.partition("<function <lambda> at ")
    return f"{head}<function <lambda>>{rest.partition('>')[2]}" if found else head


@pytest.mark.parametrize("name", ["inputs", *described(Request)])
def test_every_option_of_the_command_is_one_here_with_the_same_default(name: str):
    of_load, of_run = inspect.signature(imgtrans.load).parameters, inspect.signature(imgtrans.Model.run).parameters
    (found,) = [one[name] for one in (of_load, of_run) if name in one]
    assert found.default == getattr(Request(), name)
