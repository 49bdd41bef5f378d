"""Runs on a Ray of two cores that is started once for all tests; what is tried on processes is tried on real ones."""

import os
import random
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imgtrans_ray
import numpy as np
import psutil
import pytest
import ray
from imgtrans_ray.actors import ModelActor, groups_of
from imgtrans_ray.executor import RayExecutor
from imgtrans_ray.frames import Frame, packed, unpacked
from imgtrans_ray.options import Options
from PIL import Image
from ray import cloudpickle

from imgtrans.errors import UnavailableError, UsageError
from imgtrans.protocols import Item, Job, Outcome, Pixels, Ready
from imgtrans.testing import check_executor, check_imports

JOB = Job(size=None, multiple=4, smallest=8, max_pixels=10**6, max_working_pixels=10**6)
# The processes of the cluster cannot import this module.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


@pytest.fixture(scope="session", autouse=True)
def _cluster() -> Iterator[None]:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_AUTH_TOKEN", "tests")
    ray.init("local", num_cpus=2, object_store_memory=200 << 20, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@dataclass(frozen=True)
class Opening:
    """Makes ready what turns pictures into their negatives, and does not survive some of them.

    Attributes:
        poison: The first value of a picture that ends the process; none if it is negative.
        fails: Why it cannot be made ready; "" if it can.
        device: Where it computes.
    """

    poison: int = -1
    fails: str = ""
    device: str = "cpu"

    def open(self, **told: Any) -> Ready:
        if self.fails:
            raise UnavailableError(self.fails)
        return Ready([Negative(self.poison)], JOB, batch_size=4, batch_pixels=10**6, workers=2, pictures_memory=10**8)


class Negative:
    def __init__(self, poison: int) -> None:
        self.poison = poison

    def run(self, pictures: Pixels) -> Pixels:
        if (pictures[:, 0, 0, 0] == self.poison).any():
            os._exit(1)
        if len(pictures) > 3:
            raise MemoryError
        negatives: Pixels = 255 - pictures
        return negatives


def pictures(folder: Path, count: int) -> list[Item]:
    made = []
    for number in range(count):
        path = folder / f"{number:03}.png"
        pixels = np.random.default_rng(number).integers(0, 256, (16 + 4 * (number % 3), 16, 3), np.uint8)
        pixels[0, 0, 0] = number  # tells it from all others
        Image.fromarray(pixels).save(path)
        status, output = path.stat(), path.with_name(f"{number:03}-out.png")
        made.append(Item(path, output, os.fsencode(output.name), b"", "PNG", status.st_size, status.st_mtime_ns))
    return made


def translated(executor: RayExecutor, drawn: Iterable[Item], todo: list[Item] | None = None) -> dict[str, str]:
    """Return the errors, by name; each picture is there once, and all that have none are right."""
    todo = [*drawn] if todo is None else todo
    outcomes: list[Outcome] = [outcome for group in executor.run(drawn) for outcome in group]
    assert sorted(outcome.item.key for outcome in outcomes) == [item.key for item in todo], "lost, or doubled"
    for outcome in outcomes:
        if outcome.temporary:
            with Image.open(outcome.item.input) as before, Image.open(outcome.temporary) as after:
                assert np.array_equal(255 - np.asarray(before), np.asarray(after))
    return {outcome.item.input.name: outcome.error for outcome in outcomes if outcome.error}


def processes(name: str) -> list[psutil.Process]:
    """Return the processes of an actor class."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if name in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def kill_one(name: str) -> bool:
    there = processes(f"ray::{name}")
    if there:
        random.choice(there).send_signal(signal.SIGKILL)
    return bool(there)


def test_it_keeps_the_promises_of_an_executor():
    check_executor(RayExecutor)


def test_it_stands_on_the_public_api_alone():
    check_imports(Path(imgtrans_ray.__file__).parent)


@pytest.mark.parametrize("name", ["CodecActor", "ModelActor"])
def test_killed_processes_lose_and_double_nothing(tmp_path: Path, name: str):
    todo = pictures(tmp_path, 120)
    kills = [0]

    def drawn() -> Iterator[Item]:
        for number, item in enumerate(todo):
            if number % 40 == 20:
                kills[0] += kill_one(name)
            yield item

    with closing(RayExecutor(Opening(), options=Options(models=2))) as executor:
        assert translated(executor, drawn(), todo) == {}
    assert kills[0] == 3


def test_a_picture_that_ends_whatever_computes_it_fails_alone(tmp_path: Path):
    todo = pictures(tmp_path, 24)
    with closing(RayExecutor(Opening(poison=13))) as executor:
        errors = translated(executor, todo)
    assert errors == {"013.png": f"{todo[13].input} ended whatever computed it, each time."}


def test_a_model_that_cannot_be_opened_there_is_told_with_its_reason():
    with pytest.raises(UnavailableError, match="there is no such backend"):
        RayExecutor(Opening(fails="there is no such backend"))
    _, alive = psutil.wait_procs(processes("ray::ModelActor"), timeout=20)  # Ray kills, and does not wait
    assert not alive


def test_devices_of_one_machine_are_refused():
    for device in ("cuda:0", "cuda:0,cuda:1", "all"):
        with pytest.raises(UsageError, match="names devices of one machine"):
            RayExecutor(Opening(device=device))


def test_it_can_run_again_and_a_run_may_be_given_up(tmp_path: Path):
    todo = pictures(tmp_path, 30)
    with closing(RayExecutor(Opening())) as executor:
        assert translated(executor, todo[:10]) == {}
        assert translated(executor, []) == {}
        run = executor.run(todo[10:])
        next(run)
        run.close()
    assert len([*tmp_path.iterdir()]) < 30 + 10 + 20  # outcomes that were told are there, and nothing else


def test_what_was_read_together_comes_back_together():
    refs = [ray.put([np.full((2, 2, 3), 10 * one + n, np.uint8) for n in range(3)]) for one in range(2)]
    frames = [Frame((2, 2, 3), np.dtype("u1"), refs[one], n) for one, n in ((0, 1), (0, 2), (1, 0), (0, 0))]
    places, objects = packed(frames)
    assert objects == refs
    assert [int(array[0, 0, 0]) for array in unpacked(places, ray.get(objects))] == [1, 2, 10, 0]
    assert groups_of(places) == [2, 1, 1]
    assert frames[0].nbytes == 12


def test_more_frames_than_fit_into_a_batch_come_in_one_call():
    computed: list[int] = []

    class Telling(Negative):
        def run(self, pictures: Pixels) -> Pixels:
            computed.append(len(pictures))
            return super().run(pictures)

    class OfTwo(Opening):
        def open(self, **told: Any) -> Ready:
            session = Telling(self.poison)
            return Ready([session], JOB, batch_size=64, batch_pixels=2 * 8 * 8, workers=1, pictures_memory=10**8)

    actor = ModelActor()
    actor.open(OfTwo(), threads=0, beside=0)
    frames = [np.full((8, 8, 3), number, np.uint8) for number in range(5)]
    problems, first, second = actor.compute([(0, number) for number in range(5)], [3, 2], frames)
    assert computed == [2, 2, 1]
    assert problems == [None] * 5
    assert [int(one[0, 0, 0]) for one in (*first, *second)] == [255, 254, 253, 252, 251]


def test_options_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="models is -1, and cannot be less than 0"):
        Options(models=-1)
