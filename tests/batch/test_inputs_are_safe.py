"""Wherever outputs go and whatever links there are: no file that was there before a run is changed by it."""

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgtrans.batch.asked import Request
from imgtrans.batch.request import prepare
from imgtrans.batch.run import run
from imgtrans.errors import FilesError, UsageError
from imgtrans.zoo.store import Model
from tests.batch.test_run import Listener
from tests.pictures import save

NAMES = st.sampled_from(["in", "out", "a.png", "b.png"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(lambda parts: os.path.join(*parts))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pictures=st.lists(PATHS, min_size=1, max_size=6, unique=True),
    links=st.lists(st.tuples(PATHS, PATHS), max_size=2),
    named=st.lists(PATHS, min_size=1, max_size=2),
    output=st.one_of(st.none(), PATHS, st.just(".")),
    suffix=st.sampled_from(["", "-w"]),
)
def test_no_input_is_ever_written_to(
    tmp_path_factory: pytest.TempPathFactory,
    tiny: Model,
    pictures: list[str],
    links: list[tuple[str, str]],
    named: list[str],
    output: str | None,
    suffix: str,
) -> None:
    folder = tmp_path_factory.mktemp("w")
    for number, name in enumerate(pictures):
        _try(lambda path, seed=number: save(path, 8, 8, seed=seed, format="PNG"), folder / name)
    for place, target in links:
        _try(lambda path, target=target: path.symlink_to(folder / target), folder / place)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    inputs = [folder / name for name in named]
    asked = Request(
        inputs,
        "tiny",
        None if output is None else folder / output,
        device="cpu",
        suffix=suffix,
        overwrite=True,
        force=True,
        include_outputs=True,
    )
    with contextlib.suppress(FilesError, UsageError):
        run(prepare(asked), Listener())
    named_by_user = [path for path in before if any(path == one or path.is_relative_to(one) for one in inputs)]
    assert {path: path.read_bytes() for path in named_by_user} == {path: before[path] for path in named_by_user}
    for root in (one for one in inputs if one.is_dir()):  # and nothing new is put there
        assert {os.path.realpath(path) for path in root.rglob("*") if path.is_file()} <= {
            os.path.realpath(path) for path in before
        }


def _try(make: object, path: Path) -> None:
    with contextlib.suppress(OSError):  # a part of it is a file already, or it is there
        path.parent.mkdir(parents=True, exist_ok=True)
        make(path)  # type: ignore[operator]


@pytest.mark.parametrize(("inner", "output"), [("in/in/a.png", "."), ("in/sub/a.png", "in/out"), ("in/a.png", "out")])
def test_outputs_that_would_fall_on_inputs_are_refused_before_anything_is_written(
    tmp_path: Path, tiny: Model, inner: str, output: str
) -> None:
    save(tmp_path / "in" / "a.png")
    save(tmp_path / inner, seed=1)
    (tmp_path / "out").symlink_to("in")  # as on a file system that ignores case
    with pytest.raises(FilesError, match="which is an input"):
        prepare(Request([tmp_path / "in"], "tiny", tmp_path / output, overwrite=True))
    assert not list(tmp_path.rglob(".imgtrans"))
