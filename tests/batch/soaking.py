"""Kill real runs over pictures of several formats, as often as asked, and check what each leaves: ``scripts/soak``."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from imgtrans import checkpoint
from imgtrans.architectures.resnet import GeneratorResNet, weights_init_normal
from tests.batch.killing import Killing
from tests.pictures import save

PICTURES = 40
TIMES = 200
EACH = 20  # kills, and then one run to the end


def main(times: int, seed: int) -> None:
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        folder = Path(name)
        os.environ["IMGTRANS_HOME"] = str(folder / "home")
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        weights = tiny_weights(folder)
        for number in range(PICTURES):
            suffix = ("png", "jpg", "webp", "tiff")[number % 4]
            save(folder / "photos" / f"{number % 3}" / f"{number}.{suffix}", 160, 120, seed=number)

        def start(photos: Path, out: Path) -> int:
            # Batches of one: how pictures fall into batches depends on the moment, and changes a last bit now and then.
            command = [sys.executable, "-m", "imgtrans", "run", photos, "-o", out, "-m", weights, "-q"]
            process = subprocess.Popen(
                [*command, "--device", "cpu", "--batch-size", "1"], start_new_session=True, stdout=subprocess.DEVNULL
            )
            process.returncode = 0  # whoever has its id waits for it
            return process.pid

        killing = Killing(folder / "photos", folder / "out", start, seed)
        print(f"seed {seed}: one run to the end", flush=True)
        killing.warm_up()
        for kills in range(min(EACH, times), times + 1, EACH):
            while killing.kills < kills:
                killing.kill_once()
            killing.complete()
            print(f"killed {killing.kills} times, completed {killing.rounds} times, every invariant held", flush=True)


def tiny_weights(folder: Path) -> Path:
    torch.manual_seed(0)
    network = GeneratorResNet((3, 0, 0), 1, ngf=4).apply(weights_init_normal)
    checkpoint.write_weights(network.state_dict(), folder / "tiny.safetensors")
    return folder / "tiny.safetensors"


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else TIMES,
        int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns() % 10**6,
    )
