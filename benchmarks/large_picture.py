"""One large JPEG through the whole command: does it keep to --memory, with reading, writing and every process counted?

    python benchmarks/large_picture.py --size 8700 11600 --memory 4GB

The network is a narrow one with random weights (--ngf, --blocks), since time is not the question here. Memory is that
of all processes together, looked at every tenth of a second, without what they share counted twice.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def picture(path: Path, height: int, width: int) -> None:
    """Write a picture that compresses as photographs do."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (height // 64 + 1, width // 64 + 1, 3), dtype=np.uint8))
    pixels = np.array(coarse.resize((width, height), Image.Resampling.BICUBIC))
    for top in range(0, height, 512):
        strip = pixels[top : top + 512]
        strip[:] = np.clip(strip.astype(np.int16) + rng.integers(-8, 9, strip.shape, dtype=np.int16), 0, 255)
    Image.fromarray(pixels).save(path, quality=92)


def model(path: Path, ngf: int, blocks: int) -> None:
    """Write a checkpoint as the deck's code would."""
    import torch

    from imgtrans.architectures.resnet import GeneratorResNet, weights_init_normal

    torch.manual_seed(0)
    torch.save(GeneratorResNet((3, 0, 0), blocks, ngf=ngf).apply(weights_init_normal).state_dict(), path)


def followed(command: list[str], environment: dict[str, str]) -> tuple[float, float, float]:
    """Run a command; return its seconds, the most memory of its processes and their largest scratch file, in GB."""
    import psutil

    started, most, disk = time.perf_counter(), 0, 0
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            try:
                whole = psutil.Process(process.pid)
                most = max(most, sum(one.memory_full_info().pss for one in (whole, *whole.children(recursive=True))))
                files = [opened.stat() for opened in Path(f"/proc/{process.pid}/fd").iterdir() if opened.exists()]
            except (psutil.Error, OSError):  # something has just ended
                continue
            disk = max([disk, *(512 * file.st_blocks for file in files if not file.st_nlink)])
            time.sleep(0.1)
    if process.returncode:
        raise SystemExit(process.returncode)
    return time.perf_counter() - started, most / 1e9, disk / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, nargs=2, default=[8700, 11600], help="height and width")
    parser.add_argument("--ngf", type=int, default=16)
    parser.add_argument("--blocks", type=int, default=1)
    parser.add_argument("--memory", default="4GB")
    parser.add_argument("--tiling", default="auto")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = os.environ | {"IMGTRANS_HOME": str(folder / "home")}
        command = [sys.executable, "-m", "imgtrans"]
        for make in (f"picture(Path({str(folder / 'large.jpg')!r}), *{given.size})",
                     f"model(Path({str(folder / 'narrow.pth')!r}), {given.ngf}, {given.blocks})"):  # fmt: skip
            code = (
                f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); from large_picture import *; {make}"
            )
            subprocess.run([sys.executable, "-c", code], check=True)
        subprocess.run(
            [*command, "models", "import", str(folder / "narrow.pth"), "--name", "narrow"],
            env=environment, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        run = ["run", str(folder / "large.jpg"), "--model", "narrow", "--size", "native", "--device", "cpu"]
        run += ["--memory", given.memory, "--tiling", given.tiling]
        seconds, memory, disk = followed([*command, *run], environment)
        (output,) = folder.glob("large-narrow.jpg")
        print(f"{given.size[1]}x{given.size[0]} within {given.memory}: {seconds:.0f} s, {memory:.2f} GB of memory, "
              f"a scratch file of {disk:.1f} GB; output {output.stat().st_size / 1e6:.0f} MB")  # fmt: skip


if __name__ == "__main__":
    main()
