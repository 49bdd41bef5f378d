"""The scripts in examples/, each in a short form: a notebook, a web service, a page."""

import importlib.util
import io
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from imgtrans.zoo.store import Model
from tests.pictures import noise, save

EXAMPLES = Path(__file__).parent.parent / "examples"
pytestmark = pytest.mark.skipif(not (EXAMPLES / "service.py").is_file(), reason="needs the examples")


def imported(name: str) -> ModuleType:
    found = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert found and found.loader
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_the_notebook_runs_from_its_first_cell_to_its_last(tmp_path: Path):
    for number in range(2):
        save(tmp_path / "photos" / f"{number}.jpg", 60, 40, seed=number)
    ended = subprocess.run(
        [sys.executable, EXAMPLES / "notebook.py", "photos"],
        cwd=tmp_path, env={**os.environ}, capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "half of the change: (60, 40)" in ended.stdout
    assert ended.stdout.count("translated") == 2
    with Image.open(tmp_path / "before-and-after.png") as both:
        assert both.size == (120, 40)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what the test's client stands on
def test_the_service_answers_with_the_translation_and_refuses_what_is_no_picture(
    tiny_model: Model, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("fastapi", reason="needs FastAPI")
    from fastapi.testclient import TestClient

    monkeypatch.setenv("MODEL", "tiny")
    service = imported("service")
    picture = io.BytesIO()
    noise(40, 30).save(picture, "PNG")
    with TestClient(service.app) as client, service.model:
        answer = client.post("/translate", content=picture.getvalue())
        refusal = client.post("/translate", content=b"no picture")
        monkeypatch.setattr(service, "MOST_BYTES", 10)
        too_large = client.post("/translate", content=picture.getvalue())
        expected = np.asarray(service.model(noise(40, 30)))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(answer.content))), expected)
    assert (refusal.status_code, too_large.status_code) == (422, 413)


def test_the_page_translates_as_much_as_is_asked_for(tiny_model: Model):
    pytest.importorskip("gradio", reason="needs Gradio")
    page = imported("page")
    assert "tiny" in page.NAMES
    picture = noise(40, 30)
    assert np.array_equal(np.asarray(page.translate(picture, "tiny", 0.0)), np.asarray(picture))
    assert page.translate(picture, "tiny", 1.0).size == picture.size
