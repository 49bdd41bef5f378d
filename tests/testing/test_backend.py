"""The contract of a backend can be broken, and it is noticed how."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from imgtrans.backends.eager import backend
from imgtrans.protocols import Pixels
from imgtrans.testing import check_backend


class Faulty:
    """The reference backend, whose sessions do something more."""

    name = "faulty"

    def __init__(self, fault: Callable[[Pixels, Pixels], Pixels]) -> None:
        self.fault = fault

    def open(self, *arguments: Any) -> "Faulty":
        self.session = backend.open(*arguments)
        return self

    def run(self, pictures: Pixels) -> Pixels:
        return self.fault(self.session.run(pictures), pictures)


def spoilt(result: Pixels, pictures: Pixels) -> Pixels:
    pictures[:] = 0
    return result


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (lambda result, _: result.astype(np.float32), "returns float32, not uint8"),
        (lambda result, _: result.astype(np.uint8), "uint16, returns uint8, not uint16"),
        (lambda result, _: result[:1], r"given \(3, 8, 16, 3\) of uint8, returns \(1, 8, 16, 3\)"),
        (lambda result, _: np.roll(result, 1, axis=2), "is wrong by"),
        (spoilt, "changes what it is given"),
    ],
)
def test_a_promise_that_is_not_kept_is_named(fault: Callable[[Pixels, Pixels], Pixels], sentence: str):
    with pytest.raises(AssertionError, match=sentence):
        check_backend(Faulty(fault))


def test_a_session_that_only_pretends_to_be_interrupted_is_found_out():
    class Stubborn(Faulty):
        def interrupt(self) -> None:
            pass

    with pytest.raises(AssertionError, match="goes on with a run though it is interrupted"):
        check_backend(Stubborn(lambda result, _: result))


def test_a_session_that_makes_pictures_of_another_size_is_found_out():
    class Cropping(Faulty):
        def run(self, pictures: Pixels) -> Pixels:
            try:
                return super().run(pictures)
            except ValueError:
                return pictures[:, :-1]

    with pytest.raises(AssertionError, match="returns another shape than it was given"):
        check_backend(Cropping(lambda result, _: result))
