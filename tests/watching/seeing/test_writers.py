import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgtrans.watching.seeing.writers import can_tell, is_written, ready_to_ask


@pytest.fixture
def asking() -> Iterator[None]:
    before = signal.getsignal(signal.SIGIO)
    ready_to_ask()
    yield
    signal.signal(signal.SIGIO, before)


@pytest.mark.usefixtures("asking")
def test_a_file_that_is_open_for_writing_is_known(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    with path.open("wb") as file:
        file.write(b"x")
        if not is_written(str(path)):
            pytest.skip("this file system gives no leases")
    assert not is_written(str(path))
    with path.open("rb"):
        assert not is_written(str(path))
    assert not is_written(str(tmp_path / "gone"))


def test_nobody_is_asked_where_that_could_kill(tmp_path: Path) -> None:
    if signal.getsignal(signal.SIGIO) != signal.SIG_IGN:
        assert not can_tell()
