"""Kill runs over pictures of several formats, as often as asked, and check what each leaves: ``scripts/soak``.

Runs are forked off a process that has torch, which takes seconds to import, and no second thread.
"""

import contextlib
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

import torch

import imgtrans.__main__ as program
from imgtrans import checkpoint
from imgtrans.architectures.resnet import GeneratorResNet, weights_init_normal
from imgtrans.card import Card
from imgtrans.zoo.store import install
from tests.batch.killing import Killing
from tests.pictures import save

PICTURES = 40
TIMES = 200
EACH = 20  # kills, and then one run to the end
# Batches of one: how pictures fall into batches depends on the moment, and changes a last bit now and then.
OPTIONS = ("--model", "tiny", "--device", "cpu", "--batch-size", "1", "-q")


def main(times: int, seed: int) -> None:
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        folder = Path(name)
        os.environ["IMGTRANS_HOME"] = str(folder / "home")
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        install_tiny()
        for number in range(PICTURES):
            suffix = ("png", "jpg", "webp", "tiff")[number % 4]
            save(folder / "photos" / f"{number % 3}" / f"{number}.{suffix}", 160, 120, seed=number)

        killing = Killing(folder / "photos", folder / "out", fork, seed)
        print(f"seed {seed}: one run to the end", flush=True)
        killing.warm_up()
        for kills in range(min(EACH, times), times + 1, EACH):
            while killing.kills < kills:
                killing.kill_once()
            killing.complete()
            print(f"killed {killing.kills} times, completed {killing.rounds} times, every invariant held", flush=True)


def install_tiny() -> None:
    torch.manual_seed(0)
    network = GeneratorResNet((3, 0, 0), 1, ngf=4).apply(weights_init_normal)
    card = Card("tiny", "", "", "resnet", {"channels": 3, "ngf": 4, "blocks": 1, "upsampling": "nearest"}, "")
    install(card, lambda path: checkpoint.write_weights(network.state_dict(), path))


def fork(photos: Path, out: Path) -> int:
    """Start a run in a copy of this process, in a process group of its own; return its id."""
    assert threading.active_count() == 1
    pid = os.fork()
    with contextlib.suppress(OSError):  # here and there: a kill may come before the other has done it
        os.setpgid(pid, pid)
    if pid:
        return pid
    code = 70
    try:
        silence = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(silence, descriptor)
        sys.argv = ["imgtrans", "run", str(photos), "-o", str(out), *OPTIONS]
        sys.modules["__main__"] = program  # what a worker imports first
        program.main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 70
    finally:
        os._exit(code)


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else TIMES,
        int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns() % 10**6,
    )
