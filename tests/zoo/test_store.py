"""The zoo: models are found by name, whole or absent, and what comes with imgtrans stays."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from imgtrans.card import Card
from imgtrans.errors import FilesError, ModelError, UsageError
from imgtrans.files import sha256_of
from imgtrans.zoo import store
from imgtrans.zoo.store import Model, check_free, find, install, is_path, models, models_folder, removable, remove

CARD = Card("mine", "day", "night", "resnet", {"channels": 3}, "")


def write(path: Path) -> None:
    path.write_bytes(b"weights")


@pytest.fixture(autouse=True)
def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of bundled models with one in it, ``shipped``."""
    folder = tmp_path / "bundled"
    (folder / "shipped").mkdir(parents=True)
    (folder / "shipped" / store.WEIGHTS_FILE).write_bytes(b"bundled weights")
    (folder / "shipped" / store.CARD_FILE).write_text(replace(CARD, name="shipped").to_toml())
    monkeypatch.setattr(store, "_BUNDLED", folder)
    return folder


def names() -> list[str]:
    return [model.name for model in models()]


def put(name: str, card: str) -> Path:
    """Put a model into the user's folder without asking ``install``."""
    folder = models_folder() / name
    folder.mkdir(parents=True)
    (folder / store.CARD_FILE).write_text(card)
    return folder


# Where


def test_a_variable_moves_the_zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    install(CARD, write)
    assert "mine" in names()
    monkeypatch.setenv("IMGTRANS_HOME", str(tmp_path / "elsewhere"))
    assert models_folder() == tmp_path / "elsewhere" / "models"
    assert "mine" not in names()
    install(CARD, write)
    assert (tmp_path / "elsewhere" / "models" / "mine" / store.WEIGHTS_FILE).exists()


# Listing and finding


def test_bundled_models_come_first_then_the_users_by_name():
    for name in ("b", "a"):
        install(replace(CARD, name=name), write)
    assert names() == ["shipped", "a", "b"]
    assert [model.bundled for model in models()] == [True, False, False]


def test_a_zoo_that_does_not_exist_yet_is_empty():
    assert names() == ["shipped"]
    assert not models_folder().exists()


def test_an_unknown_model_says_which_ones_there_are():
    install(CARD, write)
    with pytest.raises(ModelError) as refusal:
        find("quite-something-else")
    assert refusal.value.message == "there is no model called 'quite-something-else'"
    assert refusal.value.hint == "models here: shipped, mine"


def test_an_unknown_model_suggests_the_nearest():
    with pytest.raises(ModelError) as refusal:
        find("shiped")
    assert refusal.value.hint.startswith("did you mean shipped?")


@pytest.mark.parametrize("name", ["", ".", "..", "../models/mine", "/", "mine\n", ".imgtrans-00.tmp"])
def test_what_is_no_name_finds_nothing(name: str):
    install(CARD, write)
    with pytest.raises(ModelError, match="there is no model called"):
        find(name)


@pytest.mark.parametrize(
    "card",
    [
        "this is no TOML",
        "",
        'name = "x"',
        CARD.to_toml().replace('"day"', "5"),
        CARD.to_toml().replace("working_size = 0", 'working_size = "large"'),
        CARD.to_toml().replace("-1.0,", '"low",'),
        CARD.to_toml().replace("1.0,", ""),
    ],
    ids=["no TOML", "empty", "incomplete", "a number for a text", "a text for a number", "odd range", "empty range"],
)
def test_a_broken_card_does_not_spoil_the_list(card: str):
    install(CARD, write)
    put("broken", card)
    assert names() == ["shipped", "mine"]
    with pytest.raises(ModelError, match=r"broken.card\.toml is not a readable model card"):
        find("broken")


def test_a_card_of_bytes_that_are_no_text_does_not_spoil_the_list():
    (put("broken", "") / store.CARD_FILE).write_bytes(b"name = '\xff'")
    assert names() == ["shipped"]


def test_other_files_in_the_zoos_folder_are_no_models():
    install(CARD, write)
    (models_folder() / "README").write_text("hello")
    (models_folder() / "empty").mkdir()
    assert names() == ["shipped", "mine"]


def test_a_model_has_the_name_that_it_is_found_by():
    put("copied", replace(CARD, name="original").to_toml())
    assert names() == ["shipped", "copied"]
    assert find("copied").name == "copied"


# Bundled models


def test_a_bundled_model_is_shadowed_by_nothing():
    put("shipped", replace(CARD, name="shipped", source="an impostor").to_toml())
    assert find("shipped").bundled
    assert [(model.name, model.card.source) for model in models()] == [("shipped", "day")]


def test_a_bundled_models_name_cannot_be_taken():
    with pytest.raises(FilesError, match=r"'shipped' comes with imgtrans$"):
        install(replace(CARD, name="shipped"), write)
    assert not models_folder().exists()


def test_a_bundled_model_cannot_be_removed(bundled: Path):
    with pytest.raises(ModelError, match="'shipped' comes with imgtrans and cannot be removed or renamed"):
        remove("shipped")
    assert (bundled / "shipped" / store.WEIGHTS_FILE).exists()


def test_removing_an_impostors_folder_is_not_removing_the_bundled_model():
    folder = put("shipped", replace(CARD, name="shipped").to_toml())
    with pytest.raises(ModelError):
        remove("shipped")
    assert folder.exists()


# Installing and removing


def test_an_installed_model_is_known_by_the_hash_of_its_weights():
    model = install(CARD, write)
    assert model == find("mine")
    assert model.card.sha256 == sha256_of(model.weights)
    assert model.weights.read_bytes() == b"weights"
    assert not model.bundled


@pytest.mark.parametrize("failure", [RuntimeError("no"), KeyboardInterrupt(), SystemExit(143)])
def test_an_install_that_fails_leaves_nothing(failure: BaseException):
    def broken(path: Path) -> None:
        path.write_bytes(b"half of it")
        raise failure

    with pytest.raises(type(failure)):
        install(CARD, broken)
    assert list(models_folder().iterdir()) == []
    install(CARD, write)  # and the name is free
    assert names() == ["shipped", "mine"]


def test_an_install_onto_a_full_disk_says_so():
    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(FilesError, match=r"cannot be written to .*: No space left on device"):
        install(CARD, full)
    assert list(models_folder().iterdir()) == []


def test_a_model_is_not_seen_before_it_is_whole():
    def look(path: Path) -> None:
        write(path)
        assert names() == ["shipped"]
        with pytest.raises(ModelError):
            find("mine")

    install(CARD, look)
    assert names() == ["shipped", "mine"]


def test_what_a_killed_install_left_is_not_listed():
    install(CARD, write)
    leftover = models_folder() / ".imgtrans-0123456789abcdef.tmp"
    (models_folder() / "mine").rename(leftover)
    assert names() == ["shipped"]


def test_of_two_installs_at_once_one_wins_and_the_other_says_so():
    def slow(path: Path) -> None:
        write(path)
        install(replace(CARD, source="the quicker"), write)

    with pytest.raises(FilesError, match="'mine' is in the zoo already"):
        install(CARD, slow)
    assert find("mine").card.source == "the quicker"
    assert [path.name for path in models_folder().iterdir()] == ["mine"]


def test_a_zoo_that_cannot_be_made_is_an_error_about_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("IMGTRANS_HOME", str(tmp_path / "file"))
    with pytest.raises(FilesError, match="cannot be written"):
        install(CARD, write)


def test_a_removed_model_is_gone_and_its_name_free():
    install(CARD, write)
    remove("mine")
    assert names() == ["shipped"]
    assert list(models_folder().iterdir()) == []
    check_free("mine")


def test_what_is_not_there_cannot_be_removed():
    with pytest.raises(ModelError, match="there is no model called 'mine'"):
        remove("mine")


@pytest.mark.skipif(os.name == "nt", reason="POSIX links")
def test_removing_a_linked_model_removes_the_link_alone(tmp_path: Path):
    model = install(CARD, write)
    away = tmp_path / "away"
    model.weights.parent.rename(away)
    model.weights.parent.symlink_to(away)
    remove("mine")
    assert (away / store.WEIGHTS_FILE).exists()
    assert names() == ["shipped"]


# Names and paths


@pytest.mark.parametrize("name", ["a", "summer2winter", "v1.2_final+x-y", "3", "A" * 100, "model.v2"])
def test_it_is_a_name(name: str):
    check_free(name)
    assert not is_path(name)


@pytest.mark.parametrize(
    "name",
    ["", ".hidden", "-x", "a b", "a/b", "../a", "a\n", "é", "A" * 101, "net.pth", "net.PT", "net.safetensors", "a:b"],
)
def test_it_is_not_a_name(name: str):
    with pytest.raises(UsageError, match="cannot be a model's name"):
        check_free(name)
    with pytest.raises(UsageError):
        install(replace(CARD, name=name), write)


@pytest.mark.parametrize(
    "reference", ["./tiny", "runs/tiny", "/models/tiny", "net.pth", "net.pt", "NET.PTH", "net.safetensors", "a.ckpt"]
)
def test_it_is_a_path(reference: str):
    assert is_path(reference)


@pytest.mark.parametrize("reference", ["tiny", "net.v2", "pth", "safetensors", ".pth"])
def test_it_is_no_path(reference: str):
    assert not is_path(reference)


def test_a_model_of_the_zoo_has_its_cards_name():
    assert Model(CARD, Path("w")).name == "mine"


# Broken models and leftovers


@pytest.mark.parametrize("card", ["this is no TOML", None], ids=["broken", "missing"])
def test_a_model_whose_card_cannot_be_read_can_be_removed(card: str | None):
    folder = put("broken", card or "")
    if card is None:
        (folder / store.CARD_FILE).unlink()
    assert removable("broken") == folder
    remove("broken")
    assert list(models_folder().iterdir()) == []
    check_free("broken")


@pytest.mark.parametrize("name", ["", ".", "..", "../models", "/", "file"])
def test_what_is_no_model_cannot_be_removed(name: str):
    install(CARD, write)
    (models_folder() / "file").touch()
    with pytest.raises(ModelError, match="there is no model called"):
        remove(name)
    assert names() == ["shipped", "mine"]


def test_what_a_kill_left_is_swept_by_the_next_install_and_what_is_fresh_is_not():
    install(CARD, write)
    stale, fresh = (models_folder() / f".imgtrans-{digit * 16}.tmp" for digit in "01")
    for folder in (stale, fresh):
        folder.mkdir()
        write(folder / store.WEIGHTS_FILE)
    for path in (stale, stale / store.WEIGHTS_FILE, fresh):  # in the fresh one a download is growing
        os.utime(path, (time.time() - 3601,) * 2)
    install(replace(CARD, name="next"), write)
    assert sorted(path.name for path in models_folder().iterdir()) == [fresh.name, "mine", "next"]


# Other names


def test_a_renamed_model_is_the_same_under_another_name():
    before = install(CARD, write)
    model = store.rename("mine", "yours")
    assert model == find("yours")
    assert replace(model.card, name="mine") == before.card
    assert names() == ["shipped", "yours"]
    check_free("mine")


def test_a_rename_does_not_write_over_another_model():
    for name in ("mine", "yours"):
        install(replace(CARD, name=name, source=name), write)
    (models_folder() / "empty").mkdir()  # which a rename would replace without a word
    for new in ("yours", "shipped", "empty", "mine"):
        with pytest.raises(FilesError, match=f"a model called '{new}'"):
            store.rename("mine", new)
    assert [(model.name, model.card.source) for model in models()][1:] == [("mine", "mine"), ("yours", "yours")]


def test_what_cannot_be_a_name_is_no_new_name():
    install(CARD, write)
    with pytest.raises(UsageError, match=r"'\.\./yours' cannot be a model's name"):
        store.rename("mine", "../yours")
    assert names() == ["shipped", "mine"]


def test_a_bundled_model_cannot_be_renamed(bundled: Path):
    with pytest.raises(ModelError, match="'shipped' comes with imgtrans and cannot be removed or renamed"):
        store.rename("shipped", "mine")
    assert (bundled / "shipped").is_dir()


def test_what_is_not_there_cannot_be_renamed():
    with pytest.raises(ModelError, match="there is no model called 'mine'"):
        store.rename("mine", "yours")


# Broken models have names and folders, too


def test_broken_models_are_named_and_other_folders_are_not():
    install(CARD, write)
    put("broken", "no card")
    (models_folder() / "cardless").mkdir()
    write(models_folder() / "cardless" / store.WEIGHTS_FILE)
    (models_folder() / "empty").mkdir()
    put(".imgtrans-0123456789abcdef.tmp", CARD.to_toml())
    assert store.names() == ["shipped", "broken", "cardless", "mine"]
    assert store.folder_of("cardless") == models_folder() / "cardless"
    for name in ("empty", "../models/mine", ""):
        with pytest.raises(ModelError, match="there is no model called"):
            store.folder_of(name)


def test_a_bundled_models_name_is_there_once(bundled: Path):
    put("shipped", CARD.to_toml())
    assert store.names() == ["shipped"]
    assert store.folder_of("shipped") == bundled / "shipped"


def test_a_staging_that_others_have_swept_is_an_error_and_no_half_model(monkeypatch: pytest.MonkeyPatch):
    def sweep(folder: Path, now: float) -> None:
        for path in folder.glob(f"*/{store.WEIGHTS_FILE}"):
            path.unlink()

    monkeypatch.setattr(store, "sweep", sweep)
    with pytest.raises(FilesError, match="cannot be written"):
        install(CARD, write)
    assert names() == ["shipped"]
    assert list(models_folder().iterdir()) == []


@pytest.mark.parametrize(
    ("file", "name"),
    [("net.pth", "net"), ("a/net.pth.tar", "net"), ("net.v2.pt", "net.v2"), ("net", "net"), (".pth", ".pth")],
)
def test_a_model_is_called_after_its_file(file: str, name: str):
    assert store.name_of(Path(file)) == name
