"""Peak memory of a generator per pixel, against the estimate that plans are made with."""

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
MEASURE = """
import sys, numpy as np, torch
from imgtrans.architectures.family import architecture
from imgtrans.backends.eager import backend
from peak import peak
ngf, blocks, height, width = map(int, sys.argv[1:])
parameters = {"channels": 3, "ngf": ngf, "blocks": blocks, "upsampling": "nearest"}
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
session = backend.open(architecture.build(parameters), device, torch.float32)
taken = torch.cuda.max_memory_allocated if device.type == "cuda" else peak
session.run(np.zeros((1, 64, 64, 3), np.uint8))
before = taken()
session.run(np.zeros((1, height, width, 3), np.uint8))
print((taken() - before) / (height * width), architecture.bytes_per_pixel(parameters))
"""


def main() -> None:
    """Measure a few widths and sizes, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ngf", type=int, nargs="+", default=[32, 64])
    parser.add_argument("--blocks", type=int, default=9)
    arguments = parser.parse_args()
    for ngf in arguments.ngf:
        for height, width in ((768, 1024), (1536, 2048), (2000, 3000)):
            command = [sys.executable, "-c", MEASURE, *map(str, (ngf, arguments.blocks, height, width))]
            printed = subprocess.run(command, check=True, capture_output=True, text=True, cwd=HERE).stdout
            measured, estimate = map(float, printed.split())
            print(
                f"width {ngf}, {arguments.blocks} blocks, {width}x{height}: measured {measured:.0f} bytes per pixel, "
                f"estimate {estimate:.0f}, ratio {measured / estimate:.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
