"""The code in docs/api.md, block by block, as somebody would type it."""

import re
from pathlib import Path

import pytest
import torch

from imgtrans import checkpoint
from tests.pictures import save

PAGE = Path(__file__).parent.parent / "docs" / "api.md"
TEXT = PAGE.read_text(encoding="utf-8") if PAGE.is_file() else ""
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.skipif(not BLOCKS, reason="needs docs/api.md")
def test_the_code_of_the_page_does_what_it_says(
    home: Path,
    tiny_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    for number, name in enumerate(("a.jpg", "b.png", "c.png")):
        save(tmp_path / "photos" / name, 90, 70, seed=number)
    torch.save(checkpoint.read_weights(tiny_weights), tmp_path / "G_AB.pth")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in BLOCKS:
        exec(compile(block, str(PAGE), "exec"), names)
    assert len(BLOCKS) == 6
    said = capsys.readouterr().out.splitlines()
    assert sorted(said[:3]) == [f"translated winter/{name}" for name in ("a.jpg", "b.png", "c.png")]
    assert any(line.startswith("summer2winter summer winter") for line in said)
    assert said[-1].startswith("there is no model called 'sumer2winter' - did you mean summer2winter?")
    assert (tmp_path / "winter.png").is_file()


def test_every_option_stands_on_the_page():
    import inspect

    import imgtrans

    for function in (imgtrans.load, imgtrans.Model.run):
        line = next(line for line in TEXT.splitlines() if re.match(rf"`\S*{function.__name__}\(", line))
        assert all(name in line for name in inspect.signature(function).parameters if name != "self")
