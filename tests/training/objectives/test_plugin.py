"""The objective that docs/plugins.md shows is one."""

import re
from pathlib import Path

import pytest

from imgtrans.testing import check_objective

PAGE = Path(__file__).resolve().parents[3] / "docs" / "plugins.md"


@pytest.fixture
def shown() -> str:
    """The example, as a reader copies it."""
    found = re.search(
        r"```python\n(import torch\n.*?class Unbound:.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL
    )
    assert found
    return found[1]


def test_the_example_of_the_documentation_keeps_the_contract(shown: str):
    names: dict[str, type] = {}
    exec(shown, names)
    check_objective(names["Unbound"])


@pytest.mark.parametrize(
    ("change", "promise"),
    [
        (("return {}\n", 'return {"adams": self.adams}\n'), "more than tensors and plain values"),
        (('"G_AB": self.G}', '"G_BA": self.G}'), "there is no generator G_AB"),
        (('return "G", "D_B"', 'return "G",'), "losses for 1 names"),
        ((".detach()\n\n    def passes", "\n\n    def passes"), "losses carry their graph"),
        (('{"G_AB": self.G, "D_B": self.D}', '{"G_AB": self.G}'), "an optimiser has weights that are in none of"),
        (("fake = self.G(real_A)", "fake = self.G(real_A) + torch.rand_like(real_A)"), "as if it had never stopped"),
    ],
)
def test_a_broken_promise_is_named(shown: str, change: tuple[str, str], promise: str):
    assert change[0] in shown
    names: dict[str, type] = {}
    exec(shown.replace(*change), names)
    with pytest.raises((AssertionError, RuntimeError), match=promise):
        check_objective(names["Unbound"])
