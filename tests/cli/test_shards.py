"""``imgtrans run --shard`` and ``status`` over all of them; ``--report``."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from imgtrans.files import is_temporary
from imgtrans.journal import locks
from imgtrans.journal.writing import Journal
from imgtrans.zoo.store import Model
from tests.conftest import Ended
from tests.pictures import save

Cli = Callable[..., Ended]


@pytest.fixture
def photos(tmp_path: Path, tiny: Model) -> Path:
    """Eight pictures in two folders, and one that never was one."""
    for number in range(8):
        save(tmp_path / "photos" / f"{number % 2}" / f"{number}.png", seed=number)
    (tmp_path / "photos" / "none.jpg").write_text("no picture")
    return tmp_path / "photos"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def run(cli: Cli, tiny: Model, photos: Path, out: Path) -> Cli:
    """Run ``imgtrans run`` over the pictures."""
    return lambda *arguments: cli("run", photos, "-o", out, "-m", "tiny", "--device", "cpu", *arguments)


def outputs(out: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and ".imgtrans" not in path.parts
    }


def test_shards_make_together_what_a_whole_run_makes(run: Cli, out: Path):
    codes = [run("--shard", f"{number}/3", "-q").code for number in (1, 2, 3)]
    assert sorted(codes) == [0, 0, 1]  # the broken one is in one of them
    together = outputs(out)
    assert len(together) == 8
    assert run("--force", "-q").code == 1
    assert outputs(out) == together


def test_shards_at_the_same_time_do_not_disturb_each_other(run: Cli, out: Path, photos: Path):
    command = [sys.executable, "-m", "imgtrans", "run", photos, "-o", out, "-m", "tiny", "--device", "cpu", "-q"]
    processes = [subprocess.Popen([*command, "--shard", f"{number}/3"], stderr=subprocess.PIPE) for number in (1, 2, 3)]
    errors = [process.communicate(timeout=120)[1] for process in processes]
    assert sorted(process.returncode for process in processes) == [0, 0, 1], errors
    assert len(outputs(out)) == 8
    assert not [path for path in out.rglob("*") if is_temporary(path.name)]


def test_status_reads_the_journals_of_all(cli: Cli, run: Cli, out: Path):
    for number in (1, 2, 3):
        run("--shard", f"{number}/3", "-q")
    ended = cli("status", out)
    failed, counts, runs = ended.out.splitlines()
    assert failed.startswith("failed: ") and "none.jpg" in failed
    assert counts == f"8 done, 1 failed in {out}"
    assert runs == "the last run, with tiny (size=native), has 3 parts: 3 ended"
    with Journal(out, "2-of-3") as journal:
        journal.expect(5, False)
        journal.begin("tiny", "model", "size=native")
        assert cli("status", out).out.splitlines()[-1].endswith("has 3 parts: 2 ended, 1 at work with at least 5 left")
    end = json.loads(cli("status", out, "--json").out.splitlines()[-1])
    assert (end["run"], end["runs"], end["done"]) == ("ended", 3, 8)


def test_what_shards_have_done_a_whole_run_and_other_shards_know(run: Cli, out: Path):
    for number in (1, 2, 3):
        run("--shard", f"{number}/3", "-q")
    for number in (1, 2):
        end = json.loads(run("--shard", f"{number}/2", "--json").out.splitlines()[-1])
        assert end["translated"] == 0
    end = json.loads(run("--json").out.splitlines()[-1])
    assert (end["translated"], end["skipped"], end["failed"]) == (0, 8, 1)
    assert sorted(path.name for path in (out / ".imgtrans").glob("*.sqlite")) == ["journal.sqlite"]


def test_a_whole_run_keeps_out_of_a_shards_folder_and_the_other_way_round(
    run: Cli, out: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(locks, "_MOMENT_SECONDS", 0.05)
    out.mkdir()
    with Journal(out, "1-of-2"):
        assert run("-q").code == 4
        assert run("-q", "--shard", "1/2").code == 4
        assert run("-q", "--shard", "2/2").code in (0, 1)
    with Journal(out):
        assert run("-q", "--shard", "2/2").code == 4


def test_a_shard_with_nothing_to_do_leaves_the_others_alone(run: Cli, out: Path, photos: Path):
    for path in photos.rglob("*.*"):
        path.unlink()
    save(photos / "0" / "a.png")
    codes = {run("--shard", f"{number}/20", "-q").code for number in range(1, 21)}
    assert codes == {0}
    assert [*outputs(out)] == ["0/a.png"]


def test_a_shard_forgets_its_own_failures_and_no_others(cli: Cli, run: Cli, out: Path, photos: Path):
    for number in (1, 2, 3):
        run("--shard", f"{number}/3", "-q")
    (photos / "none.jpg").unlink()
    for number in (1, 2, 3):
        assert run("--shard", f"{number}/3", "-q").code == 0
    assert cli("status", out).out.splitlines()[0] == f"8 done in {out}"


def test_a_report_says_what_was_done(run: Cli, out: Path, tmp_path: Path, tiny: Model):
    assert run("--report", tmp_path / "report.json").code == 1
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["translated"], report["failed"], report["end"]) == (8, 1, "complete")
    assert (report["model"], report["sha256"], report["device"]) == ("tiny", tiny.card.sha256, "on cpu in float32")
    (failure,) = report["failures"]
    assert failure["input"].endswith("none.jpg") and "is not a picture" in failure["error"]
    assert report["pixels"] > 0 and report["seconds"] > 0
    assert min(report[f"{what}_seconds"] for what in ("decode", "model", "encode")) > 0


def test_a_dry_run_has_nothing_to_report(run: Cli, tmp_path: Path):
    assert run("--report", tmp_path / "report.json", "--dry-run").code == 2
    assert not (tmp_path / "report.json").exists()


def test_a_report_of_an_earlier_run_is_replaced(run: Cli, tmp_path: Path):
    for skipped in (0, 8):
        assert run("--report", tmp_path / "report.json").code == 1
        assert json.loads((tmp_path / "report.json").read_text())["skipped"] == skipped


def test_a_run_that_cannot_go_on_reports_too(run: Cli, out: Path, tmp_path: Path):
    (out / ".imgtrans").mkdir(parents=True)
    with FileLock(out / ".imgtrans" / "lock"):
        assert run("--report", tmp_path / "report.json").code == 4
    assert json.loads((tmp_path / "report.json").read_text())["end"] == "stopped"


@pytest.mark.parametrize("where", ["nowhere/report.json", "photos", "photos/0/0.png", "package.json"])
def test_a_report_never_replaces_anything_but_a_report(run: Cli, photos: Path, where: str):
    (photos.parent / "package.json").write_text('{"name": "somebody\'s"}')
    before = {path: path.read_bytes() for path in photos.parent.rglob("*.*") if path.is_file()}
    ended = run("--report", photos.parent / where)
    assert ended.code == 4 and "report" in ended.err
    assert {path: path.read_bytes() for path in before} == before
