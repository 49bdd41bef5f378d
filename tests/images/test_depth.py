import importlib.util

import pytest

from imgtrans.errors import UnavailableError
from imgtrans.images import depth
from imgtrans.images.written import understood
from imgtrans.protocols import Wanted


@pytest.mark.parametrize("missing", ["imagecodecs", "tifffile"])
def test_what_is_missing_is_said_at_once_and_how_to_get_it(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(depth, "find_spec", lambda name: None if name == missing else find(name))
    with pytest.raises(UnavailableError, match="--depth 16") as caught:
        understood(depth=16)
    assert caught.value.hint == 'pip install "imgtrans[depth]"'
    assert understood(depth=8) == Wanted()
