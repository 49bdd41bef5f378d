"""What writing a picture takes, against Pillow's own settings: seconds, bytes, and how far lossy ones are off.

    python benchmarks/encoding.py PICTURE... [--rounds 3]

Ours is ``imgtrans.images.encode``, metadata and all; the baseline is Pillow with the same quality and its own choice of
how hard to try, which is what imgtrans once did.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from imgtrans.images.decode import decode
from imgtrans.images.encode import encode
from imgtrans.images.keepsake import Keepsake
from imgtrans.protocols import Pixels, Wanted

PILLOW = {
    "PNG": {},
    "WEBP": {"quality": 95, "exact": True},
    "AVIF": {"quality": 90, "subsampling": "4:4:4"},
    "TIFF": {"compression": "tiff_adobe_deflate", "tiffinfo": {317: 2}},
    "JPEG": {"quality": 95, "subsampling": 0},
}
LOSSLESS_WEBP = {"lossless": True, "quality": 75, "exact": True}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    photos = [decode(path).pixels for path in given.pictures]
    megapixels = sum(photo.shape[0] * photo.shape[1] for photo in photos) / 1e6
    print(f"{len(photos)} pictures, {megapixels:.1f} megapixels, median of {given.rounds} rounds, CPU seconds")
    print(f"{'format':14}{'Pillow':>9}{'ours':>9}{'ratio':>7}{'bytes':>9}{'PSNR, Pillow':>14}{'PSNR, ours':>12}")
    keep = Keepsake("", "JPEG")
    ways = [(name, keep, options) for name, options in PILLOW.items()]
    ways.append(("WEBP lossless", Keepsake("", "WEBP", lossless=True), LOSSLESS_WEBP))
    for name, kept, options in ways:
        format = name.split()[0]
        with tempfile.TemporaryDirectory() as folder:
            theirs, ours = Path(folder) / "theirs", Path(folder) / "ours"
            seconds: dict[Path, list[float]] = {theirs: [], ours: []}
            sizes, errors = dict.fromkeys(seconds, 0), dict.fromkeys(seconds, 0.0)
            for number in range(given.rounds):
                for path in seconds if number % 2 else [*seconds][::-1]:
                    seconds[path].append(0.0)
                    for photo in photos:
                        started = time.process_time()
                        if path == ours:
                            encode(photo, None, kept, path, Wanted(format=format))
                        else:
                            Image.fromarray(photo).save(path, format, **options)
                        seconds[path][-1] += time.process_time() - started
                        if not number:
                            sizes[path] += path.stat().st_size
                            errors[path] += squared_error(path, photo) / len(photos)
            took = {path: statistics.median(times) for path, times in seconds.items()}
            row = f"{name:14}{took[theirs]:9.2f}{took[ours]:9.2f}{took[ours] / took[theirs]:7.2f}"
            row += f"{sizes[ours] / sizes[theirs]:9.3f}{psnr(errors[theirs]):>14}{psnr(errors[ours]):>12}"
            print(row, flush=True)


def squared_error(path: Path, photo: Pixels) -> float:
    with Image.open(path) as image:
        return float(np.square(np.asarray(image.convert("RGB"), np.float32) - photo).mean())


def psnr(error: float) -> str:
    return f"{10 * np.log10(255**2 / error):.2f} dB" if error else "exact"


if __name__ == "__main__":
    main()
