"""What a power cut asks for: content on disk, rename, folder on disk, and only then the journal says done."""

import os
from collections.abc import Iterable
from pathlib import Path

import pytest
import torch

from imgtrans import translate
from imgtrans.architectures.resnet import GeneratorResNet
from imgtrans.backends.eager import backend
from imgtrans.batch.commit import commit
from imgtrans.batch.plan import Recipe
from imgtrans.files import temporary_beside
from imgtrans.journal.writing import Entry, Journal
from imgtrans.protocols import Item, Job, Outcome
from tests.pictures import save

JOB = Job(size=None, multiple=4, smallest=8, max_pixels=10**6, max_working_pixels=10**6)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="which file is synced is read from /proc")
def test_a_picture_is_on_the_disk_before_its_name_and_its_name_before_the_journal_says_done(
    tmp_path: Path, tiny_network: GeneratorResNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From reading to done in one process, with all that the system is asked to do in its order."""
    picture = save(tmp_path / "photos" / "a.png")
    out = tmp_path / "out"
    out.mkdir()
    status = picture.stat()
    item = Item(picture, out / "a.png", b"a.png", b"a.png", "PNG", status.st_size, status.st_mtime_ns)
    temporary = temporary_beside(item.output)
    calls: list[tuple[str, ...]] = []
    fsync, replace, record = os.fsync, os.replace, Journal.record

    def recorded_fsync(descriptor: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        size = path.stat().st_size
        calls.append(("fsync", str(path)))
        fsync(descriptor)
        assert path.stat().st_size == size > 0

    def recorded_replace(source: Path, target: Path) -> None:
        calls.append(("replace", str(source), str(target)))
        replace(source, target)

    def recorded_record(journal: Journal, entries: Iterable[Entry]) -> None:
        entries = list(entries)
        record(journal, entries)
        calls.extend(("journal", entry.state) for entry in entries)

    monkeypatch.setattr(os, "fsync", recorded_fsync)
    monkeypatch.setattr(os, "replace", recorded_replace)
    monkeypatch.setattr(Journal, "record", recorded_record)
    session = backend.open(tiny_network, torch.device("cpu"), torch.float32)
    prepared = translate.read(item, JOB)
    (pixels,) = translate.compute(session, [translate.padded(prepared, JOB)])
    assert not isinstance(pixels, Exception)
    translate.write(prepared, [pixels], temporary)
    with Journal(out) as journal:
        (outcome,) = commit([Outcome(item, temporary, pixels=1)], Recipe("model", "settings"), journal)
    assert outcome.error == ""
    assert calls == [
        ("fsync", str(temporary)),
        ("journal", "writing"),
        ("replace", str(temporary), str(item.output)),
        ("fsync", str(out)),
        ("journal", "done"),
    ]


def test_what_the_journal_says_is_on_the_disk_when_it_has_been_said(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        assert journal._database.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL: each commit is synced
        assert journal._database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert journal._database.isolation_level is None  # and none is put off
