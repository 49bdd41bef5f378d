"""What is wrong with a training is found before PyTorch is there."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from imgtrans.errors import FilesError, ImgtransError, ModelError, UsageError
from imgtrans.training.beforehand import check_beforehand, doubts_beforehand, remarks_beforehand
from imgtrans.training.data.remarks import GOOD
from imgtrans.zoo.store import Model


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"device": "abacus"}, UsageError), ({"precision": "float8"}, UsageError), ({"seed": 10**22}, UsageError),
        ({"scale_jitter": float("nan")}, UsageError), ({"init": "tinny"}, ModelError),
        ({"init": "./gone.pth"}, ModelError),
    ],
)  # fmt: skip
def test_an_option_that_cannot_be_is_refused(
    data: Path, tmp_path: Path, tiny_model: Model, given: dict[str, Any], error: type[ImgtransError]
):
    with pytest.raises(error):
        check_beforehand(data, tmp_path / "run", given, resume=False)
    check_beforehand(data, tmp_path / "run", {"init": "tiny"}, resume=False)


def test_pictures_to_show_must_be_there_where_their_folders_are(data: Path, tmp_path: Path):
    (data / "testA").mkdir()
    check_beforehand(data, tmp_path / "run", {}, resume=False)
    (data / "testB").mkdir()
    with pytest.raises(FilesError, match="testA holds no picture"):
        check_beforehand(data, tmp_path / "run", {}, resume=False)


@pytest.mark.parametrize(
    ("rate", "said"),
    [(1e6, "5,000,000,000 times the paper's"), (0.02, "100 times the paper's"), (0.0, "nothing will be learnt")],
)
def test_a_hopeless_learning_rate_is_said_before_it_is_used(rate: float, said: str):
    assert any(said in doubt for doubt in doubts_beforehand({"learning_rate": rate, "crop": 32}, resume=False))


def test_nothing_is_said_of_what_is_usual(data: Path):
    assert [*doubts_beforehand({"learning_rate": 3e-3, "crop": 32}, resume=False)] == []
    facts = [*remarks_beforehand(data, {"crop": 32})]
    assert [remark.state for remark in facts] == [GOOD, GOOD]


def test_what_a_short_look_shows_is_handed_on_and_two_identical_folders_are_refused(data: Path):
    (small, *_) = (remark for remark in remarks_beforehand(data, {"crop": 64}) if remark.state != GOOD)
    assert small.kind == "small"
    shutil.rmtree(data / "trainB")
    shutil.copytree(data / "trainA", data / "trainB")
    with pytest.raises(FilesError, match="hold the same pictures: there is nothing to learn"):
        [*remarks_beforehand(data, {})]


def test_it_does_without_torch():
    code = "import sys, imgtrans.training.beforehand, imgtrans.training.data.reader; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
