import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgtrans.errors import ImageError
from imgtrans.executors.codec import Read, WorkerDiedError
from imgtrans.executors.worker import Worker
from imgtrans.images.measure import Extent
from imgtrans.protocols import Item, Job
from tests.pictures import save

JOB = Job(size=None, multiple=4, smallest=8, max_pixels=10**6, max_working_pixels=10**6)


def item_for(path: Path) -> Item:
    status = path.stat()
    name = os.fsencode(path.name)
    return Item(path, path.with_suffix(".out"), name, name, "PNG", status.st_size, status.st_mtime_ns)


@pytest.fixture
def worker() -> object:
    worker = Worker(JOB)
    yield worker
    worker.close()


def test_what_is_read_comes_back_padded_and_can_be_written(worker: Worker, tmp_path: Path) -> None:
    item = item_for(save(tmp_path / "a.png", 21, 13))
    assert worker.measure(item) == Extent(21 * 13, 21 * 13 * 24)
    read = worker.read(item)
    assert [frame.shape for frame in read.frames] == [(16, 24, 3)]
    assert read.pixels == 21 * 13
    assert read.seconds > 0
    assert worker.write(item, read.frames, tmp_path / "out") > 0
    assert (tmp_path / "out").stat().st_size > 0


def test_errors_of_a_picture_come_across(worker: Worker, tmp_path: Path) -> None:
    path = tmp_path / "broken.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    with pytest.raises(ImageError, match=r"broken\.png"):
        worker.read(item_for(path))
    worker.read(item_for(save(tmp_path / "a.png")))  # and harm nobody else


def test_errors_of_the_disk_keep_their_number(worker: Worker, tmp_path: Path) -> None:
    item = item_for(save(tmp_path / "a.png"))
    frames = worker.read(item).frames
    with pytest.raises(FileNotFoundError):
        worker.write(item, frames, tmp_path / "nowhere" / "out")


def test_a_crash_is_told_and_the_next_call_gets_a_new_process(worker: Worker, tmp_path: Path) -> None:
    item = item_for(save(tmp_path / "a.png"))
    worker.read(item)
    os.kill(worker._process.pid, signal.SIGKILL)
    with pytest.raises(WorkerDiedError, match="crashed"):
        worker.read(item)
    frames = worker.read(item).frames
    worker.close()  # what was held is lost with the process, and is read again for writing
    worker.write(item, frames, tmp_path / "out")
    assert (tmp_path / "out").exists()


def test_a_worker_that_is_killed_before_it_has_a_process_gets_none(worker: Worker, tmp_path: Path) -> None:
    """Else a run that was stopped would wait for a picture that nobody wants."""
    item = item_for(save(tmp_path / "a.png"))
    worker.kill()
    with pytest.raises(WorkerDiedError) as died:
        worker.read(item)
    assert not died.value.killed
    assert worker._process is None


def test_processes_that_start_and_end_beside_one_another_do_not_get_in_each_others_way(tmp_path: Path) -> None:
    item = item_for(save(tmp_path / "a.png"))
    problems = []

    def crash_often() -> None:
        worker = Worker(JOB)
        try:
            for _ in range(4):
                worker.measure(item)
                os.kill(worker._process.pid, signal.SIGKILL)
                try:
                    worker.read(item)
                except WorkerDiedError as died:
                    assert died.killed
            worker.close()
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=crash_often) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems


def test_a_hang_is_ended(tmp_path: Path) -> None:
    worker = Worker(JOB, time_limit=0.2)
    path = tmp_path / "fifo.png"
    item = item_for(save(tmp_path / "a.png"))
    os.mkfifo(path)
    started = time.monotonic()
    hanging = Item(path, item.output, b"x", b"x", "PNG", path.stat().st_size, path.stat().st_mtime_ns)
    with pytest.raises(WorkerDiedError, match="took longer"):
        worker.read(hanging)  # opening a FIFO that nobody writes to blocks for ever
    assert time.monotonic() - started < 60
    worker.close()


def test_an_input_that_changed_since_it_was_planned_is_refused(worker: Worker, tmp_path: Path) -> None:
    path = save(tmp_path / "a.png")
    item = item_for(path)
    save(path, 50, 50)
    with pytest.raises(ImageError, match="changed while"):
        worker.read(item)


def test_the_same_picture_gives_the_same_pixels_here_and_there(worker: Worker, tmp_path: Path) -> None:
    from imgtrans import translate

    item = item_for(save(tmp_path / "a.png", 40, 40))
    assert np.array_equal(worker.read(item).frames[0], translate.padded(translate.read(item, JOB), JOB))


def test_a_worker_starts_without_torch() -> None:
    """It would take each of them two seconds, and memory."""
    code = "import sys, imgtrans.executors.worker, imgtrans.translate; print('torch' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert printed == "False\n"


def test_small_pictures_are_read_in_one_message_and_larger_ones_are_only_measured(
    worker: Worker, tmp_path: Path
) -> None:
    small, large = item_for(save(tmp_path / "a.png", 21, 13)), item_for(save(tmp_path / "b.png", 200, 200))
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    one, other, third = worker.read_small([small, large, item_for(tmp_path / "broken.png")], 24 * 100 * 100)
    assert isinstance(one, tuple) and isinstance(other, tuple)
    assert one[0] == Extent(21 * 13, 21 * 13 * 24) and isinstance(one[1], Read)
    assert np.array_equal(one[1].frames[0], worker.read(small).frames[0])
    assert other == (Extent(200 * 200, 200 * 200 * 24), None)
    assert isinstance(third, ImageError) and "broken.png" in third.message


def test_pictures_are_written_in_one_message_and_one_that_cannot_be_fails_alone(worker: Worker, tmp_path: Path) -> None:
    todo = [item_for(save(tmp_path / f"{n}.png", 21 + n, 13, seed=n)) for n in range(3)]
    read = [worker.read(item) for item in todo]
    paths = [tmp_path / "out0", tmp_path / "nowhere" / "out1", tmp_path / "out2"]
    given = [(item, one.frames, path) for item, one, path in zip(todo, read, paths, strict=True)]
    first, second, third = worker.write_several(given)
    assert isinstance(second, FileNotFoundError)
    assert isinstance(first, float) and isinstance(third, float) and min(first, third) > 0
    for item, path in ((todo[0], paths[0]), (todo[2], paths[2])):
        with Image.open(item.input) as before, Image.open(path) as after:
            assert np.array_equal(np.asarray(before), np.asarray(after))


def test_large_pictures_get_more_time(tmp_path: Path) -> None:
    """What an encoder takes for a gigapixel is no hang."""
    worker = Worker(JOB, time_limit=0.01)
    item = item_for(save(tmp_path / "a.png", 40, 40))
    with pytest.raises(WorkerDiedError, match=r"took longer than 0\.01 seconds"):
        worker.read(item)  # its process alone takes longer to start
    assert len(worker.read(item, pixels=60 * 10**6).frames) == 1
    worker.close()
