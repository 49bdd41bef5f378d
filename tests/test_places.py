from pathlib import Path

import pytest

from imgtrans.places import home, state_folder


def test_a_tilde_in_the_variable_is_the_home_folder(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("IMGTRANS_HOME", "~/zoo")
    assert home() == Path.home() / "zoo"


def test_without_the_variable_the_platform_says_where(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("IMGTRANS_HOME")
    assert home().is_absolute()
    assert "imgtrans" in home().parts
    assert state_folder().is_absolute() and "imgtrans" in state_folder().parts
    monkeypatch.setenv("IMGTRANS_HOME", "")  # set but empty is as good as not set
    assert "imgtrans" in home().parts


def test_what_imgtrans_remembers_is_in_its_home_too() -> None:
    assert state_folder().is_relative_to(home())
