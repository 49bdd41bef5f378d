"""Presets are settings that a training can have, and what is given beside them wins."""

import pytest

from imgtrans.errors import UsageError
from imgtrans.training.options import TrainOptions
from imgtrans.training.presets import PRESETS, combined, preset


@pytest.mark.parametrize("name", PRESETS)
def test_each_preset_is_a_training(name: str):
    options = TrainOptions(**preset(name).settings)
    assert all(getattr(options, key) == value for key, value in preset(name).settings.items())


def test_the_paper_is_the_defaults():
    assert TrainOptions(**preset("paper").settings) == TrainOptions()


def test_a_name_that_is_nearly_one_is_helped():
    with pytest.raises(UsageError) as refused:
        preset("photos")
    assert (refused.value.message, refused.value.hint) == ("there is no preset 'photos'", "did you mean 'photo'?")


def test_later_settings_win_and_steps_and_epochs_replace_each_other():
    assert combined({"ngf": 1, "crop": 64}, {"ngf": 2}) == {"ngf": 2, "crop": 64}
    assert combined({"steps": 5}, {"epochs": 2}) == {"epochs": 2}
    assert combined({"epochs": 2, "decay_epochs": 1}, {"steps": 5}) == {"steps": 5}
    assert combined({"epochs": 2}, {"ngf": 1}) == {"epochs": 2, "ngf": 1}
