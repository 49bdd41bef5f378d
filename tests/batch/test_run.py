import errno
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from imgtrans.architectures.resnet import GeneratorResNet
from imgtrans.batch import run as module
from imgtrans.batch.asked import Request
from imgtrans.batch.plan import Decision, Tally
from imgtrans.batch.report import Report
from imgtrans.batch.request import Prepared, prepare
from imgtrans.batch.run import run
from imgtrans.cli.forecast import show_forecast
from imgtrans.console import Console
from imgtrans.errors import FilesError, ModelError, UsageError
from imgtrans.files import is_temporary
from imgtrans.protocols import Outcome
from imgtrans.zoo.importing import import_checkpoint
from imgtrans.zoo.store import CARD_FILE, Model, remove
from tests.pictures import noise, save


class Listener:
    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []
        self.files = 0
        self.told = threading.Event()

    def planned(self, tally: Tally, prepared: Prepared, engine: object) -> None:
        self.tally = tally

    def counted(self, files: int) -> None:
        self.files = files
        self.told.set()

    def ignored(self, decision: Decision) -> None:
        self.events.append((decision.item.input.name, decision.problem))

    def finished(self, outcome: Outcome, status: str) -> None:
        self.events.append((outcome.item.input.name, status))

    def looking(self, tally: Tally) -> None:
        self.tally = tally

    def streaming(self, share: float) -> None:
        self.events.append(("", "streaming"))

    def warned(self, text: str) -> None:
        self.events.append((text, "warned"))


def translate(folder: Path, **options: object) -> tuple[Report, list[tuple[str, str]]]:
    listener = Listener()
    report = run(prepare(Request([folder], "tiny", device="cpu", **options)), listener)  # type: ignore[arg-type]
    return report, sorted(listener.events)


@pytest.fixture
def photos(tmp_path: Path, tiny: Model) -> Path:
    folder = tmp_path / "photos"
    save(folder / "a.png", 24, 16)
    save(folder / "sub" / "b.jpg", 33, 17, seed=1)
    save(folder / "c.png", 24, 16, seed=2)
    return folder


def test_every_picture_comes_out_at_its_own_size_in_its_own_format(photos: Path) -> None:
    report, events = translate(photos)
    assert (report.translated, report.failed) == (3, 0)
    assert events == [("a.png", "translated"), ("b.jpg", "translated"), ("c.png", "translated")]
    for name in ("a.png", "sub/b.jpg", "c.png"):
        with Image.open(photos / name) as before, Image.open(photos.parent / "photos-tiny" / name) as after:
            assert (after.size, after.format, after.mode) == (before.size, before.format, "RGB")
            assert not np.array_equal(np.asarray(before), np.asarray(after))


def test_inputs_are_not_touched(photos: Path) -> None:
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in photos.rglob("*.*")}
    translate(photos)
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in photos.rglob("*.*")} == before


def test_a_second_run_does_nothing(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    translate(photos)
    monkeypatch.setattr(Prepared, "open_executor", lambda *_: pytest.fail("the model was loaded"))
    report, events = translate(photos)
    assert (report.translated, report.skipped) == (0, 3)
    assert {status for _, status in events} == {"skipped"}


def test_only_what_is_new_is_done(photos: Path) -> None:
    translate(photos)
    save(photos / "d.png", seed=5)
    report, _ = translate(photos)
    assert (report.translated, report.skipped) == (1, 3)


def test_a_failed_image_does_not_stop_the_others(photos: Path) -> None:
    whole = (photos / "sub" / "b.jpg").read_bytes()
    (photos / "half.jpg").write_bytes(whole[: len(whole) // 2])
    report, _ = translate(photos)
    assert (report.translated, report.failed) == (3, 1)
    assert "half.jpg" in report.failures[0][1]
    assert not (photos.parent / "photos-tiny" / "half.jpg").exists()


def test_a_failed_image_is_tried_again_by_the_next_run(photos: Path) -> None:
    (photos / "a.png").write_bytes((photos / "a.png").read_bytes()[:60])
    assert translate(photos)[0].failed == 1
    save(photos / "a.png")
    report, _ = translate(photos)
    assert (report.translated, report.skipped, report.failed) == (1, 2, 0)


def test_an_empty_folder_leaves_no_trace(tmp_path: Path, tiny: Model) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "notes.txt").write_text("")
    report, _ = translate(tmp_path / "photos")
    assert (report.translated, report.ignored) == (0, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos"]


def test_a_collision_leaves_no_trace(tmp_path: Path, tiny: Model) -> None:
    save(tmp_path / "photos" / "a.png")
    save(tmp_path / "photos" / "a.ico", width=16)
    with pytest.raises(FilesError, match="would both become"):
        translate(tmp_path / "photos")
    assert not (tmp_path / "photos-tiny").exists()


def test_a_collision_in_one_folder_does_not_stop_the_others(photos: Path) -> None:
    save(photos / "a.ico", width=16)
    report, events = translate(photos)
    assert events == [("b.jpg", "translated")]
    assert [f"{photos / 'a.ico'} and" in error.message for error in report.collisions] == [True]
    assert not (photos.parent / "photos-tiny" / "c.png").exists()


@pytest.mark.parametrize(("slow", "files"), [(True, 4), (False, 0)])
def test_files_are_counted_where_it_takes_long_to_find_out_what_they_are(
    photos: Path, monkeypatch: pytest.MonkeyPatch, slow: bool, files: int
) -> None:
    (photos / "notes.txt").write_text("not a picture")
    listener = Listener()
    decisions = Prepared.decisions

    def slowly(self: Prepared, *arguments: object) -> Iterator[Decision]:
        for number, decision in enumerate(decisions(self, *arguments)):  # type: ignore[arg-type]
            assert number != 1 or not slow or listener.told.wait(60)
            yield decision

    monkeypatch.setattr(Prepared, "decisions", slowly)
    monkeypatch.setattr(module, "PLANNING_SECONDS", 0.3 if slow else 60)
    report = run(prepare(Request([photos], "tiny", device="cpu")), listener)
    assert (report.translated, listener.files) == (3, files)


def test_stale_temporaries_are_swept(photos: Path) -> None:
    stale = photos.parent / "photos-tiny" / "sub" / ".imgtrans-0123456789abcdef.tmp"
    stale.parent.mkdir(parents=True)
    stale.write_text("left by a power cut")
    translate(photos)
    assert not stale.exists()


def test_a_picture_becomes_a_picture_beside_it(photos: Path) -> None:
    report, _ = translate(photos / "a.png")
    assert report.translated == 1
    assert (photos / "a-tiny.png").exists()


def test_a_file_where_an_output_folder_should_be_fails_what_belongs_there(photos: Path) -> None:
    (photos.parent / "photos-tiny").mkdir()
    (photos.parent / "photos-tiny" / "sub").write_text("in the way")
    report, events = translate(photos)
    assert (report.translated, report.failed) == (2, 1)
    assert ("b.jpg", "failed") in events


def test_a_dry_run_changes_nothing(photos: Path) -> None:
    console = Console(-1)
    assert show_forecast(prepare(Request([photos], "tiny")), console) == 0
    assert sorted(path.name for path in photos.parent.iterdir()) == ["photos"]


def test_the_change_is_carried_to_a_larger_picture(tmp_path: Path, tiny: Model) -> None:
    """At a smaller working size the picture's own detail stays: only what the network changed is added."""
    noise(256, 128).save(tmp_path / "a.png")
    translate(tmp_path / "a.png", size="64")
    with Image.open(tmp_path / "a-tiny.png") as after:
        assert after.size == (256, 128)


def test_sizes_that_make_no_sense_are_refused(photos: Path) -> None:
    for size in ("0", "big", "-5", "15", "1.5"):
        with pytest.raises(UsageError, match="--size"):
            prepare(Request([photos], "tiny", size=size))


def test_what_is_missing_is_said_before_anything_happens(photos: Path) -> None:
    with pytest.raises(FilesError, match="is not there"):
        prepare(Request([photos / "nowhere"], "tiny"))
    with pytest.raises(ModelError, match="no model called"):
        prepare(Request([photos], "nonesuch"))


def test_a_path_to_a_checkpoint_works_where_a_name_does(photos: Path, tiny: Model) -> None:
    report = run(prepare(Request([photos], str(tiny.weights), device="cpu")), Listener())
    assert report.translated == 3
    copy = photos.parent / "copy.safetensors"
    copy.write_bytes(tiny.weights.read_bytes())  # without the card beside it, the network is read off the file
    prepared = prepare(Request([photos], str(copy), device="cpu"))
    assert prepared.model.card.parameters.items() >= tiny.card.parameters.items()
    assert run(prepared, Listener()).translated == 3


def test_a_picture_too_large_for_the_network_says_which_size_would_do(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(photos / "large.png", 600, 400)
    monkeypatch.setattr("imgtrans.memory.NETWORK_SHARE", 1e-6)
    monkeypatch.setattr("imgtrans.memory.available_memory", lambda: 10_000_000_000)
    report, _ = translate(photos)
    assert report.failed == 4 or "--size" in report.failures[-1][1]
    assert any("large.png" in error and "--size" in error for _, error in report.failures)


def test_a_card_that_says_values_from_0_to_1_wins(photos: Path, tiny: Model, tiny_network: GeneratorResNet) -> None:
    card = replace(tiny.card, value_range=(0.0, 1.0))
    (tiny.weights.parent / CARD_FILE).write_text(card.to_toml())
    assert translate(photos)[0].translated == 3
    with Image.open(photos / "a.png") as image:
        x = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None] / 255
    expected = (tiny_network(x)[0].clamp(0, 1) * 255).round().permute(1, 2, 0).numpy()
    with Image.open(photos.parent / "photos-tiny" / "a.png") as image:
        assert np.abs(np.asarray(image).astype(float) - expected).max() <= 1


def test_another_value_range_is_another_translation(photos: Path, tiny: Model) -> None:
    translate(photos)
    (tiny.weights.parent / CARD_FILE).write_text(replace(tiny.card, value_range=(0.0, 1.0)).to_toml())
    assert translate(photos)[0].translated == 3
    assert translate(photos)[0].skipped == 3


def test_inputs_that_go_away_in_the_middle_fail_and_the_next_run_goes_on(photos: Path) -> None:
    for number in range(20):
        save(photos / f"{number}.png", seed=number)
    away = photos.with_name("away")

    class Unplugs(Listener):
        def finished(self, outcome: Outcome, status: str) -> None:
            super().finished(outcome, status)
            if photos.exists():
                photos.rename(away)

    listener = Unplugs()
    report = run(prepare(Request([photos], "tiny", device="cpu", batch_size=1)), listener)
    assert report.translated + report.failed == 23 and report.failed
    assert all("is not there any more" in error or "cannot be read" in error for _, error in report.failures)
    away.rename(photos)
    again, _ = translate(photos)
    assert (again.translated, again.skipped, again.failed) == (report.failed, report.translated, 0)


@pytest.mark.parametrize("number", [errno.ESTALE, errno.EIO, errno.EROFS])
def test_an_output_share_that_goes_away_ends_the_run_with_nothing_marked_as_failed(
    photos: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def gone(source: Path, target: Path) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch, pytest.raises(FilesError, match="cannot be written any more") as ended:
        patch.setattr("imgtrans.batch.commit.os.replace", gone)
        translate(photos)
    assert "see to it that it is there" in ended.value.hint
    assert not [path for path in (photos.parent / "photos-tiny").rglob("*") if is_temporary(path.name)]
    report, _ = translate(photos)
    assert (report.translated, report.failed) == (3, 0)


def test_outputs_of_the_same_weights_under_another_assumption_are_made_again(photos: Path, tiny_weights: Path) -> None:
    def outcome(**assume: str) -> tuple[int, int]:
        import_checkpoint(tiny_weights, "mine", assume=assume)
        report = run(prepare(Request([photos], "mine", device="cpu")), Listener())
        remove("mine")
        return report.translated, report.skipped

    first = outcome()
    assert first[0] > 0
    assert outcome() == (0, sum(first))
    assert outcome(head="none") == first
