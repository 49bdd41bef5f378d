"""``imgtrans run``: what comes out as what."""

from collections.abc import Callable
from pathlib import Path

import imagecodecs
import pytest
import tifffile
from PIL import Image

from imgtrans.zoo.store import Model
from tests.conftest import Ended
from tests.pictures import noise, save

Cli = Callable[..., Ended]


@pytest.fixture
def run(cli: Cli, tiny: Model) -> Cli:
    """Run ``imgtrans run`` with the tiny model on the CPU."""
    return lambda *arguments: cli("run", "--model", "tiny", "--device", "cpu", *arguments)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of a JPEG, a PNG with alpha and a gray PNG."""
    folder = tmp_path / "photos"
    save(folder / "a.jpg")
    image = noise(24, 16, seed=1)
    image.putalpha(Image.linear_gradient("L").resize((24, 16)))
    image.save(folder / "b.png")
    noise(24, 16, seed=2).convert("L").save(folder / "c.png")
    return folder


@pytest.fixture
def out(photos: Path) -> Path:
    """Where the outputs go if nobody says otherwise."""
    return photos.parent / "photos-tiny"


def shown(folder: Path) -> dict[str, tuple[str | None, str]]:
    """Return format and mode of every picture in a folder."""
    result = {}
    for path in sorted(folder.iterdir()):
        if path.is_file():
            with Image.open(path) as image:
                result[path.name] = (image.format, image.mode)
    return result


def test_pictures_stay_what_they_are_unless_something_else_is_wanted(run: Cli, photos: Path, out: Path):
    assert run(photos).code == 0
    assert shown(out) == {"a.jpg": ("JPEG", "RGB"), "b.png": ("PNG", "RGBA"), "c.png": ("PNG", "RGB")}


@pytest.mark.parametrize(
    ("name", "format", "alpha"),
    [("jpg", "JPEG", "RGB"), ("png", "PNG", "RGBA"), ("webp", "WEBP", "RGBA"), ("avif", "AVIF", "RGBA"),
     ("tiff", "TIFF", "RGBA")],
)  # fmt: skip
def test_all_outputs_are_in_the_wanted_format(name: str, format: str, alpha: str, run: Cli, photos: Path, out: Path):
    assert run(photos, "--format", name).code == 0
    first = "a.jpg" if name == "jpg" else f"a.{name}"
    assert shown(out) == {first: (format, "RGB"), f"b.{name}": (format, alpha), f"c.{name}": (format, "RGB")}


def test_outputs_of_other_settings_are_redone_and_those_of_the_same_are_not(run: Cli, photos: Path, out: Path):
    sizes = set()
    for options in (
        ["--format", "jpg"],
        ["--format", "jpg", "--quality", "20"],
        ["--format", "jpg", "--quality", "20", "--keep-gray"],
        ["--format", "jpg", "--quality", "20", "--keep-gray", "--alpha", "flatten"],
    ):
        assert "3 translated" in run(photos, *options).err
        assert "3 done before" in run(photos, *options).err
        assert "3 done before" in run(photos, *options, "--max-pixels", "10000").err  # which decides no pixel
        sizes.add((out / "a.jpg").stat().st_size)
    assert len(sizes) == 2


def test_gray_and_transparency_are_what_is_wanted(run: Cli, photos: Path, out: Path):
    assert run(photos, "--keep-gray", "--alpha", "flatten").code == 0
    assert shown(out) == {"a.jpg": ("JPEG", "RGB"), "b.png": ("PNG", "RGB"), "c.png": ("PNG", "L")}


def test_a_suffix_is_added_to_names(run: Cli, photos: Path, out: Path):
    assert run(photos, "--suffix", "_winter").code == 0
    assert {*shown(out)} == {"a_winter.jpg", "b_winter.png", "c_winter.png"}
    ended = run(photos / "a.jpg", "--suffix=-w", "--format", "png")
    assert (ended.code, ended.out) == (0, f"{photos / 'a-w.png'}\n")
    assert shown(photos)["a-w.png"] == ("PNG", "RGB")


def test_the_name_of_the_one_output_says_its_format(run: Cli, photos: Path, tmp_path: Path):
    ended = run(photos / "a.jpg", "-o", tmp_path / "x.webp")
    assert (ended.code, ended.out) == (0, f"{tmp_path / 'x.webp'}\n")
    with Image.open(tmp_path / "x.webp") as image:
        assert image.format == "WEBP"
    ended = run(photos / "a.jpg", "-o", tmp_path / "x.webp", "--format", "png")
    assert ended.code == 2
    assert "x.webp" in ended.err


def test_two_pictures_that_would_become_one_stop_the_run_before_anything_is_written(run: Cli, photos: Path, out: Path):
    save(photos / "a.png")
    ended = run(photos, "--format", "webp")
    assert ended.code == 4
    assert "would both become" in ended.err
    assert not out.exists()


def test_larger_pictures_than_wanted_are_refused(run: Cli, photos: Path, out: Path):
    save(photos / "d.png", 100, 100)
    ended = run(photos, "--max-pixels", "9999")
    assert ended.code == 1
    assert "d.png has 100x100 pixels, more than the limit of 9,999." in ended.err
    assert {*shown(out)} == {"a.jpg", "b.png", "c.png"}


def test_a_configuration_file_can_say_all_of_it(
    run: Cli, photos: Path, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "imgtrans.toml").write_text(
        '[run]\nformat = "png"\nquality = 80\nalpha = "flatten"\nkeep-gray = true\nsuffix = "-x"\nmax-pixels = 9999\n'
    )
    monkeypatch.chdir(tmp_path)
    assert run("photos").code == 0
    assert shown(out) == {"a-x.png": ("PNG", "RGB"), "b-x.png": ("PNG", "RGB"), "c-x.png": ("PNG", "L")}


@pytest.mark.parametrize(
    "options", [["--format", "bmp"], ["--alpha", "no"], ["--suffix", "a/b"], ["--quality", "101"], ["--depth", "12"]]
)
def test_what_cannot_be_understood_is_exit_code_2(options: list[str], run: Cli, photos: Path, out: Path):
    ended = run(photos, *options)
    assert ended.code == 2
    assert options[0] in ended.err
    assert not out.exists()


def test_an_animation_is_translated_frame_by_frame_and_so_are_pages(run: Cli, photos: Path, out: Path):
    frames = [noise(24, 16, seed) for seed in range(5)]
    frames[0].save(photos / "d.gif", save_all=True, append_images=frames[1:], duration=70, loop=0)
    frames[0].save(photos / "e.tif", save_all=True, append_images=[noise(30, 20, 9)])
    assert "5 translated" in run(photos).err
    with Image.open(out / "d.gif") as image:
        assert (image.n_frames, image.info["duration"], image.info["loop"]) == (5, 70, 0)
    with Image.open(out / "e.tif") as image:
        assert image.n_frames == 2
        image.seek(1)
        assert image.size == (30, 20)
    assert "5 translated" in run(photos, "--frames", "first").err
    for name in ("d.gif", "e.tif"):
        with Image.open(out / name) as image:
            assert image.n_frames == 1


def test_each_frame_is_what_it_would_be_as_a_picture(run: Cli, tmp_path: Path):
    frames = [noise(24, 16, seed) for seed in range(3)]
    (tmp_path / "in").mkdir()
    frames[0].save(tmp_path / "in" / "all.png", save_all=True, append_images=frames[1:], duration=70)
    for number, frame in enumerate(frames):
        frame.save(tmp_path / "in" / f"{number}.png")
    assert run(tmp_path / "in").code == 0
    with Image.open(tmp_path / "in-tiny" / "all.png") as animation:
        for number in range(3):
            animation.seek(number)
            with Image.open(tmp_path / "in-tiny" / f"{number}.png") as single:
                assert animation.convert("RGB").tobytes() == single.tobytes()


def test_an_animation_that_cannot_be_what_is_wanted_fails_alone(run: Cli, photos: Path, out: Path):
    frames = [noise(24, 16, seed) for seed in range(5)]
    frames[0].save(photos / "d.gif", save_all=True, append_images=frames[1:])
    ended = run(photos, "--format", "jpg")
    assert ended.code == 1
    assert "d.gif has 5 frames, for which JPEG has no room; --frames first" in ended.err
    assert {*shown(out)} == {"a.jpg", "b.jpg", "c.jpg"}


def test_pictures_of_16_bits_are_what_is_wanted(run: Cli, photos: Path, out: Path):
    noise(24, 16).save(photos / "d.gif")
    assert run(photos).code == 0
    ended = run(photos, "--depth", "16", "--keep-gray")
    assert "4 translated" in ended.err
    assert "4 done before" in run(photos, "--depth", "16", "--keep-gray").err
    assert shown(out) == {
        "a.jpg": ("JPEG", "RGB"), "b.png": ("PNG", "RGBA"), "c.png": ("PNG", "I;16"), "d.gif": ("GIF", "P")
    }  # fmt: skip
    values = imagecodecs.png_decode((out / "b.png").read_bytes())
    assert (values.dtype.name, values.shape) == ("uint16", (16, 24, 4))
    assert "4 translated" in run(photos, "--depth", "16", "--format", "tiff").err
    assert tifffile.imread(out / "a.tiff").dtype.name == "uint16"


def test_depth_is_refused_at_once_where_it_cannot_be_had(
    run: Cli, photos: Path, out: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("imgtrans.images.depth.find_spec", lambda name: None)
    ended = run(photos, "--depth", "16")
    assert ended.code == 5
    assert 'pip install "imgtrans[depth]"' in ended.err
    assert not out.exists()
