"""The commands of docs/cloud.md, in their order, against a real S3 server."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.stores import Bucket, Proxy, picture
from tests.test_readme import environment
from tests.test_readme import place as place  # noqa: PLC0414 - a fixture

PAGE = Path(__file__).parent.parent / "docs" / "cloud.md"
TEXT = PAGE.read_text(encoding="utf-8") if PAGE.is_file() else ""
COMMANDS = [line.strip() for line in TEXT.splitlines() if re.match(r"    imgtrans ", line)]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not COMMANDS, reason="needs docs/cloud.md")
def test_every_command_of_the_page_does_what_it_says(place: Path, s3: Bucket, proxy: Proxy):
    assert len(COMMANDS) == 6
    s3.put({"photos/sunset.jpg": picture(format="JPEG"), "photos/more/a.png": picture(seed=1)})
    s3.system.pipe_file(f"{s3.address}/public.png", picture(seed=2), ACL="public-read")
    host = f"{proxy.url}/{s3.address.removeprefix('s3://')}"
    (place / "addresses.txt").write_text(f"{host}/public.png\n")
    for command in COMMANDS:
        done = subprocess.run(
            command.replace("s3://bucket", s3.address), check=False, shell=True, cwd=place, text=True,
            env={**environment(place), "no_proxy": "127.0.0.1"}, capture_output=True,
        )  # fmt: skip
        assert done.returncode == 0, (command, done.stderr)
    assert s3.names("winter") == {"sunset.jpg", "more/a.png"}
    assert s3.names("from-here") == {"1.jpg", "2.png"}
    assert (place / "here" / "more" / "a.png").is_file() and (place / "sunset.png").is_file()
    assert len([*(place / "downloaded").rglob("public.png")]) == 1
