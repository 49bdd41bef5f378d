"""The Dockerfile and the compose file, as far as they can be told to be right without a builder."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from imgtrans.cli.app import app

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
HADOLINT = shutil.which("hadolint") or shutil.which("hadolint", path=str(Path(sys.executable).parent))

pytestmark = pytest.mark.skipif(not DEPLOY.is_dir(), reason="needs the checkout")


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions with their arguments."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines]


@pytest.mark.skipif(not HADOLINT, reason="there is no hadolint")
def test_the_dockerfile_is_linted() -> None:
    done = subprocess.run([HADOLINT, DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_what_is_copied_is_there_and_not_ignored() -> None:
    kept = {line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line[0] == "!"}
    copied = [shlex.split(rest)[:-1] for name, rest in instructions() if name == "COPY" and "--from" not in rest]
    assert copied
    for path in (path for paths in copied for path in paths):
        assert (ROOT / path).exists(), path
        assert path in kept


def test_nobody_is_root_in_it_and_docker_asks_how_it_stands() -> None:
    by_name = dict(instructions())
    assert by_name["USER"] == "10001:10001"
    (checked,) = re.findall(r"CMD (\[.*\])", by_name["HEALTHCHECK"])
    arguments = yaml.safe_load(checked)[1:]
    assert arguments == ["watch", "/inbox", "--status"]
    assert yaml.safe_load(by_name["ENTRYPOINT"]) == ["imgtrans"]


def test_the_compose_file_starts_what_the_dockerfile_makes() -> None:
    (service,) = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"].values()
    assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).resolve() == DEPLOY / "Dockerfile"
    taken = {name for name, rest in instructions() if name == "ARG" for name in [rest.split("=")[0]]}
    assert {*service["build"]["args"]} <= taken
    assert service["command"][0] in {command.callback.__name__ for command in app.registered_commands}
