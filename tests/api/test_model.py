"""A loaded model called with pictures of every kind: what comes back is what ``imgtrans run`` makes of a file."""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import imgtrans
from imgtrans.errors import ImageError, ModelError, OptionError, UnavailableError, UsageError
from imgtrans.images.colour import gray_profile, srgb_profile
from imgtrans.zoo.store import Model as Stored
from tests.pictures import noise, save

Cli = Callable[..., object]


@pytest.fixture
def model(tiny_model: Stored) -> Iterator[imgtrans.Model]:
    with imgtrans.load("tiny", size=32) as loaded:
        yield loaded


def made_by_run(cli: Cli, path: Path, *options: object) -> np.ndarray:
    """Return the pixels that the command makes of a file; in a PNG, so that they are all there."""
    out = path.with_name("made.png")
    ended = cli("run", path, "-m", "tiny", "-o", out, "--size", 32, "--format", "png", *options)
    assert ended.code == 0, ended.err
    if "--depth" in options:
        import imagecodecs

        return imagecodecs.png_decode(out.read_bytes())
    with Image.open(out) as image:
        return np.asarray(image)


def adobe_profile() -> bytes:
    """An RGB profile that changes colours: sRGB's with two primaries exchanged."""
    profile = bytearray(srgb_profile())
    red, green = profile.index(b"rXYZ"), profile.index(b"gXYZ")
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(profile)


def with_transparent_entry() -> Image.Image:
    image = noise(50, 40).quantize(8)
    image.info["transparency"] = 3
    return image


ODD = {
    "RGB": lambda: noise(50, 40),
    "RGBA": lambda: Image.merge("RGBA", [*noise(50, 40).split(), noise(50, 40, 9).getchannel("R")]),
    "L": lambda: noise(50, 40).convert("L"),
    "LA": lambda: Image.merge("LA", [noise(50, 40).convert("L"), noise(50, 40, 9).getchannel("R")]),
    "P": lambda: noise(50, 40).quantize(8),
    "a palette with a transparent entry": with_transparent_entry,
    "1": lambda: noise(50, 40).convert("1"),
    "I;16": lambda: Image.fromarray(np.asarray(noise(50, 40).convert("L")).astype(np.uint16) * 200),
    "smaller than the network takes": lambda: noise(3, 5),
}


@pytest.mark.parametrize("kind", ODD)
def test_a_pil_image_comes_back_as_run_makes_it(kind: str, cli: Cli, model: imgtrans.Model, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    image = ODD[kind]()
    image.save(path, **({"transparency": 3} if "transparent" in kind else {}))
    expected = made_by_run(cli, path)
    with Image.open(path) as opened:
        made = model(opened)
    assert np.array_equal(np.asarray(made), expected)
    assert np.array_equal(np.asarray(model(image)), expected)  # one that never was in a file, too
    assert made.size == image.size


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_and_colour_profile_of_a_pil_image_count(
    orientation: int, cli: Cli, model: imgtrans.Model, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / "a.jpg", 50, 40, exif=exif, icc_profile=adobe_profile(), quality=95)
    expected = made_by_run(cli, path)
    with Image.open(path) as opened:
        made = model(opened)
    assert np.array_equal(np.asarray(made), expected)
    assert made.info["icc_profile"] == srgb_profile()
    assert "icc_profile" not in model(noise(8, 8)).info


@pytest.mark.parametrize(("mode", "options"), [("CMYK", {}), ("L", {"icc_profile": gray_profile()})])
def test_so_do_inks_and_gray_scales(
    mode: str, options: dict[str, bytes], cli: Cli, model: imgtrans.Model, tmp_path: Path
) -> None:
    path = tmp_path / "a.tif"
    noise(50, 40).convert(mode).save(path, **options)
    with Image.open(path) as opened:
        assert np.array_equal(np.asarray(model(opened)), made_by_run(cli, path))


def test_an_array_of_bytes_comes_back_as_one(cli: Cli, model: imgtrans.Model, tmp_path: Path) -> None:
    given = np.asarray(noise(50, 40))
    before = given.copy()
    expected = made_by_run(cli, save(tmp_path / "a.png", 50, 40))
    made = model(given)
    assert (made.dtype, made.shape) == (np.uint8, (40, 50, 3))
    assert np.array_equal(made, expected)
    assert np.array_equal(given, before)
    assert np.array_equal(model(given[:, ::-1])[:, ::-1].shape, made.shape)  # strides may run backwards
    alpha = np.dstack([given, given[..., 0]])
    assert np.array_equal(model(alpha), np.dstack([expected, given[..., 0]]))


def test_a_gray_array_comes_back_in_colours(cli: Cli, model: imgtrans.Model, tmp_path: Path) -> None:
    gray = noise(50, 40).convert("L")
    gray.save(tmp_path / "a.png")
    expected = made_by_run(cli, tmp_path / "a.png")
    assert np.array_equal(model(np.asarray(gray)), expected)
    assert np.array_equal(model(np.asarray(gray)[..., None]), expected)


def test_an_array_of_16_bits_comes_back_as_with_depth_16(cli: Cli, model: imgtrans.Model, tmp_path: Path) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    given = np.random.default_rng(0).integers(0, 65536, (40, 50, 3), np.uint16)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(given))
    made = model(given)
    assert made.dtype == np.uint16
    assert np.array_equal(made, made_by_run(cli, tmp_path / "a.png", "--depth", 16))


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_floats_are_0_to_1_there_and_back(kind: type, model: imgtrans.Model) -> None:
    given = np.asarray(noise(50, 40))
    made = model((given / 255).astype(kind))
    assert made.dtype == kind
    expected = model(given.astype(np.uint16) * 257) / 65535
    assert np.abs(made - expected).max() <= (3e-3 if kind is np.float16 else 1e-7)


def test_several_arrays_of_one_size_are_several_pictures(model: imgtrans.Model) -> None:
    given = np.stack([np.asarray(noise(20, 16, seed)) for seed in range(3)])
    assert np.array_equal(model(given), np.stack([model(one) for one in given]))


@pytest.mark.parametrize("kind", [torch.uint8, torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_tensor_comes_back_with_its_channels_first(kind: torch.dtype, model: imgtrans.Model) -> None:
    pixels = np.asarray(noise(50, 40))
    given = torch.from_numpy(pixels.copy()).permute(2, 0, 1)
    scale = 1 if kind is torch.uint8 else 255
    expected = model(pixels) if kind is torch.uint8 else model(pixels / 255.0) * 255
    made = model((given / scale).to(kind))
    assert (made.dtype, made.shape, made.is_contiguous()) == (kind, (3, 40, 50), True)
    allowed = {torch.uint8: 0, torch.float16: 0.5, torch.bfloat16: 4}.get(kind, 1e-3)
    assert (made.double() * scale - torch.from_numpy(expected).permute(2, 0, 1)).abs().max() <= allowed
    batch = model(torch.stack([(given / scale).to(kind)] * 2))
    assert torch.equal(batch, torch.stack([made] * 2))


def test_a_tensor_with_a_gradient_is_taken_without(model: imgtrans.Model) -> None:
    made = model(torch.rand(3, 8, 8, requires_grad=True))
    assert not made.requires_grad


def test_a_list_may_be_of_anything_and_comes_back_in_its_order(model: imgtrans.Model, tmp_path: Path) -> None:
    image, path = noise(50, 40), save(tmp_path / "a.png", 50, 40, seed=1)
    array, tensor = np.asarray(noise(50, 40, 2)), torch.rand(3, 16, 20)
    made = model([image, array, path, tensor, str(path)])
    assert [type(one) for one in made] == [Image.Image, np.ndarray, type(path), torch.Tensor, str]
    assert np.array_equal(np.asarray(made[0]), np.asarray(model(image)))
    assert np.array_equal(made[1], model(array))
    assert torch.equal(made[3], model(tensor))
    assert made[2] == Path(made[4]) == tmp_path / "a-tiny.png"
    assert model([]) == []
    assert len(model((image, image))) == 2


def test_a_path_is_translated_beside_itself_once(cli: Cli, model: imgtrans.Model, tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", 50, 40)
    assert model(str(path)) == str(tmp_path / "a-tiny.jpg")
    first = (tmp_path / "a-tiny.jpg").stat()
    assert model(path) == tmp_path / "a-tiny.jpg"
    assert (tmp_path / "a-tiny.jpg").stat().st_mtime_ns == first.st_mtime_ns
    (tmp_path / "other").mkdir()
    cli("run", path, "-m", "tiny", "-o", tmp_path / "other" / "a.jpg", "--size", 32)
    assert (tmp_path / "a-tiny.jpg").read_bytes() == (tmp_path / "other" / "a.jpg").read_bytes()


def test_a_file_that_is_none_or_broken_is_an_error_that_names_it(model: imgtrans.Model, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "broken.png").write_bytes(save(tmp_path / "a.png").read_bytes()[:60])
    with pytest.raises(ImageError, match=r"notes\.txt is not a picture"):
        model(tmp_path / "notes.txt")
    with pytest.raises(ImageError, match=r"broken\.png"):
        model(tmp_path / "broken.png")
    with pytest.raises(UsageError, match="is a folder"):
        model(tmp_path)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "NoneType is no kind of picture"),
        (7, "int is no kind of picture"),
        (np.zeros((3, 40, 50), np.uint8), r"an array of shape \(3, 40, 50\) is no picture"),
        (np.zeros((40, 50, 2), np.uint8), r"an array of shape \(40, 50, 2\) is no picture"),
        (np.zeros((0, 50, 3), np.uint8), r"an array of shape \(0, 50, 3\) is no picture"),
        (np.zeros((40, 50, 3), np.int64), "numbers of type int64 are no picture's"),
        (np.zeros((40, 50, 3), bool), "numbers of type bool are no picture's"),
        (np.full((8, 8, 3), -1.0), "floats of a picture are 0 to 1, and these are -1 to -1"),
        (np.full((8, 8, 3), 255.0), "floats of a picture are 0 to 1, and these are 255 to 255"),
        (np.full((8, 8, 3), np.nan), "floats of a picture are 0 to 1, and these are nan to nan"),
        (torch.zeros(40, 50, 3), r"a tensor of shape \(40, 50, 3\) is no picture"),
        (torch.zeros(40, 50), r"a tensor of shape \(40, 50\) is no picture"),
        (torch.full((3, 8, 8), -1.0), "floats of a picture are 0 to 1, and these are -1 to -1"),
    ],
)
def test_what_is_no_picture_is_refused_with_what_would_be_one(given: object, said: str, model: imgtrans.Model) -> None:
    with pytest.raises(UsageError, match=said) as refusal:
        model(given)
    assert refusal.value.__notes__ == [refusal.value.hint] != [""]


def test_floats_that_resampling_left_a_little_out_of_range_are_clipped(model: imgtrans.Model) -> None:
    given = np.full((8, 8, 3), 1.005, np.float32)
    assert np.array_equal(model(given), model(np.ones((8, 8, 3), np.float32)))


@pytest.mark.parametrize(
    ("options", "flags"),
    [
        ({"size": "native"}, ["--size", "native"]),
        ({"strength": 0.5, "size": 16}, ["--strength", 0.5, "--size", 16]),
        ({"upsample": "bicubic", "size": 20}, ["--upsample", "bicubic", "--size", 20]),
        ({"tiling": "exact", "size": "native"}, ["--tiling", "exact", "--size", "native"]),
        ({"backend": "eager", "device": "cpu,cpu"}, ["--backend", "eager"]),
        ({"memory": "2GB", "batch_size": 1, "precision": "float32"}, ["--memory", "2GB"]),
    ],
)  # fmt: skip
def test_options_mean_what_the_commands_mean(
    options: dict[str, object], flags: list[object], cli: Cli, tiny_model: Stored, tmp_path: Path
) -> None:
    path, out = save(tmp_path / "a.png", 90, 70), tmp_path / "made.png"
    assert cli("run", path, "-m", "tiny", "-o", out, *flags).code == 0
    with imgtrans.load("tiny", **options) as model, Image.open(path) as image, Image.open(out) as expected:
        assert np.array_equal(np.asarray(model(image)), np.asarray(expected))


def test_pictures_of_one_size_are_computed_together_within_the_batch(tiny_model: Stored) -> None:
    with imgtrans.load("tiny", batch_size=2, backend="eager") as model:
        shapes = []
        (session,) = model._network._engine.sessions
        run, session.run = session.run, lambda pictures: shapes.append(pictures.shape) or run(pictures)
        model([np.asarray(noise(16, 16, seed)) for seed in range(5)] + [np.asarray(noise(20, 16))])
    assert sorted(shapes) == [(1, 16, 16, 3), (1, 16, 20, 3), (2, 16, 16, 3), (2, 16, 16, 3)]


def test_where_several_do_not_fit_together_fewer_are_computed_and_one_that_does_not_is_an_error(
    tiny_model: Stored,
) -> None:
    with imgtrans.load("tiny", backend="eager") as model:
        (session,) = model._network._engine.sessions
        run, room = session.run, 2

        def narrow(pictures: np.ndarray) -> np.ndarray:
            if len(pictures) > room:
                raise MemoryError("no more")
            return run(pictures)

        session.run = narrow
        given = [np.array(noise(16, 16, seed)) for seed in range(5)]
        expected = [run(one[None])[0] for one in given]
        assert all(np.array_equal(*pair) for pair in zip(model(given), expected, strict=True))
        room = 0
        with pytest.raises(MemoryError, match="no more"):
            model(given)


@pytest.mark.parametrize("device", ["cpu", "cpu,cpu"])
def test_threads_share_a_model(device: str, tiny_model: Stored) -> None:
    pictures = [np.asarray(noise(20 + 4 * n, 16, n)) for n in range(6)]
    threads = torch.get_num_threads()
    with imgtrans.load("tiny", device=device) as model:
        assert model.device == device
        expected = [model(one) for one in pictures]
        problems: list[str] = []

        def work(mine: int) -> None:
            for n in range(12):
                which = (mine + n) % 6
                if not np.array_equal(model(pictures[which]), expected[which]):
                    problems.append(f"thread {mine}, picture {which}")

        workers = [threading.Thread(target=work, args=(n,)) for n in range(6)]
        for one in workers:
            one.start()
        assert all(np.array_equal(*pair) for pair in zip(model(pictures), expected, strict=True))
        for one in workers:
            one.join()
    assert problems == []
    assert torch.get_num_threads() == threads


def test_it_is_closed_once_and_says_so(tiny_model: Stored) -> None:
    with imgtrans.load("tiny") as model:
        assert repr(model).startswith("<imgtrans.Model 'tiny' on cpu in float32")
    model.close()
    assert repr(model).endswith(", closed>")
    for use in (lambda: model(noise(8, 8)), lambda: model.run("."), lambda: model("a.png")):
        with pytest.raises(UsageError, match="the model 'tiny' is closed"):
            use()


def test_closing_waits_for_who_is_using_it(tiny_model: Stored) -> None:
    model = imgtrans.load("tiny", backend="eager")
    (session,) = model._network._engine.sessions
    begun, go_on = threading.Event(), threading.Event()
    run = session.run

    def slow(pictures: np.ndarray) -> np.ndarray:
        begun.set()
        assert go_on.wait(60)
        return run(pictures)

    session.run = slow
    made: list[object] = []
    user = threading.Thread(target=lambda: made.append(model(noise(8, 8))))
    user.start()
    assert begun.wait(60)
    closer = threading.Thread(target=model.close)
    closer.start()
    go_on.set()
    user.join()
    closer.join()
    assert len(made) == 1


def test_a_card_comes_along_and_a_path_is_a_model_too(tiny_model: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    with imgtrans.load("tiny") as model:
        assert model.card == tiny_model.card
        assert isinstance(model.card, imgtrans.Card)
    monkeypatch.chdir(tiny_model.weights.parent)
    with imgtrans.load(Path(tiny_model.weights.name)) as other:  # without a separator: its suffix says it
        monkeypatch.chdir("/")
        assert other.card.sha256 == tiny_model.card.sha256
        assert np.array_equal(np.asarray(other(noise(16, 16))), np.asarray(imgtrans.load("tiny")(noise(16, 16))))


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"model": "nobody"}, ModelError, "there is no model called 'nobody'"),
        ({"model": "./nobody.pth"}, ModelError, "there is no file .*/nobody.pth"),
        ({"size": "large"}, OptionError, "size is 'large'"),
        ({"batch_size": 0}, OptionError, "batch_size is 0"),
        ({"device": "gpu"}, OptionError, "device is 'gpu', which is not a device"),
        ({"option": ["eager.threads=2"], "backend": "eager"}, UsageError, "eager has no options of its own"),
        ({"option": ["threads=2"]}, OptionError, "option is 'threads=2'"),
        ({"memory": "much"}, OptionError, "memory is 'much'"),
        ({"backend": "nobodys"}, UnavailableError, "there is no 'nobodys' among the backends"),
    ],
)
def test_what_cannot_be_loaded_is_said_in_the_words_of_the_call(
    options: dict[str, object], error: type[Exception], said: str, tiny_model: Stored
) -> None:
    with pytest.raises(error, match=said) as refusal:
        imgtrans.load(**({"model": "tiny"} | options))
    assert refusal.value.__notes__ == [refusal.value.hint] if refusal.value.hint else True


def test_nothing_is_printed_and_no_signal_is_taken(
    tiny_model: Stored, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with imgtrans.load("tiny") as model:
        model(noise(16, 16))
        assert [one.status for one in model.run(save(tmp_path / "in" / "a.png").parent)] == ["translated"]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert capfd.readouterr() == ("", "")


def test_it_works_where_an_event_loop_runs(tiny_model: Stored, tmp_path: Path) -> None:
    save(tmp_path / "in" / "a.png")

    async def cell() -> tuple[object, list[str]]:
        with imgtrans.load("tiny") as model:
            image = await asyncio.to_thread(model, noise(16, 16))
            return image.size, [one.status for one in model.run(tmp_path / "in")]

    assert asyncio.run(cell()) == ((16, 16), ["translated"])
