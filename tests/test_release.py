"""What is released: built twice it is the same, says what is in it, and is as the schemas of its readers want it."""

import email
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import pytest
import yaml

import imgtrans
from tests.checkout import ROOT

GITHUB = ROOT / ".github"
pytestmark = pytest.mark.skipif(not GITHUB.is_dir(), reason="needs the checkout")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8")) if GITHUB.is_dir() else {}


def copied(to: Path) -> Path:
    """Return a copy of all that the source distribution takes, as of another day and another person."""
    for pattern in (*PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"], "pyproject.toml", ".gitignore"):
        for path in ROOT.glob(pattern):
            if path.is_dir():
                shutil.copytree(path, to / path.name, ignore=shutil.ignore_patterns("__pycache__", ".imgtrans"))
            else:
                shutil.copy(path, to / path.name)
    return to


def built(tree: Path, out: Path, umask: int) -> dict[str, bytes]:
    """Build both distributions of a tree."""
    pytest.importorskip("hatchling", reason="hatchling is not installed")
    before = os.umask(umask)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-d", out],
            cwd=tree,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        os.umask(before)
    assert done.returncode == 0, done.stderr
    return {path.name: path.read_bytes() for path in out.iterdir()}


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, bytes]]:
    """The distributions of two copies of this tree, and those of what the first source distribution holds."""
    found = []
    for number, umask in enumerate((0o022, 0o077)):
        tree = copied(tmp_path_factory.mktemp("tree"))
        for path in tree.rglob("*"):
            os.utime(path, (1_000_000_000 + number, 1_000_000_000 + 7 * number))
        found.append(built(tree, tmp_path_factory.mktemp("dist"), umask))
    place = tmp_path_factory.mktemp("unpacked")
    (source,) = [content for name, content in found[0].items() if name.endswith(".tar.gz")]
    with tarfile.open(fileobj=io.BytesIO(source)) as archive:
        archive.extractall(place, filter="data")
    (tree,) = place.iterdir()
    found.append(built(tree, tmp_path_factory.mktemp("dist"), 0o022))
    return found


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there is no umask")
def test_two_builds_are_the_same_to_the_byte_and_so_is_one_of_the_source_distribution(
    releases: list[dict[str, bytes]],
) -> None:
    first, second, third = releases
    version = imgtrans.__version__
    assert {*first} == {f"imgtrans-{version}.tar.gz", f"imgtrans-{version}-py3-none-any.whl"}
    assert first == second
    assert first == third


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there is no umask")
def test_the_wheel_has_the_program_its_models_its_notices_and_the_manuals_page(
    releases: list[dict[str, bytes]],
) -> None:
    (content,) = [content for name, content in releases[0].items() if name.endswith(".whl")]
    with zipfile.ZipFile(io.BytesIO(content)) as wheel:
        names = set(wheel.namelist())
        info = f"imgtrans-{imgtrans.__version__}"
        assert {
            "imgtrans/bundled/summer2winter/model.safetensors",
            "imgtrans/py.typed",
            f"{info}.data/data/share/man/man1/imgtrans.1",
            f"{info}.dist-info/licenses/LICENSE",
            f"{info}.dist-info/licenses/THIRD_PARTY_NOTICES.md",
        } <= names
        assert {name.split("/")[0] for name in names} == {"imgtrans", f"{info}.data", f"{info}.dist-info"}
        told = email.message_from_bytes(wheel.read(f"{info}.dist-info/METADATA"))
    assert told["Version"] == imgtrans.__version__
    assert told["License-Expression"] == "MIT"
    assert len(content) < 12_000_000


def test_every_library_it_stands_on_is_noticed_with_its_licence() -> None:
    notices = (ROOT / "THIRD_PARTY_NOTICES.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| ([\w-]+) \| ([^|]+) \|", notices, re.MULTILINE))
    extras = PROJECT["project"]["optional-dependencies"]
    wanted = [
        *PROJECT["project"]["dependencies"],
        *(one for name, some in extras.items() if name != "dev" for one in some),
    ]
    for requirement in wanted:
        name = re.split(r"[^\w-]", requirement)[0]
        if name in ("imgtrans", "pyte"):
            continue
        assert name in told, f"THIRD_PARTY_NOTICES.md lacks {name}"
        try:
            installed = metadata(name)
        except PackageNotFoundError:
            continue
        said = " ".join(
            filter(None, [installed["License-Expression"], installed["License"], *installed.get_all("Classifier", [])])
        )
        family = re.match(r"[A-Za-z]+", told[name])
        assert family and family[0].lower() in said.lower(), (name, told[name], said[:200])


def valid(schema: str, *paths: Path) -> None:
    """Hold files to one of the schemas that check-jsonschema brings along."""
    pytest.importorskip("check_jsonschema", reason="check-jsonschema is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *paths],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_workflows_forms_and_the_citation_are_what_their_schemas_want() -> None:
    valid("vendor.github-workflows", *(GITHUB / "workflows").iterdir())
    valid("vendor.github-issue-config", GITHUB / "ISSUE_TEMPLATE" / "config.yml")
    valid(
        "vendor.github-issue-forms", *(one for one in (GITHUB / "ISSUE_TEMPLATE").iterdir() if one.name != "config.yml")
    )
    valid("vendor.citation-file-format", ROOT / "CITATION.cff")


def test_the_tests_run_on_three_systems_and_every_python_that_is_supported() -> None:
    tests = yaml.safe_load((GITHUB / "workflows" / "tests.yml").read_text(encoding="utf-8"))["jobs"]["test"]
    matrix = tests["strategy"]["matrix"]
    assert matrix["python"] == ["3.11", "3.12", "3.13", "3.14"]
    assert PROJECT["project"]["requires-python"] == f">={matrix['python'][0]}"
    assert {one.split("-")[0] for one in matrix["os"]} == {"ubuntu", "macos", "windows"}


def test_workflows_run_what_is_there_with_extras_that_are_there() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    for workflow in (GITHUB / "workflows").iterdir():
        text = workflow.read_text(encoding="utf-8")
        for path in re.findall(r"\b((?:scripts|\.ci|benchmarks)/[\w.]+)", text):
            assert (ROOT / path).exists(), (workflow.name, path)
        for names in re.findall(r"\[([a-z,]+)\]\"", text):
            assert {*names.split(",")} <= {*extras}, workflow.name
        for action in re.findall(r"uses: (\S+)", text):
            assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+", action), action


def test_whoever_reports_is_asked_for_what_the_doctor_says() -> None:
    for form in (GITHUB / "ISSUE_TEMPLATE").glob("something-*.yml"):
        asked = yaml.safe_load(form.read_text(encoding="utf-8"))["body"]
        assert any("imgtrans doctor" in one["attributes"]["label"] for one in asked), form.name
