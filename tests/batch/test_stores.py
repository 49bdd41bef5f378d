"""Runs whose pictures come from object storage, or go there: as folders, through a real S3 server where it matters."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from imgtrans.batch import staging
from imgtrans.batch.asked import Request
from imgtrans.batch.request import prepare
from imgtrans.batch.uploading import GATHER_SECONDS
from imgtrans.storage.address import addressed
from imgtrans.zoo.store import Model
from tests.conftest import Ended
from tests.stores import Bucket, Proxy, picture

Cli = Callable[..., Ended]
PICTURES = {
    "in/a.png": picture(seed=1),
    "in/b.jpg": picture(seed=2, format="JPEG"),
    "in/deeper/c.png": picture(30, 20, seed=3),
    "in/deeper/photo": picture(seed=4),
}


@pytest.fixture(params=["memory_store", "s3"])
def store(request: pytest.FixtureRequest) -> Bucket:
    """A store of either kind, with a few pictures in it."""
    bucket: Bucket = request.getfixturevalue(request.param)
    bucket.put(PICTURES)
    return bucket


def written(root: Path, objects: dict[str, bytes] = PICTURES) -> Path:
    """Write the same pictures as files; return their folder."""
    for name, content in objects.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root / "in"


def outputs(folder: Path) -> dict[str, bytes]:
    """Return what stands in an output folder of this machine."""
    files = (path for path in folder.rglob("*") if path.is_file() and ".imgtrans" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_a_run_from_store_to_store_makes_what_a_run_of_folders_makes(
    cli: Cli, tiny: Model, store: Bucket, tmp_path: Path
):
    store.put({"in/notes.txt": b"no picture", "in/broken.jpg": b"nothing"})
    folder = written(tmp_path, {**PICTURES, "in/notes.txt": b"no picture", "in/broken.jpg": b"nothing"})
    here = cli("run", folder, "-m", "tiny", "-o", tmp_path / "out")
    there = cli("run", f"{store.address}/in", "-m", "tiny", "-o", f"{store.address}/out", "--report", tmp_path / "r")
    assert (here.code, there.code) == (1, 1)
    expected = outputs(tmp_path / "out")
    assert {name: store.read(f"out/{name}") for name in store.names("out")} == expected
    assert there.out == f"{store.address}/out\n"
    assert f"warning: {store.address}/in/broken.jpg is not a picture that can be read.\n" in there.err
    assert "4 translated, 1 failed, 1 not pictures" in there.err
    report = json.loads((tmp_path / "r").read_text())
    assert report["inputs"] == [f"{store.address}/in"] and report["output"] == f"{store.address}/out"
    assert [one["input"] for one in report["failures"]] == [f"{store.address}/in/broken.jpg"]


def test_outcomes_come_together_as_each_group_of_them_costs_requests(tiny: Model, memory_store: Bucket, tmp_path: Path):
    memory_store.put(PICTURES)
    inbox, folder = addressed(f"{memory_store.address}/in"), written(tmp_path)
    for output, seconds in ((addressed(f"{memory_store.address}/out"), GATHER_SECONDS), (tmp_path / "out", 0.05)):
        for place in (inbox, folder):
            opening = prepare(Request([place], "tiny", output=output, device="cpu")).opening()
            with contextlib.closing(opening.open()) as engine:
                assert engine.job.gather_seconds == seconds


def test_a_second_run_anywhere_does_nothing(cli: Cli, tiny: Model, store: Bucket):
    arguments = ("run", f"{store.address}/in", "-m", "tiny", "-o", f"{store.address}/out")
    assert cli(*arguments).code == 0
    before = {name: store.system.info(f"{store.address}/{name}") for name in store.everything()}
    again = cli(*arguments)
    assert again.code == 0 and "nothing to do: 4 done before" in again.err
    assert {name: store.system.info(f"{store.address}/{name}") for name in store.everything()} == before


def test_what_has_changed_is_done_again_and_what_is_gone_too(cli: Cli, tiny: Model, store: Bucket):
    arguments = ("run", f"{store.address}/in", "-m", "tiny", "-o", f"{store.address}/out", "--json")
    assert cli(*arguments).code == 0
    store.put({"in/a.png": picture(seed=9)})
    store.delete("out/b.jpg")
    again = cli(*arguments)
    events = [json.loads(line) for line in again.out.splitlines() if line.startswith("{")]
    done = {one["input"].rsplit("/", 1)[-1] for one in events if one.get("status") == "translated"}
    assert again.code == 0 and done == {"a.png", "b.jpg"}


def test_what_somebody_else_has_put_there_stays(cli: Cli, tiny: Model, store: Bucket):
    store.put({"out/a.png": b"mine"})
    ended = cli("run", f"{store.address}/in", "-m", "tiny", "-o", f"{store.address}/out")
    assert ended.code == 1 and store.read("out/a.png") == b"mine"
    assert f"{store.address}/out/a.png is there already and was not made by imgtrans" in ended.err
    assert cli("run", f"{store.address}/in", "-m", "tiny", "-o", f"{store.address}/out", "--overwrite").code == 0
    assert store.read("out/a.png") != b"mine"


def test_stores_and_folders_of_this_machine_mix(cli: Cli, tiny: Model, store: Bucket, tmp_path: Path):
    folder = written(tmp_path)
    down = cli("run", f"{store.address}/in", "-m", "tiny", "-o", tmp_path / "down")
    up = cli("run", folder, "-m", "tiny", "-o", f"{store.address}/up")
    both = cli("run", f"{store.address}/in/deeper", tmp_path / "in", "-m", "tiny", "-o", f"{store.address}/both")
    assert (down.code, up.code, both.code) == (0, 0, 0)
    expected = outputs(tmp_path / "down")
    assert set(expected) == {name.removeprefix("in/") for name in PICTURES}
    assert {name: store.read(f"up/{name}") for name in store.names("up")} == expected
    assert store.names("both") == {"deeper/c.png", "deeper/photo", *(name for name in PICTURES)}
    again = cli("run", f"{store.address}/in", "-m", "tiny", "-o", tmp_path / "down")
    assert "nothing to do: 4 done before" in again.err


def test_single_objects_come_out_beside_themselves_or_where_the_user_says(
    cli: Cli, tiny: Model, store: Bucket, tmp_path: Path
):
    one = f"{store.address}/in/a.png"
    beside = cli("run", one, "-m", "tiny")
    named = cli("run", one, "-m", "tiny", "-o", f"{store.address}/w.jpg")
    here = cli("run", one, "-m", "tiny", "-o", tmp_path / "here.png")
    assert [beside.out, named.out, here.out] == [
        f"{store.address}/in/a-tiny.png\n",
        f"{store.address}/w.jpg\n",
        f"{tmp_path}/here.png\n",
    ]
    assert (tmp_path / "here.png").read_bytes() == store.read("in/a-tiny.png")
    assert store.read("w.jpg").startswith(b"\xff\xd8")


def test_objects_without_a_picture_s_name_are_told_by_how_they_begin(cli: Cli, tiny: Model, s3: Bucket, proxy: Proxy):
    s3.put({"in/film.bin": bytes(1 << 20), "in/photo": picture()})
    ended = cli("run", f"{s3.address}/in", "-m", "tiny", "-o", f"{s3.address}/out")
    assert ended.code == 0 and s3.names("out") == {"photo"}
    assert sum("film.bin" in path for _, path in proxy.asked) == 1


def test_a_picture_that_would_need_another_name_than_its_own_fails(cli: Cli, tiny: Model, memory_store: Bucket):
    memory_store.put({"in/a.jpg": picture(format="ICO")})
    ended = cli("run", "memory://bucket/in", "-m", "tiny", "-o", "memory://bucket/out")
    assert ended.code == 1 and memory_store.names("out") == set()
    assert "memory://bucket/in/a.jpg is a ICO by its content" in ended.err


def test_two_objects_that_would_make_one_output_stop_their_folder_first(cli: Cli, tiny: Model, store: Bucket):
    store.put({"in/a.ico": picture(format="ICO")})
    ended = cli("run", f"{store.address}/in", "-m", "tiny", "-o", f"{store.address}/out")
    assert ended.code == 4 and store.names("out") == {"deeper/c.png", "deeper/photo"}
    assert "would both become" in ended.err


def test_patterns_shards_limits_and_lists_choose_as_among_files(cli: Cli, tiny: Model, store: Bucket, tmp_path: Path):
    def run(*options: object) -> Ended:
        return cli("run", f"{store.address}/in", "-m", "tiny", "-o", f"{store.address}/out", *options)

    assert run("--include", "deeper/**").code == 0
    assert store.names("out") == {"deeper/c.png", "deeper/photo"}
    assert "1 translated" in run("--limit", "1").err
    (tmp_path / "list").write_text(f"{store.address}/in/b.jpg\n{store.address}/in/gone.jpg\n")
    listed = run("--files-from", tmp_path / "list")
    assert listed.code == 1 and "b.jpg" in store.names("out")
    assert f"{store.address}/in/gone.jpg cannot be read: it is not there." in listed.err
    for shard in ("1/2", "2/2"):
        assert cli("run", f"{store.address}/in", "-m", "tiny", "-o", f"{store.address}/s", "--shard", shard).code == 0
    assert store.names("s") == {name.removeprefix("in/") for name in PICTURES}
    whole = cli("run", f"{store.address}/in", "-m", "tiny", "-o", f"{store.address}/s")
    assert "nothing to do: 4 done before" in whole.err
    assert {name for name in store.everything("s") if ".imgtrans/" in name} == {".imgtrans/journal.sqlite"}


def test_a_list_of_web_addresses_is_fetched_from_there(cli: Cli, tiny: Model, s3: Bucket, proxy: Proxy, tmp_path: Path):
    for seed, name in enumerate(("a", "b")):
        s3.system.pipe_file(f"{s3.address}/in/{name}.png", picture(seed=seed), ACL="public-read")
    web = f"{proxy.url}/{s3.address.removeprefix('s3://')}/in"
    (tmp_path / "list").write_text(f"{web}/a.png?version=//1\n{web}/b.png\n{web}/c.png\n")
    arguments = ("run", "--files-from", tmp_path / "list", "-m", "tiny", "-o", tmp_path / "out")
    ended = cli(*arguments)
    host = web.removeprefix("http://")
    assert ended.code == 1 and set(outputs(tmp_path / "out")) == {f"{host}/a.png", f"{host}/b.png"}
    assert f"{web}/c.png cannot be read: it is not there." in ended.err
    assert "2 done before" in cli(*arguments).err


def test_what_imgtrans_has_made_in_a_store_is_no_input(cli: Cli, tiny: Model, store: Bucket):
    assert cli("run", f"{store.address}/in", "-m", "tiny", "-o", f"{store.address}/top/done").code == 0
    store.put({"top/own.png": picture()})
    ended = cli("run", f"{store.address}/top", "-m", "tiny", "-o", f"{store.address}/all")
    assert ended.code == 0 and store.names("all") == {"own.png"}
    assert "4 made by imgtrans before, left alone" in ended.err


def test_a_journal_can_be_kept_on_this_machine(cli: Cli, tiny: Model, store: Bucket, tmp_path: Path):
    arguments = (
        "run", f"{store.address}/in", "-m", "tiny", "-o", f"{store.address}/out", "--journal", tmp_path / "kept"
    )  # fmt: skip
    assert cli(*arguments).code == 0
    assert store.everything("out") == store.names("out") != set()
    assert "nothing to do: 4 done before" in cli(*arguments).err
    refused = cli("run", written(tmp_path), "-m", "tiny", "-o", tmp_path / "out", "--journal", tmp_path / "kept")
    assert refused.code == 2 and "--journal is for outputs in a store" in refused.err


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(cli: Cli, tiny: Model, store: Bucket):
    ended = cli("run", f"{store.address}/in", "-m", "tiny", "-o", f"{store.address}/out", "--dry-run")
    assert ended.code == 0 and store.everything("") == set(PICTURES)
    assert f"{store.address}/in/a.png -> {store.address}/out/a.png" in ended.out
    assert "would be translating 4 pictures" in ended.err and "time: about" in ended.err
    assert "3 of 24x16 pixels" in ended.err and "1 of 30x20 pixels" in ended.err
    assert cli("run", f"{store.address}/in", "-m", "tiny", "-o", f"{store.address}/out").code == 0
    again = cli("run", f"{store.address}/in", "-m", "tiny", "-o", f"{store.address}/out", "--dry-run")
    assert again.code == 0 and "nothing to do: 4 done before" in again.err


def test_a_dry_run_fetches_a_few_and_takes_the_others_to_be_like_them(
    cli: Cli, tiny: Model, memory_store: Bucket, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(staging, "_SAMPLES", 2)
    memory_store.put({f"in/{n}.png": picture(seed=n) for n in range(7)})
    ended = cli("run", "memory://bucket/in", "-m", "tiny", "-o", "memory://bucket/out", "--dry-run", "--json")
    assert "2 of 24x16 pixels" in ended.err and "5 more that were not fetched" in ended.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "s3://no-such-bucket/in", "-o", "out"], "error: there is no bucket no-such-bucket\n"),
        (["run", "{store}/nothing", "-o", "out"], "error: {store}/nothing is not there\n"),
        (["run", "{store}/in", "-o", "s3://no-such-bucket/x"], "error: there is no bucket no-such-bucket\n"),
        (["run", "{store}/in", "-o", "https://example.org/x"], "error: https://example.org/x can only be read\n"),
        (["run", "{store}", "-m", "tiny"], "error: {store} has no folder beside it\n"),
        (["run", "{store}/in", "-o", "{store}/in/out"], "error: outputs of {store}/in would be written into"),
        (["run", "{store}/in", "-o", "{store}/out", "--gallery"], "error: --gallery is for an output folder"),
        (["run", "ftp://host/in", "-o", "out"], "error: ftp://host/in is an address"),
        (["watch", "{store}/in", "-o", "out"], "error: {store}/in is an address"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(
    cli: Cli, tiny: Model, s3: Bucket, arguments: list[str], sentence: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    monkeypatch.chdir(tmp_path)
    s3.put(PICTURES)
    ended = cli(*(one.replace("{store}", s3.address) for one in arguments), "-m", "tiny")
    assert ended.code in (2, 4, 5) and ended.err.startswith(sentence.replace("{store}", s3.address)), ended.err
    assert s3.everything() == set(PICTURES)


def test_how_a_store_stands_can_be_asked(cli: Cli, tiny: Model, store: Bucket):
    store.put({"in/broken.jpg": b"nothing"})
    assert cli("run", f"{store.address}/in", "-m", "tiny", "-o", f"{store.address}/out").code == 1
    store.delete("out/b.jpg")
    store.put({"in/a.png": picture(seed=9)})
    ended = cli("status", f"{store.address}/out")
    assert ended.code == 0 and f"2 done, 1 failed, 2 outdated in {store.address}/out\n" in ended.out
    assert f"outdated: {store.address}/out/b.jpg is gone.\n" in ended.out
    assert f"outdated: {store.address}/in/a.png has changed since.\n" in ended.out
    assert "has ended" in ended.out
    nothing = cli("status", f"{store.address}/in")
    assert nothing.code == 4 and f"{store.address}/in has no journal" in nothing.err
