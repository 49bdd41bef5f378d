"""On a terminal something is said before PyTorch, which takes seconds, is even asked for."""

import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from imgtrans.zoo.store import Model
from tests.checkout import ROOT
from tests.pictures import save

pty = pytest.importorskip("pty", reason="there are no pseudo terminals")
SAID = {
    "run photos": "looking at what there is to do, with summer2winter",
    "run photos --model ./G.pth": "looking at what there is to do",
    "watch photos": "getting ready to watch photos",
    "train --data set": "looking at what there is to train on",
    "compare photos/a.png": "getting ready to compare summer2winter",
    "evaluate photos photos": "looking at the pictures",
    "doctor": "program:",
    "models info tiny": "tiny turns day into night",
    "models list": "name",
}


@pytest.mark.parametrize("words", [*SAID])
def test_the_first_message_does_not_wait_for_torch(tmp_path: Path, tiny: Model, words: str) -> None:
    save(tmp_path / "photos" / "a.png", 40, 32)
    for domain in ("trainA", "trainB"):
        save(tmp_path / "set" / domain / "a.png", 40, 32)
    (tmp_path / "G.pth").write_bytes(tiny.weights.read_bytes())
    (tmp_path / "slow" / "torch").mkdir(parents=True)
    (tmp_path / "slow" / "torch" / "__init__.py").write_text("import time\ntime.sleep(600)\n")
    inner, outer = pty.openpty()
    fcntl.ioctl(outer, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "imgtrans", *words.split()],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path / 'slow'}{os.pathsep}{ROOT}", "TERM": "xterm"},
        stdin=outer,
        stdout=outer,
        stderr=outer,
    )
    os.close(outer)
    try:
        assert SAID[words] in first_line(inner)
    finally:
        process.kill()
        process.wait()
        os.close(inner)


def first_line(terminal: int) -> str:
    """Return what is seen first, without what colours it."""
    told, deadline = b"", time.monotonic() + 60
    while time.monotonic() < deadline and b"\n" not in told:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                told += os.read(terminal, 4096)
            except OSError:
                break
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", told.decode())


def test_a_pipe_is_told_nothing_that_passes(cli: "object", tiny: Model, tmp_path: Path) -> None:
    save(tmp_path / "photos" / "a.png", 40, 32)
    ended = cli("run", tmp_path / "photos", "--model", "tiny", "--device", "cpu")  # type: ignore[operator]
    assert "looking at what there is" not in ended.err
    assert ended.err.startswith("translating 1 picture with tiny")
