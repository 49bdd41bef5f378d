"""One run on several devices, and the limits that are derived from memory."""

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from imgtrans.batch.engine import Engine
from imgtrans.errors import UsageError
from imgtrans.executors.given import Given
from imgtrans.executors.local import LocalExecutor
from imgtrans.memory import WORKER_BYTES, resident_memory
from imgtrans.protocols import Item, Outcome
from imgtrans.zoo.store import Model
from tests.pictures import save


@pytest.fixture
def pictures(tmp_path: Path) -> list[Item]:
    made = []
    for number in range(9):
        path = save(tmp_path / f"{number}.png", 40 + 8 * (number % 3), 32, seed=number)
        status = path.stat()
        output = path.with_name(f"out-{number}.png")
        made.append(Item(path, output, b"%d" % number, b"", "PNG", status.st_size, status.st_mtime_ns))
    return made


@pytest.fixture
def roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with 16 cores, and 16 GB of memory to spare."""
    monkeypatch.setattr("os.cpu_count", lambda: 16)
    monkeypatch.setattr("imgtrans.memory.available_memory", lambda: 16 * 10**9)


@pytest.fixture(autouse=True)
def _two_threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(threads)


def translated(engine: Engine, items: list[Item]) -> dict[str, bytes]:
    with contextlib.closing(LocalExecutor(Given(engine))) as executor:
        outcomes: list[Outcome] = [outcome for group in executor.run(items) for outcome in group]
    assert not [outcome.error for outcome in outcomes if outcome.error]
    return {one.item.input.name: one.temporary.read_bytes() for one in outcomes if one.temporary}


def test_what_comes_out_does_not_depend_on_how_many_devices_there_are(tiny: Model, pictures: list[Item]) -> None:
    results = []
    for device in ("cpu", "cpu,cpu"):
        with Engine(tiny, None, device, "auto", 1) as engine:
            results.append(translated(engine, pictures))
    assert len(results[0]) == 9
    assert results[0] == results[1]


def test_a_picture_is_streamed_the_same_on_several_devices(tiny: Model, pictures: list[Item]) -> None:
    results = []
    for device in ("cpu", "cpu,cpu"):
        with Engine(tiny, None, device, "auto", 1, tiling="exact") as engine:
            results.append(translated(engine, pictures[:4]))
    assert results[0] == results[1]


def test_several_sessions_on_the_cpu_share_its_cores(tiny: Model) -> None:
    with Engine(tiny, None, "cpu,cpu", "auto", 1) as engine:
        assert torch.get_num_threads() == 1
        assert [session._streamer.threads for session in engine.sessions] == [1, 1]
        assert engine.describe() == "on 2 x cpu in float32"
    assert torch.get_num_threads() == 2


def test_a_list_that_makes_no_sense_is_refused(tiny: Model) -> None:
    with pytest.raises(UsageError, match="'gpu', which is not a device"):
        Engine(tiny, None, "cpu,gpu", "auto", 1)


@pytest.mark.usefixtures("roomy")
def test_one_picture_alone_may_be_large_on_a_machine_with_many_cores(tiny: Model, tmp_path: Path) -> None:
    """100 megapixels take 2.4 GB to read and write, however many others could be read in the meantime."""
    with Engine(tiny, 64, "cpu", "auto", 1) as engine:
        assert engine.job.max_pixels == 10**9
        assert engine.job.memory > 24 * 500_000_000
    with Engine(tiny, 64, "cpu", "auto", 1, max_pixels=10**6) as engine:
        assert engine.job.max_pixels == 10**6


def test_a_picture_has_the_same_bytes_whole_and_streamed(tiny: Model, pictures: list[Item], tmp_path: Path) -> None:
    """Tiles and sums are those of the picture, not of the strip."""
    results = []
    for given in (
        {"tiling": "off"},
        {"tiling": "exact"},
        {"tiling": "exact", "memory": resident_memory() + 10**9},
        {"tiling": "auto"},
    ):
        with Engine(tiny, None, "cpu", "auto", 0, scratch=tmp_path, backend="prepared", **given) as engine:  # type: ignore[arg-type]
            results.append(translated(engine, pictures))
    assert all(result == results[0] for result in results)


def test_where_kernels_would_take_most_of_the_memory_the_network_does_without(tiny: Model) -> None:
    with Engine(tiny, None, "cpu", "auto", 1, memory=2 * 10**9) as engine:
        assert engine.backends == {"prepared": ""}
    with Engine(tiny, None, "cpu", "auto", 1, memory=resident_memory() + 4 * WORKER_BYTES) as engine:
        assert "eager (what prepares it would take most of the" in engine.describe()


def test_a_fused_network_makes_the_same_pictures_up_to_rounding(tiny: Model, pictures: list[Item]) -> None:
    results = []
    for backend in ("eager", "fused"):
        with Engine(tiny, None, "cpu", "auto", 0, tiling="off", backend=backend) as engine:
            assert engine.backends == {backend: ""}
            made = translated(engine, pictures)
            results.append([np.asarray(Image.open(io.BytesIO(made[name]))).astype(int) for name in sorted(made)])
    assert max(np.abs(one - other).max() for one, other in zip(*results, strict=True)) <= 1


def test_the_memory_of_a_network_is_that_of_what_is_computed_at_once_and_of_what_is_kept(tiny: Model) -> None:
    with Engine(tiny, None, "cpu", "auto", 0) as engine:
        each = engine.bytes_per_pixel
        assert engine.network_memory(1000, 7) == round(7000 * each)
        assert engine.network_memory(10**8, 0) == round(engine.whole_pixels * each)
        engine.together, engine.kept_memory = 5000, 10**6  # as on a card
        assert engine.network_memory(1000, 7) == round(5000 * each) + 10**6
        assert engine.network_memory(8000, 3) == round(8000 * each) + 10**6
