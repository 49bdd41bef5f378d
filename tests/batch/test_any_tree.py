"""Whatever a folder holds: outputs mirror inputs at their sizes, and doing it again does nothing."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from imgtrans.batch.asked import Request
from imgtrans.batch.request import prepare
from imgtrans.batch.run import run
from imgtrans.images.formats import is_hidden_or_system
from imgtrans.images.modes import to_rgb
from imgtrans.zoo.store import Model
from tests.batch.test_run import Listener
from tests.pictures import noise

NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=6).filter(
    lambda name: name not in (".", "..") and not is_hidden_or_system(name)
)
FORMATS = {
    "JPEG": (".jpg", ["RGB", "L", "CMYK"]),
    "PNG": (".png", ["RGB", "L", "LA", "RGBA", "P", "1", "I;16"]),
    "WEBP": (".webp", ["RGB", "RGBA"]),
    "TIFF": (".tif", ["RGB", "L", "RGBA", "CMYK"]),
}


@dataclass(frozen=True)
class Drawn:
    """A picture to be: where, of which kind, size, mode and orientation."""

    folders: list[str]
    name: str
    format: str
    mode: str
    size: tuple[int, int]
    orientation: int

    def write(self, root: Path) -> Path | None:
        """Write it; return where, or None if that is no place for it."""
        path = root.joinpath(*self.folders, self.name + FORMATS[self.format][0])
        try:
            if os.path.lexists(path):
                return None
            path.parent.mkdir(parents=True, exist_ok=True)
            image = noise(*self.size)
            image = image.convert("I").convert("I;16") if self.mode == "I;16" else image.convert(self.mode)
            exif = Image.Exif()
            exif[274] = self.orientation
            image.save(path, self.format, exif=exif)
        except OSError:  # a part of it is a file already, or the name is too long
            return None
        return path

    @property
    def upright(self) -> tuple[int, int]:
        """Its size as a person sees it."""
        return self.size[::-1] if self.orientation >= 5 else self.size


@st.composite
def pictures(draw: st.DrawFn) -> Drawn:
    kind = draw(st.sampled_from(sorted(FORMATS)))
    return Drawn(
        draw(st.lists(NAMES, max_size=2)),
        draw(NAMES),
        kind,
        draw(st.sampled_from(FORMATS[kind][1])),
        (draw(st.integers(1, 40)), draw(st.integers(1, 40))),
        draw(st.integers(1, 8)),
    )


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=st.lists(pictures(), min_size=1, max_size=12))
def test_outputs_mirror_inputs_and_doing_it_again_does_nothing(
    tmp_path_factory: pytest.TempPathFactory, tiny: Model, tree: list[Drawn]
) -> None:
    folder = tmp_path_factory.mktemp("tree")
    made = {path: drawn for drawn in tree if (path := drawn.write(folder / "in"))}
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in made}
    listener = Listener()
    request = Request([folder / "in"], "tiny", folder / "out", device="cpu")
    report = run(prepare(request), listener)
    assert (report.translated, report.failed) == (len(made), 0), listener.events
    for path, drawn in made.items():
        with Image.open(folder / "out" / path.relative_to(folder / "in")) as image:
            assert (image.size, image.format) == (drawn.upright, drawn.format)
            assert to_rgb(image.convert("RGB")).size == drawn.upright  # all of it can be decoded
    outputs = {path for path in (folder / "out").rglob("*") if path.is_file() and ".imgtrans" not in path.parts}
    assert {path.relative_to(folder / "out") for path in outputs} == {path.relative_to(folder / "in") for path in made}
    times = {path: path.stat().st_mtime_ns for path in outputs}
    report = run(prepare(request), Listener())
    assert (report.translated, report.skipped, report.failed) == (0, len(made), 0)
    assert {path: path.stat().st_mtime_ns for path in outputs} == times
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in made} == before
