"""Folders in, scores out: what is worse scores worse, and who is in the way is named."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from imgtrans.errors import FilesError, UsageError
from imgtrans.quality.evaluation import Evaluation, Request, evaluate
from tests.pictures import save
from tests.quality.conftest import Make, cold, warm


def scored(fake: Path, real: Path, **others: Any) -> Evaluation:
    return evaluate(Request(fake, real, **{"device": "cpu", **others}), lambda text: None, lambda done, total: None)


def values(evaluation: Evaluation) -> dict[tuple[str, str], float]:
    return {(score.extractor, score.name): score.value for score in evaluation.scores}


@pytest.fixture
def data(tmp_path: Path, make: Make) -> Iterator[Path]:
    """A data set of warm and cold pictures."""
    torch.manual_seed(0)
    folder = tmp_path / "data"
    for domain, kind, first in (("A", warm, 0), ("B", cold, 100)):
        make(folder / f"train{domain}", kind, 20, first)
        make(folder / f"test{domain}", kind, 14, first + 50)
    yield folder


def test_kid_with_its_interval_comes_first_for_each_extractor(data: Path, make: Make, tmp_path: Path):
    make(tmp_path / "fakes", cold, 12, 500)
    result = scored(tmp_path / "fakes", data / "testB")
    names = [(score.extractor, score.name) for score in result.scores]
    statistics = [("statistics", name) for name in ("kid", "fid", "precision", "recall")]
    learnt = [
        (extractor, name)
        for extractor in ("classifier", "classifier-luminance")
        for name in ("kid", "fid", "precision", "recall", "taken_for_real")
    ]
    assert names == statistics + learnt
    for score in result.scores:
        assert (score.low is not None) == (score.high is not None) == (score.name == "kid")
    assert result.pictures == (12, 14)


def test_two_halves_of_one_set_are_no_distance_apart_and_another_kind_is(data: Path, make: Make, tmp_path: Path):
    make(tmp_path / "half", cold, 24, 300)
    make(tmp_path / "other half", cold, 24, 400)
    same = scored(tmp_path / "half", tmp_path / "other half", data=data, extractors=("statistics", "classifier"))
    for score in same.scores:
        if score.name == "kid":
            assert score.low is not None and score.high is not None
            assert score.low <= 0 <= score.high
    make(tmp_path / "warm", warm, 24, 300)
    other = scored(tmp_path / "warm", tmp_path / "half", data=data, extractors=("statistics", "classifier"))
    kid = next(score for score in other.scores if score.name == "kid")
    assert kid.low is not None and kid.low > 0
    assert values(other)["statistics", "fid"] > values(same)["statistics", "fid"]
    assert values(other)["classifier", "taken_for_real"] < 0.2
    assert values(same)["classifier", "taken_for_real"] > 0.8


def test_without_a_data_set_what_needs_none_looks(tmp_path: Path, make: Make):
    make(tmp_path / "a", warm, 10)
    make(tmp_path / "b", cold, 10)
    assert {score.extractor for score in scored(tmp_path / "a", tmp_path / "b").scores} == {"statistics"}
    with pytest.raises(UsageError, match="learns from pictures of both kinds, and there are none") as caught:
        scored(tmp_path / "a", tmp_path / "b", extractors=("classifier",))
    assert caught.value.hint == "give the data set that the model was trained on: --data DATA"


def test_structure_is_that_of_each_fake_and_what_it_was_made_of(tmp_path: Path, make: Make):
    fakes = make(tmp_path / "fakes", cold, 12)
    make(tmp_path / "reals", cold, 12, 100)
    for n, fake in enumerate(fakes):
        save(tmp_path / "inputs" / f"{fake.stem}.jpg", 80, 80, seed=n, quality=95)
    of_its_own = scored(tmp_path / "fakes", tmp_path / "reals", input=tmp_path / "inputs")
    assert values(of_its_own)["gradients", "structure"] > 0.7
    for n, fake in enumerate(fakes):
        save(tmp_path / "inputs" / f"{fake.stem}.jpg", 80, 80, seed=n + 1)
    of_others = scored(tmp_path / "fakes", tmp_path / "reals", input=tmp_path / "inputs")
    assert values(of_others)["gradients", "structure"] < 0.6
    with pytest.raises(FilesError, match=r"no picture in .* is called like one in"):
        scored(tmp_path / "reals", tmp_path / "fakes", input=save(tmp_path / "c" / "x.png").parent)


def test_two_inputs_of_one_name_are_told_by_their_suffix(tmp_path: Path, make: Make):
    fakes = make(tmp_path / "fakes", cold, 10)
    for n, fake in enumerate(fakes):
        save(tmp_path / "inputs" / fake.name, 40, 40, seed=n)
        Image.new("L", (40, 40)).save(tmp_path / "inputs" / f"{fake.stem}.jpg")
    made = scored(tmp_path / "fakes", tmp_path / "fakes", input=tmp_path / "inputs")
    assert values(made)["gradients", "structure"] > 0.7


@pytest.mark.parametrize(("count", "said"), [(1, "1 picture that can"), (9, "9 pictures that can")])
def test_too_few_pictures_are_one_sentence(tmp_path: Path, make: Make, count: int, said: str):
    make(tmp_path / "few", warm, count)
    make(tmp_path / "many", warm, 12)
    for folders in (("few", "many"), ("many", "few")):
        with pytest.raises(FilesError, match=f"few has {said} be read, and scores need at least 10 of each kind"):
            scored(*(tmp_path / folder for folder in folders))


def test_broken_pictures_are_left_out_and_may_leave_too_few(tmp_path: Path, make: Make):
    fakes = make(tmp_path / "fakes", warm, 11)
    make(tmp_path / "reals", warm, 12)
    fakes[0].write_bytes(fakes[0].read_bytes()[:70])
    result = scored(tmp_path / "fakes", tmp_path / "reals")
    assert result.pictures == (10, 12)
    assert [*result.left_out] == [fakes[0]]
    fakes[1].write_bytes(fakes[1].read_bytes()[:70])
    with pytest.raises(FilesError, match="9 pictures that can be read"):
        scored(tmp_path / "fakes", tmp_path / "reals")


def test_of_more_pictures_than_the_limit_some_are_drawn_and_that_is_said(tmp_path: Path, make: Make):
    make(tmp_path / "fakes", warm, 14)
    make(tmp_path / "reals", warm, 10)
    result = scored(tmp_path / "fakes", tmp_path / "reals", limit=12)
    assert result.pictures == (12, 10)
    assert f"12 of the 14 pictures in {tmp_path / 'fakes'} are looked at (--limit)" in result.doubts


def test_few_pictures_and_a_classifier_that_guesses_are_doubted(tmp_path: Path, make: Make):
    for folder in ("trainA", "trainB", "testB"):
        make(tmp_path / folder, warm, 16, 100 * len(folder) + ord(folder[-1]))
    doubts = scored(tmp_path / "testB", tmp_path / "testB", data=tmp_path).doubts
    assert any(doubt.startswith("16 pictures of a kind are few") for doubt in doubts)
    assert any("tells pictures of both kinds apart with" in doubt for doubt in doubts)


def test_what_is_scored_is_not_learnt_from(data: Path):
    with pytest.raises(UsageError, match="trainB cannot be both scored and learnt from"):
        scored(data / "testA", data / "trainB", data=data)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"extractors": ("vgg",)}, "there is no extractor 'vgg'"),
        ({"weights": Path("w.pth")}, "it is not clear of which"),
    ],
)
def test_an_extractor_that_is_not_clear_is_refused(data: Path, given: dict[str, Any], said: str):
    with pytest.raises(UsageError, match=said):
        scored(data / "testA", data / "testB", **given)


def test_progress_comes_to_an_end(data: Path):
    steps: list[tuple[int, int]] = []
    request = Request(data / "testA", data / "testB", data / "testA", extractors=("statistics",))
    evaluate(request, lambda text: None, lambda done, total: steps.append((done, total)))
    assert steps[-1] == (14 + 14 + 28, 14 + 14 + 28)
    assert np.all(np.diff([done for done, _ in steps]) > 0)
