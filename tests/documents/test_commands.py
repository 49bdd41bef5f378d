"""Every command of every document is understood, and those that can be are run, page by page, as they stand."""

import os
import re
import shlex
import subprocess
import webbrowser
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import typer.main
from PIL import Image

from imgtrans.cli.app import app
from tests.checkout import ROOT
from tests.pictures import save
from tests.test_readme import environment, furnished

DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if path.name != "commands.md") if DOCS.is_dir() else []
# Whose commands another test runs, or nothing can.
ELSEWHERE = {
    "cloud.md": "tests/test_cloud_page.py runs them",
    "clusters.md": "tests/test_clusters.py runs what one machine can; the rest needs a cluster",
    "watch.md": "tests/watching/test_docs.py runs them",
    "models.md": "the commands that trained the bundled models took hours",
}
NOT_RUN = {
    "imgtrans train --data ./day2night --nproc 4": "tests/training/test_together.py runs several processes",
    "imgtrans models import latest_net_G.pth": "needs the plugin",
}
IN_TRAINING = "## The data"  # what stands before, tests/test_training_page.py runs
ENDS = {
    "imgtrans watch --status inbox/": 4,
    "imgtrans run photos/ --device cuda:0,cuda:1": 5 if torch.cuda.device_count() < 2 else 0,
    "imgtrans run photos/ --model horse2zebra --yes": 5,
    "imgtrans run photos/ --backend onnx -O onnx.threads=2": 0 if find_spec("imgtrans_onnx") else 5,
}
BEFORE = {  # what a page takes for granted
    "faq.md": ["imgtrans train --data ./day2night --steps 2", "imgtrans models rm day2night night2day --yes"],
    "training.md": ["imgtrans train --data ./day2night --steps 2"],
    "looking.md": ["cp a.jpg b.jpg"],
    "performance.md": ["cp -r photos in"],
    "large-runs.md": ["mkdir share && cp -r photos share/photos", "imgtrans run photos/ --strength 0.5"],
}
LIKE = {"curl -s https://example.org/a.jpg": "cat a.jpg", "/share/": "share/"}


def commands(page: Path, shells: str = "sh") -> list[str]:
    """Return the command lines of a page: indented ones, and those of blocks for one of the shells."""
    text = page.read_text(encoding="utf-8")
    if page.name == "training.md":
        text = text.partition(IN_TRAINING)[2]
    text = re.sub(r"\\\n +", "", text)
    lines = re.findall(r"^    ((?:[\w-]+ .*\| )?imgtrans .*)$", text, re.MULTILINE)
    for block in re.findall(rf"^```(?:{shells})\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        lines += re.findall(r"^(imgtrans .*)$", block, re.MULTILINE)
    return [re.split(r"\s+# ", line)[0].strip() for line in lines]


FOUND = [(page, command) for page in PAGES for command in commands(page)]


def understood(command: str) -> None:
    """Have click parse a command line, in a shell's words."""
    words = shlex.split(re.split(r" [<>] ", command.rpartition("|")[2])[0])
    assert words[0] == "imgtrans"
    root = typer.main.get_command(app)
    context = root.make_context("imgtrans", words[1:], resilient_parsing="--config" in words)
    inner, found, rest = context.command.resolve_command(context, context._protected_args + context.args)
    while hasattr(found, "commands"):
        _, found, rest = found.resolve_command(context, rest)
    found.make_context(inner, rest, parent=context)


def test_pages_have_commands() -> None:
    if not PAGES:
        pytest.skip("needs the documents")
    assert len(FOUND) > 80
    assert {page.name for page, _ in FOUND} >= {"photos.md", "faq.md", "checkpoints.md", "first-run.md"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_is_understood(page: Path) -> None:
    for command in commands(page, "sh|powershell"):
        understood(command)


def test_what_is_not_run_stands_somewhere() -> None:
    told = " ".join(command for _, command in FOUND)
    for command in (*NOT_RUN, *ENDS):
        assert not PAGES or command in told or command.startswith("imgtrans models import latest"), command


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.skipif(os.name == "nt", reason="needs a shell")
@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda page: page.stem)
def test_every_command_of_a_page_does_what_it_says(
    page: Path, tmp_path: Path, cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    if page.name in ELSEWHERE:
        pytest.skip(ELSEWHERE[page.name])
    place = furnished(tmp_path)
    around = surroundings(place)
    for name, value in around.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(place)
    monkeypatch.setattr(webbrowser, "_tryorder", None)  # else it remembers what there was before BROWSER
    for told in [*BEFORE.get(page.name, []), *commands(page)]:
        if any(told.startswith(one) for one in NOT_RUN):
            continue
        command = told
        for what, instead in LIKE.items():
            command = command.replace(what, instead)
        expected = 5 if command.startswith("imgtrans models pull") else ENDS.get(command, 0)
        assert ended(command, cli) == expected, command
    if page.name == "faq.md":
        for one in sorted((place / "exact").rglob("*.jpg")):
            with Image.open(one) as exact, Image.open(place / "whole" / one.relative_to(place / "exact")) as whole:
                assert np.abs(np.asarray(exact, int) - np.asarray(whole, int)).max() <= 1


def ended(command: str, cli: Callable[..., Any]) -> int:
    """Run a command and return its exit code; here, where it needs no shell, and no warnings of others come."""
    if command.startswith("imgtrans ") and not re.search(r"[|<>~$;&]|onnx", command):
        return int(cli(*shlex.split(command)[1:]).code)
    done = subprocess.run(command, shell=True, check=False, capture_output=True, text=True)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode


def surroundings(place: Path) -> dict[str, str]:
    """What pages take for granted: more pictures, a home, small trainings, nothing that opens windows."""
    for number in range(10):
        for domain in ("testA", "testB"):
            save(place / "photos" / domain / f"{number}.jpg", 48, 32, seed=number + 50 * (domain == "testB"))
    save(place / "Pictures" / "Holiday" / "1.jpg", 48, 32)
    tiny = {"STEPS": "3", "DEVICE": "cpu", "GRID_EVERY": "5", "WORKERS": "0"}
    return {
        **environment(place),
        **{f"IMGTRANS_TRAIN_{name}": value for name, value in tiny.items()},
        "HOME": str(place),
        "BROWSER": "true",
        "SLURM_ARRAY_TASK_ID": "1",
        "JOB_COMPLETION_INDEX": "0",
    }
