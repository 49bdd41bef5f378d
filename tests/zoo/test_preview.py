"""A before and after of each model, made once."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from imgtrans.errors import FilesError, ModelError
from imgtrans.places import home
from imgtrans.zoo.preview import forget_preview, preview, preview_path
from imgtrans.zoo.store import Model, find


def test_a_preview_is_the_meadow_beside_its_translation(tiny: Model):
    path = preview(tiny)
    assert path.parent == home() / "previews"
    with Image.open(path) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", (776, 216))
        pixels = np.asarray(image).astype(int)
    before, gap, after = pixels[:, :384], pixels[:, 384:392], pixels[:, 392:]
    assert (gap == 255).all()
    assert before.std() > 20
    assert abs(before - after).mean() > 10
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_preview_is_made_once(tiny: Model):
    path = preview(tiny)
    path.write_bytes(b"seen")
    tiny.weights.unlink()
    assert preview(tiny) == path
    assert path.read_bytes() == b"seen"


@pytest.mark.parametrize("change", [{"sha256": "0" * 64}, {"value_range": (0.0, 1.0)}, {"name": "other"}])
def test_another_model_has_another_preview(tiny: Model, change: dict[str, object]):
    assert preview_path(replace(tiny, card=replace(tiny.card, **change))) != preview_path(tiny)


def test_a_bundled_models_preview_is_not_beside_the_bundled_model():
    assert preview_path(find("summer2winter")).is_relative_to(home())


def test_a_forgotten_preview_is_gone(tiny: Model):
    path = preview(tiny)
    forget_preview(tiny)
    assert not path.exists()
    forget_preview(tiny)


def test_a_model_that_cannot_be_loaded_has_none(tiny: Model):
    tiny.weights.write_bytes(b"")
    with pytest.raises(ModelError):
        preview(tiny)
    assert not preview_path(tiny).exists()


def test_a_file_in_the_previews_place_is_an_error_about_files(tiny: Model):
    (home() / "previews").write_text("")
    with pytest.raises(FilesError, match="the preview cannot be written"):
        preview(tiny)
