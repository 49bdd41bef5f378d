"""``imgtrans run``: what it says, where it says it, how it ends, and what it leaves."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock
from PIL import Image, ImageOps, PngImagePlugin

from imgtrans.zoo.store import Model
from tests.conftest import Ended
from tests.pictures import save

Cli = Callable[..., Ended]

EXAMPLES = Path(__file__).parents[2] / "examples" / "photos"


@pytest.fixture
def photos(tmp_path: Path, tiny: Model) -> Path:
    """A folder of two pictures."""
    save(tmp_path / "photos" / "a.png")
    save(tmp_path / "photos" / "sub" / "b.jpg", 33, 17, seed=1)
    return tmp_path / "photos"


@pytest.fixture
def photo_of_a_generator(tmp_path: Path) -> Path:
    """A PNG with one text of megabytes and one that no memory holds."""
    texts = PngImagePlugin.PngInfo()
    texts.add_text("parameters", "a prompt, " * 200_000)
    texts.add_text("workflow", "x" * (1 << 26), zip=True)
    Image.new("RGB", (32, 32)).save(tmp_path / "a.png", pnginfo=texts)
    return tmp_path / "a.png"


@pytest.fixture
def out(photos: Path) -> Path:
    """Where the outputs go if nobody says otherwise."""
    return photos.parent / "photos-tiny"


@pytest.fixture
def run(cli: Cli, tiny: Model) -> Cli:
    """Run ``imgtrans run`` with the tiny model on the CPU."""
    return lambda *arguments: cli("run", "--model", "tiny", "--device", "cpu", *arguments)


def files(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return content and time of every file below a folder, but the journal's."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and ".imgtrans" not in path.parts
    }


def broken(path: Path) -> Path:
    """Write a picture of which the end is missing."""
    save(path)
    path.write_bytes(path.read_bytes()[:60])
    return path


# What it says


def test_the_first_line_says_how_many_pictures_which_model_device_precision_and_size(run: Cli, photos: Path, out: Path):
    first = run(photos).err.splitlines()[0]
    assert first == f"translating 2 pictures with tiny on cpu in float32, at the pictures' own size, into {out}"
    first = run(photos, "--size", "16", "--precision", "bfloat16").err.splitlines()[0]
    assert first == f"translating 2 pictures with tiny on cpu in bfloat16, at up to 16 pixels, into {out}"


def test_stdout_is_where_the_results_are_and_stderr_is_for_people(run: Cli, photos: Path, out: Path):
    ended = run(photos)
    assert (ended.code, ended.out) == (0, f"{out}\n")
    assert ended.err.splitlines()[-1].startswith("2 translated in ")
    assert {*files(out)} == {"a.png", str(Path("sub", "b.jpg"))}


def test_one_picture_is_translated_beside_itself(run: Cli, photos: Path):
    ended = run(photos / "a.png")
    assert (ended.code, ended.out) == (0, f"{photos / 'a-tiny.png'}\n")
    assert ended.err.startswith("translating 1 picture with tiny ")
    assert (photos / "a-tiny.png").is_file()


def test_text_that_is_too_long_to_be_carried_is_named_and_the_picture_translated(
    run: Cli, tmp_path: Path, photo_of_a_generator: Path
):
    ended = run(photo_of_a_generator, "-o", tmp_path / "out.png", "--json")
    sentence = f"{photo_of_a_generator} has text that is too long to be carried, and was left out: workflow."
    assert ended.code == 0 and sentence in ended.err
    (image,) = [event for event in map(json.loads, ended.out.splitlines()) if event["event"] == "image"]
    assert (image["status"], image["note"]) == ("translated", sentence)
    with Image.open(tmp_path / "out.png") as picture:
        assert picture.text == {"parameters": "a prompt, " * 200_000}


def test_json_is_a_line_for_the_plan_each_picture_and_the_end(run: Cli, photos: Path, out: Path):
    broken(photos / "c.png")
    (photos / "notes.txt").write_text("no picture")
    ended = run(photos, "--json")
    *events, end = map(json.loads, ended.out.splitlines())
    (plan,) = [event for event in events if event["event"] == "plan"]
    images = [event for event in events if event is not plan]
    assert plan == {
        "event": "plan", "model": "tiny", "output": str(out), "todo": 3, "done": 0, "refused": 0, "ignored": 1,
        "outputs": 0, "unmatched": 0,
        "converted": 0, "size": sum(path.stat().st_size for path in photos.rglob("*.*g")),
        "complete": True,
    }  # fmt: skip
    assert {(Path(image["input"]).name, image["status"]) for image in images} == {
        ("a.png", "translated"), ("b.jpg", "translated"), ("c.png", "failed"),
    }  # fmt: skip
    assert [image for image in images if "error" in image] == [image for image in images if image["status"] == "failed"]
    assert {image["event"] for image in images} == {"image"}
    assert all(Path(image["output"]).is_file() == (image["status"] == "translated") for image in images)
    assert end["event"] == "end"
    assert [end[what] for what in ("translated", "skipped", "failed", "ignored")] == [2, 0, 1, 1]
    assert ended.err.startswith("translating ")


def test_quiet_says_nothing_but_what_went_wrong(run: Cli, photos: Path, out: Path):
    assert run(photos, "-q") == Ended(0, f"{out}\n", "")
    path = broken(photos / "c.png")
    ended = run(photos, "-q")
    assert ended.code == 1
    assert len(ended.err.splitlines()) == 1
    assert str(path) in ended.err


def test_verbose_says_what_became_what(run: Cli, photos: Path, out: Path):
    lines = run(photos, "-v").err.splitlines()
    assert f"{photos / 'a.png'} -> {out / 'a.png'}" in lines
    assert f"{photos / 'sub' / 'b.jpg'} -> {out / 'sub' / 'b.jpg'}" in lines
    assert len(lines) == 4


def test_a_format_that_cannot_be_written_is_said_to_become_png(run: Cli, photos: Path, out: Path):
    save(photos / "c.ico", 16)
    ended = run(photos)
    assert ended.err.splitlines()[1] == "1 picture of a format that cannot be written will become PNG"
    with Image.open(out / "c.png") as image:
        assert image.format == "PNG"


def test_names_cannot_colour_the_terminal_or_forge_lines(run: Cli, photos: Path):
    broken(photos / "\x1b[31m[red]\nerror: forged\r.png")
    for option in ("-v", "--dry-run", "-q"):
        ended = run(photos, option)
        assert not {"\x1b", "\r"} & {*ended.out, *ended.err}
        assert not any(line.startswith("error: forged") for line in (ended.out + ended.err).splitlines())
        assert "\\x1b[31m[red]\\nerror: forged\\r.png" in ended.out + ended.err


@pytest.mark.parametrize("name", ["-q.png", "--help.png", "ж ☃.png", " .png", "a\nb.png", "%s{}.png", "C:a.png"])
def test_odd_names_are_names(run: Cli, tmp_path: Path, name: str):
    save(tmp_path / "odd" / name)
    ended = run(tmp_path / "odd")
    assert ended.code == 0
    assert {*files(tmp_path / "odd-tiny")} == {name}


def test_a_name_that_is_no_text_is_a_name(run: Cli, tmp_path: Path, undecodable_name: str):
    save(tmp_path / "odd" / undecodable_name)
    assert run(tmp_path / "odd", "-v").code == 0
    assert run(tmp_path / "odd", "--json").code == 0
    assert {*files(tmp_path / "odd-tiny")} == {undecodable_name}


# What fails, and how it ends


def test_a_broken_file_is_named_and_all_others_are_translated(run: Cli, photos: Path, out: Path):
    path = broken(photos / "c.png")
    ended = run(photos)
    assert (ended.code, ended.out) == (1, f"{out}\n")
    assert next(line for line in ended.err.splitlines() if str(path) in line).startswith(f"warning: {path}")
    assert ended.err.splitlines()[-1].startswith("2 translated, 1 failed in ")
    assert {*files(out)} == {"a.png", str(Path("sub", "b.jpg"))}


def test_several_failures_are_listed_again_at_the_end(run: Cli, photos: Path):
    paths = [broken(photos / f"{number}.png") for number in range(2)]
    lines = run(photos).err.splitlines()
    assert lines[-3] == "2 pictures failed:"
    assert all(line.startswith(f"  {path}") for line, path in zip(sorted(lines[-2:]), paths, strict=True))


def test_no_pictures_at_all_is_no_failure(run: Cli, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    ended = run(tmp_path / "empty")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err.splitlines()[0] == "no pictures found"
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_several_inputs_need_an_output_folder(run: Cli, photos: Path, tmp_path: Path):
    other = save(tmp_path / "other" / "a.png", seed=2).parent
    ended = run(photos, other)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "error: inputs from several folders need an output folder\n  name it with -o FOLDER\n"
    ended = run(photos, other, "-o", tmp_path / "out")
    assert (ended.code, ended.out) == (0, f"{tmp_path / 'out'}\n")
    assert {*files(tmp_path / "out")} == {
        str(Path("photos", "a.png")), str(Path("photos", "sub", "b.jpg")), str(Path("other", "a.png")),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["photos", "--size", "huge"], 2, "--size is 'huge'"),
        (["photos", "--size", "3"], 2, "--size is '3'"),
        (["photos", "--batch-size", "-1"], 2, "--batch-size is -1"),
        (["photos", "--device", "abacus"], 2, "--device is 'abacus', which is not a device"),
        (["photos", "--precision", "float8"], 2, "--precision is 'float8'"),
        (["photos", "--model", "tinny"], 3, "there is no model called 'tinny'"),
        (["photos", "--model", "gone.pth"], 3, "there is no file gone.pth"),
        (["photos", "--model", "photos/a.png"], 3, "is a picture"),
        (["gone"], 4, "gone is not there"),
        (["photos", "gone", "-o", "out"], 4, "gone is not there"),
        (["photos", "-o", "photos"], 4, "would be written into photos, which is an input"),
        (["photos", "-o", "photos/out"], 4, "would be written into photos, which is an input"),
        (["photos/a.png", "-o", "photos"], 4, "photos is the folder of the input itself"),
        (["photos/a.png", "-o", "out.xyz"], 2, "nothing can be written as '.xyz'"),
        (["photos", "-o", "photos/a.png"], 4, "is a file, not a folder"),
        (["photos", "-o", "/dev/null/out"], 4, "cannot be made: Not a directory"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_each_kind_of_mistake_has_its_exit_code_and_one_sentence(
    run: Cli, photos: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, sentence: str
):
    monkeypatch.chdir(photos.parent)
    before = files(photos.parent)
    ended = run(*arguments)
    assert (ended.code, ended.out) == (code, "")
    assert ended.err.startswith("error: ")
    assert sentence in ended.err.splitlines()[0]
    assert len(ended.err.splitlines()) <= 2
    assert files(photos.parent) == before
    assert [path.name for path in photos.parent.iterdir()] == ["photos"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_a_device_that_is_not_there_is_exit_code_5(run: Cli, photos: Path):
    ended = run(photos, "--device", "cuda")
    assert (ended.code, ended.out) == (5, "")
    assert ended.err.startswith("error: there is no CUDA device")
    assert [path.name for path in photos.parent.iterdir()] == ["photos"]


def test_an_unknown_model_suggests_the_nearest(run: Cli, photos: Path):
    hint = run(photos, "--model", "tinny").err.splitlines()[1]
    assert hint.startswith("  did you mean tiny? models here: ")


def test_two_inputs_for_one_output_are_refused_before_anything_is_written(run: Cli, photos: Path, out: Path):
    save(photos / "x.ico", 16)
    save(photos / "x.png")
    ended = run(photos)
    assert (ended.code, ended.out) == (4, f"{out}\n")
    assert f"{photos / 'x.ico'} and {photos / 'x.png'} would both become {out / 'x.png'}" in ended.err
    assert {*files(out)} == {str(Path("sub", "b.jpg"))}  # the other folders go on


def test_an_output_folder_that_another_run_uses_is_refused(run: Cli, photos: Path, out: Path):
    run(photos)
    before = files(out)
    with FileLock(out / ".imgtrans" / "lock"):
        ended = run(photos, "--force")
    assert (ended.code, ended.out) == (4, "")
    assert ended.err.startswith(f"error: {out} is in use by another run\n")
    assert files(out) == before


# What is done already


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(run: Cli, photos: Path, out: Path):
    before = files(photos.parent)
    ended = run(photos, "--dry-run")
    assert ended.code == 0
    assert ended.out.splitlines() == [
        f"{photos / 'a.png'} -> {out / 'a.png'}",
        f"{photos / 'sub' / 'b.jpg'} -> {out / 'sub' / 'b.jpg'}",
    ]
    assert ended.err.startswith("would be translating 2 pictures with tiny on cpu in float32, ")
    *images, _ = map(json.loads, run(photos, "--dry-run", "--json").out.splitlines())
    assert [image["status"] for image in images] == ["todo"] * 2
    assert files(photos.parent) == before
    assert [path.name for path in photos.parent.iterdir()] == ["photos"]


def test_a_dry_run_says_what_it_would_take(run: Cli, photos: Path):
    for number in range(3):
        save(photos / f"{number}.png", 64, 32, seed=number)
    ended = run(photos, "--dry-run", "--size", "48")
    assert ended.err.splitlines()[1:4] == [
        "  3 of 64x32 pixels, translated at 48x24, 3 at a time",
        "  1 of 24x16 pixels",
        "  1 of 33x17 pixels, translated at 36x20",
    ]
    memory = re.fullmatch(r"memory: about (\d+) MB|memory: about (\d)\.\d GB", ended.err.splitlines()[4])
    assert memory, "what these five small pictures need, and not what they may take"
    assert re.fullmatch(r"time: about \d+ seconds?, \d+ seconds? of it to start", ended.err.splitlines()[5])
    forecast = json.loads(run(photos, "--dry-run", "--json", "--tiling", "exact").out.splitlines()[-1])
    assert (forecast["event"], forecast["unreadable"]) == ("forecast", 0)
    assert [size["count"] for size in forecast["sizes"]] == [3, 1, 1]
    assert {size["batch"] for size in forecast["sizes"]} == {0}  # each is streamed
    assert min(forecast[what] for what in ("seconds", "model_seconds", "codec_seconds", "pictures_memory")) > 0
    assert forecast["pictures_memory"] < 1_000_000 and forecast["start_seconds"] < forecast["seconds"]


def test_a_dry_run_foresees_what_is_too_large(run: Cli, photos: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("imgtrans.memory.NETWORK_SHARE", 1e-6)
    monkeypatch.setattr("imgtrans.memory.available_memory", lambda: 10_000_000_000)
    assert "too large" not in run(photos, "--dry-run").err  # it would be streamed
    ended = run(photos, "--dry-run", "--tiling", "off")
    assert "  1 of 24x16 pixels: too large, and will fail" in ended.err.splitlines()


def test_a_dry_run_that_foresees_failures_ends_with_1(run: Cli, photos: Path):
    path = photos / "c.png"
    path.write_text("no picture")
    ended = run(photos, "--dry-run")
    assert ended.code == 1
    assert f"warning: {path} is not a picture that can be read." in ended.err
    assert str(path) not in ended.out


def test_a_second_run_does_nothing_and_force_does_it_again(run: Cli, photos: Path, out: Path):
    run(photos)
    before = files(out)
    ended = run(photos)
    assert (ended.code, ended.out) == (0, f"{out}\n")
    assert ended.err.splitlines()[0] == "nothing to do: 2 done before"
    assert files(out) == before
    ended = run(photos, "--force")
    assert (ended.code, ended.err.splitlines()[-1][:13]) == (0, "2 translated ")
    after = files(out)
    assert {name: content for name, (content, _) in after.items()} == {n: content for n, (content, _) in before.items()}
    assert all(after[name][1] > before[name][1] for name in before)


def test_what_imgtrans_did_not_make_is_replaced_only_with_overwrite(run: Cli, photos: Path, out: Path):
    out.mkdir()
    (out / "a.png").write_text("somebody's")
    for option in ("-q", "--force"):
        ended = run(photos, option)
        assert ended.code == 1
        assert f"warning: {out / 'a.png'} is there already and was not made by imgtrans" in ended.err
        assert (out / "a.png").read_text() == "somebody's"
    assert run(photos, "--overwrite").code == 0
    with Image.open(out / "a.png") as image:
        assert image.size == (24, 16)


# The examples that come with imgtrans


def details(image: Image.Image) -> np.ndarray:
    """Return the small differences that stay when a low-resolution change is added to a picture."""
    gray = np.asarray(image.convert("L")).astype(float)
    return np.diff(gray[:, :-1], axis=1)[1:].ravel()


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the example photos are in the repository alone")
def test_every_example_comes_out_upright_at_its_own_size_in_its_own_format_and_a_broken_one_stops_none(
    run: Cli, tmp_path: Path
):
    (tmp_path / "photos").mkdir()
    examples = [path for path in EXAMPLES.iterdir() if path.suffix in (".jpg", ".png")]
    for path in examples:
        (tmp_path / "photos" / path.name).write_bytes(path.read_bytes())
    path = broken(tmp_path / "photos" / "broken.jpg")
    ended = run(tmp_path / "photos", "--size", "16", "--upsample", "bicubic")
    assert ended.code == 1
    assert f"warning: {path}" in ended.err
    assert {*files(tmp_path / "photos-tiny")} == {path.name for path in examples}
    turned = 0
    for path in examples:
        with Image.open(path) as before, Image.open(tmp_path / "photos-tiny" / path.name) as after:
            upright = ImageOps.exif_transpose(before)
            turned += upright.size != before.size
            assert (after.size, after.format) == (upright.size, before.format), path.name
            assert after.getexif().get(0x0112, 1) == 1, path.name
            if not before.mode.startswith("I"):  # Pillow clips those
                assert np.corrcoef(details(upright), details(after))[0, 1] > 0.8, path.name
    assert turned


# Signals


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_half_way_it_leaves_whole_outputs_and_the_same_command_goes_on(
    tmp_path: Path, tiny: Model, number: int, code: int
):
    for picture in range(30):
        save(tmp_path / "many" / f"{picture}.png", 160, 120, seed=picture)
    out = tmp_path / "many-tiny"
    command = [sys.executable, "-m", "imgtrans", "run", str(tmp_path / "many"), "-m", "tiny", "--device", "cpu"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while process.poll() is None and not list(out.glob("*.png")) and time.monotonic() < deadline:
        time.sleep(0.001)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (code, "")
    assert "Traceback" not in stderr
    last = stderr.splitlines()[-1]
    told = re.fullmatch(r"stopped: (\d+) done, (\d+) left; the same command goes on from here", last)
    assert told and int(told[1]) + int(told[2]) == 30, last
    done = {path: path.stat().st_mtime_ns for path in out.glob("*.png")}
    assert 0 < len(done) < 30
    assert {*os.listdir(out)} == {".imgtrans", *(path.name for path in done)}
    for path in done:
        with Image.open(path) as image:
            image.load()
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    assert len(list(out.glob("*.png"))) == 30
    assert {path: path.stat().st_mtime_ns for path in done} == done
