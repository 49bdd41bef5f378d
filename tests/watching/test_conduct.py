from pathlib import Path

import pytest

from imgtrans.errors import OptionError
from imgtrans.watching.conduct import Conduct


@pytest.mark.parametrize(
    ("option", "settings"),
    [
        ("settle", {"settle": -1.0}),
        ("retries", {"retries": -1}),
        ("on_done_timeout", {"on_done_timeout": 0.0}),
        ("delete", {"delete": True, "archive": Path("x")}),
        ("mirror_deletes", {"mirror_deletes": True, "delete": True}),
        ("mirror_deletes", {"mirror_deletes": True, "archive": Path("x")}),
        ("on_done", {"on_done": "'"}),
        ("idle_unload", {"idle_unload": float("nan")}),
        ("idle_unload", {"idle_unload": 0.0}),
    ],
)
def test_what_makes_no_sense_is_told_before_anything_is_done(option: str, settings: dict[str, object]) -> None:
    with pytest.raises(OptionError) as told:
        Conduct(**settings)
    assert told.value.option == option


@pytest.mark.parametrize("name", ["archive", "failed"])
def test_what_is_moved_is_not_found_again(tmp_path: Path, name: str) -> None:
    inbox, output = tmp_path / "inbox", tmp_path / "out"
    inbox.mkdir()
    (tmp_path / "link").symlink_to(inbox)
    for folder in (inbox, inbox / "done", tmp_path, tmp_path / "link" / "done", output, output / "done"):
        with pytest.raises(OptionError) as told:
            Conduct(**{name: folder}).check_folders(inbox, output)
        assert told.value.option == name
    Conduct(**{name: tmp_path / "inbox2"}).check_folders(inbox, output)
    Conduct().check_folders(inbox, output)
