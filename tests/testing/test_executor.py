"""The contract of an executor can be broken, and it is noticed how."""

from collections.abc import Generator, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imgtrans.protocols import Item, Opening, Outcome
from imgtrans.testing import check_executor


class Simple:
    """The simplest executor: one picture after the other, of sides that need no padding in the end."""

    def __init__(self, opening: Opening, **told: Any) -> None:
        self.session = opening.open().sessions[0]

    def describe(self) -> str:
        return "here"

    def run(self, items: Iterable[Item]) -> Generator[list[Outcome]]:
        for item in items:
            yield [self.translate(item)]

    def translate(self, item: Item) -> Outcome:
        temporary = item.output.with_name(f".{item.output.name}.part")
        try:
            with Image.open(item.input) as picture:
                pixels = np.asarray(picture)
        except OSError:
            return Outcome(item, None, "no picture")
        Image.fromarray(self.session.run(pixels[None])[0]).save(temporary, "PNG")
        return Outcome(item, temporary, pixels=pixels.shape[0] * pixels.shape[1])

    def close(self) -> None: ...


class Forgetful(Simple):
    def run(self, items: Iterable[Item]) -> Generator[list[Outcome]]:
        yield from super().run([*items][1:])


class Hasty(Simple):
    def translate(self, item: Item) -> Outcome:
        outcome = super().translate(item)
        if outcome.temporary:
            outcome.temporary.rename(item.output)
        return replace(outcome, temporary=outcome.temporary and item.output)


class Blind(Simple):
    def translate(self, item: Item) -> Outcome:
        return replace(super().translate(item), temporary=None, error="it is dark")


class Silent(Simple):
    def translate(self, item: Item) -> Outcome:
        return replace(super().translate(item), error="")


class Idle(Simple):
    def translate(self, item: Item) -> Outcome:
        outcome = super().translate(item)
        if outcome.temporary:
            outcome.temporary.write_bytes(item.input.read_bytes())
        return outcome


class Miscounting(Simple):
    def translate(self, item: Item) -> Outcome:
        return replace(super().translate(item), pixels=1)


class Untidy(Simple):
    def run(self, items: Iterable[Item]) -> Generator[list[Outcome]]:
        for item in items:
            item.output.with_name("scratch").touch()
            yield [self.translate(item)]


def test_the_simplest_executor_passes():
    check_executor(Simple)


@pytest.mark.parametrize(
    ("executor", "sentence"),
    [
        (Forgetful, "of 4 items there are outcomes of"),
        (Hasty, "is there before its outcome is committed"),
        (Blind, r"0\.png has failed: it is dark"),
        (Silent, r"1\.png, no picture, has not failed"),
        (Idle, r"0\.png is wrong by 2\d\d of 255"),
        (Miscounting, r"0\.png is said to be 1 pixels"),
        (Untidy, "a run that is stopped leaves scratch"),
    ],
)
def test_a_promise_that_is_not_kept_is_named(executor: type[Simple], sentence: str):
    with pytest.raises(AssertionError, match=sentence):
        check_executor(executor)
