"""Wall time and peak memory of ``imgtrans run`` from a bucket to itself, against the same pictures in folders.

    python benchmarks/object_storage.py --objects 100 10000

The store is moto's S3 server, a process of this machine, whose work is in the time, too; it is not in the memory, which
is that of all processes of imgtrans. Pictures are JPEGs of one size; the second run over the bucket finds all done.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from large_picture import followed
from throughput import make_pictures

BUCKET = "s3://benchmark"


def main() -> None:
    """Measure each number of objects; print times, their ratio, and memory against that of the first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, nargs="+", default=[100, 10_000])
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--height", type=int, default=256)
    parser.add_argument("--model", default="summer2winter")
    parser.add_argument("--size", default="auto")
    parser.add_argument("--memory-only", action="store_true", help="leave the run of folders out, and its time")
    given = parser.parse_args()
    first = 0.0
    for count in given.objects:
        with tempfile.TemporaryDirectory() as name, Server() as environment:
            photos = Path(name, "in")
            make_pictures(photos, count, given.width, given.height)
            fill(photos, environment)
            command = [sys.executable, "-m", "imgtrans", "run", "-q", "-m", given.model, "--size", given.size]
            here = 0.0
            if not given.memory_only:
                here, _, _ = followed([*command, str(photos), "-o", str(Path(name, "out"))], environment)
            far = [*command, f"{BUCKET}/in", "-o", f"{BUCKET}/out"]
            there, memory, _ = followed(far, environment)
            again, _, _ = followed(far, environment)
            first = first or memory
            against = f"{here:.1f} s in folders, {there / here:.2f} times that in the bucket, " if here else ""
            print(
                f"{count:,} objects: {against}{there:.1f} s; {memory:.3f} GB, {memory / first:.2f} times that of the "
                f"first; a second run {again:.1f} s",
                flush=True,
            )


class Server:
    """moto's S3 server, in a process of its own; used as a context, it gives the environment that leads there."""

    def __enter__(self) -> dict[str, str]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.1)
        return {
            **os.environ,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "a",
            "AWS_SECRET_ACCESS_KEY": "b",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def __exit__(self, *exception: object) -> None:
        self._process.kill()
        self._process.wait()


def fill(folder: Path, environment: dict[str, str]) -> None:
    """Put the files of a folder into the bucket."""
    import s3fs

    system = s3fs.S3FileSystem(
        endpoint_url=environment["AWS_ENDPOINT_URL"], key="a", secret="b", skip_instance_cache=True
    )
    system.mkdir(BUCKET)
    system.put(f"{folder}/", f"{BUCKET}/in/", recursive=True, batch_size=16)


if __name__ == "__main__":
    main()
