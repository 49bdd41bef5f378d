"""Every reading of a file that may be the true one is heard, and the most natural one comes first."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from imgtrans.errors import FilesError, UsageError
from imgtrans.zoo.audition import audition, check_sheet, write_sheet
from imgtrans.zoo.loading import load_network
from imgtrans.zoo.recognising import Recognised, recognise
from imgtrans.zoo.store import find
from tests.architectures import foreign

FILE = "net.pth"


@pytest.fixture
def tiny_one(tmp_path: Path) -> Recognised:
    torch.manual_seed(0)
    torch.save(foreign.junyanz(block="block", nearest=True, blocks=1).state_dict(), tmp_path / FILE)
    return recognise(tmp_path / FILE)


def test_every_candidate_can_be_imported_by_what_it_is_said_to_assume(tiny_one: Recognised):
    candidates = audition(tiny_one)
    assert len({one.said for one in candidates}) == len(candidates) > 10
    assert "nothing, as by default" in {one.said for one in candidates}
    for one in candidates:
        changed = tiny_one.assuming(one.assume)
        assert (changed.recognition.assumed == tiny_one.recognition.assumed) == (one.assume == {})
    for expected in ({"head": "sigmoid", "value_range": "0,1"}, {"unnormalised": "stem"}, {"upsampling": "bilinear"}):
        assert expected in [one.assume for one in candidates]
    assert [one.score for one in candidates] == sorted((one.score for one in candidates), reverse=True)
    assert all(len(one.pictures) == 3 for one in candidates)


@pytest.mark.parametrize("name", ["summer2winter", "winter2summer"])
def test_a_model_that_is_what_is_assumed_of_it_comes_first_as_by_default(name: str):
    best, *others = audition(recognise(find(name).weights))
    assert best.assume == {}
    assert best.naturalness.doubts() == []
    assert any(one.naturalness.doubts() for one in others)


def test_a_model_whose_file_says_nothing_of_its_head_is_doubted_by_default_and_right_with_it(tmp_path: Path):
    network = load_network(find("winter2summer"))
    last = network.model[-2]
    last.weight.mul_(0.5)  # so that no head is about what tanh was
    last.bias.mul_(0.5).add_(3.0)
    torch.save(network.state_dict(), tmp_path / FILE)
    found = recognise(tmp_path / FILE)
    ranked = audition(found.assuming({"value_range": "-1,1"}))
    default = next(one for one in ranked if not one.assume)
    assert default.naturalness.doubts()
    assert ranked[0].assume != {}


def test_a_sheet_has_a_row_for_the_photographs_and_each_candidate(tiny_one: Recognised, tmp_path: Path):
    candidates = audition(tiny_one)
    write_sheet(candidates, tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.format == "PNG"
        pixels = np.asarray(sheet.convert("RGB"))
    row = 22 + 160 + 8
    assert pixels.shape[0] == 8 + row * (len(candidates) + 1)
    for n, one in enumerate(candidates, 1):
        top = 8 + n * row + 22
        assert (pixels[top : top + 160, 8 : 8 + 284] == one.pictures[0]).all()


def test_a_sheet_does_not_replace_a_file_and_is_a_png(tmp_path: Path):
    (tmp_path / "there.png").write_bytes(b"")
    with pytest.raises(FilesError, match="is there already"):
        check_sheet(tmp_path / "there.png")
    with pytest.raises(UsageError, match=r"is no .png"):
        check_sheet(tmp_path / "net.pth")
    with pytest.raises(FilesError, match="there is no folder"):
        check_sheet(tmp_path / "no" / "sheet.png")
