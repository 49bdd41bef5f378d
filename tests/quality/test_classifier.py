"""The classifier of the very data: it learns what tells its domains apart, and says how well."""

from pathlib import Path

import numpy as np
import pytest
import torch

from imgtrans.errors import FilesError
from imgtrans.quality.classifier import Classifier, make_colour, make_luminance
from imgtrans.quality.extractor import Means
from imgtrans.quality.squares import batches
from tests.quality.conftest import Make, cold, rough, smooth, warm


def means(folder: Path, make: Make, kinds: tuple[object, object], **others: object) -> Means:
    kind_A, kind_B = kinds
    return Means(
        tuple(make(folder / "trainA", kind_A, 24)), tuple(make(folder / "trainB", kind_B, 24, 100)), **others  # type: ignore[arg-type]
    )  # fmt: skip


def share_of_B(classifier: Classifier, files: list[Path]) -> float:
    (squares,) = batches(files, [classifier.side], {})
    return float(classifier.in_B(classifier.features(squares[classifier.side])).mean())


def test_it_tells_new_pictures_of_both_domains_apart_and_says_how_well(tmp_path: Path, make: Make):
    said: list[str] = []
    classifier = make_colour(means(tmp_path, make, (warm, cold), say=said.append))
    assert classifier.accuracy > 0.9
    assert said == [f"classifier tells pictures that it has not learnt from apart with {classifier.accuracy:.0%}"]
    assert share_of_B(classifier, make(tmp_path / "new", warm, 10, 500)) < 0.2
    assert share_of_B(classifier, make(tmp_path / "new", cold, 10, 500)) > 0.8


def test_by_light_and_dark_alone_a_tint_tells_nothing_and_roughness_does(tmp_path: Path, make: Make):
    by_tint = make_luminance(means(tmp_path / "tint", make, (warm, lambda seed: cold(seed - 100))))
    assert by_tint.accuracy <= 0.7
    by_grain = make_luminance(means(tmp_path / "grain", make, (smooth, rough)))
    assert by_grain.accuracy > 0.9


def test_the_same_seed_gives_the_same_features_and_nobody_elses_draws_change(tmp_path: Path, make: Make):
    given = means(tmp_path, make, (warm, cold))
    squares = np.random.default_rng(0).uniform(0, 255, (3, 48, 48, 3)).astype(np.float32)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    features = [make_colour(given).features(squares) for _ in range(2)]
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(*features)
    other = make_colour(Means(given.files_A, given.files_B, seed=1)).features(squares)
    assert not np.array_equal(features[0], other)


def test_features_are_about_one_in_size(tmp_path: Path, make: Make):
    given = means(tmp_path, make, (warm, cold))
    (squares,) = batches(given.files_A + given.files_B[:8], [48], {})
    assert 0.3 < np.sqrt((make_colour(given).features(squares[48]) ** 2).mean()) < 3


def test_too_few_pictures_to_learn_from_are_refused(tmp_path: Path, make: Make):
    files = make(tmp_path / "trainA", warm, 7)
    with pytest.raises(FilesError, match=r"trainA has 7 pictures to learn from, and a classifier needs at least 8"):
        make_colour(Means(tuple(files), tuple(files)))
