"""``model.run`` is ``imgtrans run``: the same bytes and journal, with results as they come."""

import sqlite3
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

import imgtrans
from imgtrans.api import results as module
from imgtrans.errors import FilesError, OptionError, UsageError
from imgtrans.zoo.store import Model as Stored
from tests.pictures import save

Cli = Callable[..., object]


@pytest.fixture
def model(tiny_model: Stored) -> Iterator[imgtrans.Model]:
    with imgtrans.load("tiny", backend="eager") as loaded:
        yield loaded


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for number, name in enumerate(["a.png", "b.jpg", "deep/c.png", "deep/d.tif"]):
        save(folder / name, 40 + number, 30, seed=number)
    (folder / "broken.png").write_bytes((folder / "a.png").read_bytes()[:60])
    (folder / "notes.txt").write_text("no picture")
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".imgtrans" not in path.parts
    }


def journal(folder: Path) -> list[tuple[object, ...]]:
    """All that the journal keeps of pictures, but for when files were written."""
    with sqlite3.connect(folder / ".imgtrans" / "journal.sqlite") as database:
        tables = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
        rows = []
        for table in sorted(tables):
            columns = [name for _, name, *_ in database.execute(f"pragma table_info({table})")]
            kept = [
                name for name in columns if not any(part in name for part in ("mtime", "began", "ended", "started"))
            ]
            rows += [(table, *row) for row in database.execute(f"select {', '.join(kept)} from {table}")]
    database.close()
    return sorted(rows, key=repr)


def test_outputs_and_journal_are_those_of_the_command_which_then_finds_nothing_to_do(
    cli: Cli, model: imgtrans.Model, photos: Path, tmp_path: Path
) -> None:
    found = {one.input.name: one for one in model.run(photos, tmp_path / "ours")}
    assert cli("run", photos, "-m", "tiny", "-o", tmp_path / "theirs", "--backend", "eager").code == 1
    assert files(tmp_path / "ours") == files(tmp_path / "theirs")
    assert len(files(tmp_path / "ours")) == 4
    assert journal(tmp_path / "ours") == journal(tmp_path / "theirs")
    assert {name: one.status for name, one in found.items()} == {
        "a.png": "translated", "b.jpg": "translated", "c.png": "translated", "d.tif": "translated",
        "broken.png": "failed",
    }  # fmt: skip
    assert "broken.png" in found["broken.png"].error
    assert found["c.png"].output == tmp_path / "ours" / "deep" / "c.png"
    assert found["c.png"].pixels == 42 * 30
    (photos / "broken.png").unlink()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "ours").rglob("*.*") if path.is_file()}
    ended = cli("run", photos, "-m", "tiny", "-o", tmp_path / "ours", "--backend", "eager", "--json")
    assert ended.code == 0
    assert ended.out.count('"status": "skipped"') == 4 and 'translated"' not in ended.out.replace('"translated": 0', "")
    assert all(path.stat().st_mtime_ns == time for path, time in before.items() if ".imgtrans" not in path.parts)


def test_what_the_command_has_done_is_skipped(cli: Cli, model: imgtrans.Model, photos: Path) -> None:
    (photos / "broken.png").unlink()
    assert cli("run", photos, "-m", "tiny").code == 0
    assert {one.status for one in model.run(photos)} == {"skipped"}
    assert {one.status for one in model.run(str(photos), force=True)} == {"translated"}


def test_who_stops_drawing_stops_the_run_and_the_next_does_the_rest(model: imgtrans.Model, tmp_path: Path) -> None:
    for number in range(40):
        save(tmp_path / "in" / f"{number:02}.png", 64, 64, seed=number)
    threads, children = threading.active_count(), psutil.Process().children(recursive=True)
    drawn = model.run(tmp_path / "in", tmp_path / "out")
    first = next(drawn)
    drawn.close()
    assert threading.active_count() <= threads
    assert psutil.Process().children(recursive=True) == children
    assert not [path for path in (tmp_path / "out").rglob("*") if "imgtrans-" in path.name]
    rest = [*model.run(tmp_path / "in", tmp_path / "out")]
    assert len(rest) == 40
    assert first.output in [one.output for one in rest if one.status == "skipped"]
    assert len(files(tmp_path / "out")) == 40


def test_a_run_that_nobody_draws_from_begins_nothing(model: imgtrans.Model, photos: Path) -> None:
    drawn = model.run(photos)
    assert not photos.with_name("photos-tiny").exists()
    drawn.close()
    assert not photos.with_name("photos-tiny").exists()


def test_a_slow_reader_holds_the_run_up_and_loses_nothing(
    model: imgtrans.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AHEAD", 1)
    for number in range(30):
        save(tmp_path / "in" / f"{number:02}.png", seed=number)
    assert len([*model.run(tmp_path / "in")]) == 30
    assert [one.status for one in model.run(tmp_path / "in")] == ["skipped"] * 30
    skipped = model.run(tmp_path / "in")
    next(skipped)
    skipped.close()  # while both threads of the run wait for somebody to draw


def test_runs_of_several_threads_go_on_side_by_side(model: imgtrans.Model, tmp_path: Path) -> None:
    for number in range(3):
        save(tmp_path / f"in{number}" / "a.png", seed=number)
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda n=n: found.extend(one.status for one in model.run(tmp_path / f"in{n}")))
        for n in range(3)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert found == ["translated"] * 3


def test_what_is_wrong_is_an_error_before_anything_begins(model: imgtrans.Model, tmp_path: Path) -> None:
    save(tmp_path / "in" / "a.png")
    with pytest.raises(FilesError, match="nowhere is not there"):
        model.run(tmp_path / "nowhere")
    with pytest.raises(OptionError, match=r"^format is 'bmp'") as refusal:
        model.run(tmp_path / "in", format="bmp")
    assert refusal.value.__notes__ == ["use keep, jpg, png, webp, avif or tiff"]
    with pytest.raises(UsageError, match="there is nothing to translate"):
        model.run([])


def test_an_output_folder_in_use_is_an_error_of_the_first_result(model: imgtrans.Model, photos: Path) -> None:
    first = model.run(photos)
    next(first)
    with pytest.raises(FilesError, match="in use"):
        next(model.run(photos))
    first.close()


def test_two_inputs_for_one_output_are_an_error_after_everything_else(model: imgtrans.Model, tmp_path: Path) -> None:
    for name in ("one/a.png", "one/a.bmp", "two/b.png"):
        save(tmp_path / "in" / name)
    drawn, found = model.run(tmp_path / "in", format="jpg"), []
    with pytest.raises(FilesError, match=r"a\.jpg"):
        found.extend(drawn)
    print(found)


def test_what_is_unwise_is_a_warning(model: imgtrans.Model, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = module.run

    def warning(prepared: object, listener: module._Telling, report: object) -> object:
        listener.warned("that is unwise")
        return run(prepared, listener, report)

    monkeypatch.setattr(module, "run", warning)
    with pytest.warns(UserWarning, match="that is unwise"):
        assert len([*model.run(photos)]) == 5
    with warnings.catch_warnings(), pytest.raises(UserWarning, match="that is unwise"):
        warnings.simplefilter("error")
        [*model.run(photos)]


@pytest.mark.parametrize("interrupt", ["raise KeyboardInterrupt", "import signal; signal.raise_signal(signal.SIGINT)"])
def test_a_ctrl_c_in_somebodys_loop_ends_it_and_leaves_nothing(
    tiny_model: Stored, tmp_path: Path, interrupt: str
) -> None:
    for number in range(12):
        save(tmp_path / "in" / f"{number:02}.png", 64, 64, seed=number)
    script = f"""
import imgtrans
with imgtrans.load("tiny", backend="eager") as model:
    for result in model.run({str(tmp_path / "in")!r}):
        print(result.status, flush=True)
        {interrupt}
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120)
    assert ended.stdout == "translated\n"
    assert ended.stderr.endswith("KeyboardInterrupt\n") and ended.stderr.count("Traceback") == 1
    assert not [path for path in tmp_path.rglob("*") if "imgtrans-" in path.name]
