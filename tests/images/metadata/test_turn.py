from decimal import Decimal

import numpy as np
import pytest
from PIL import Image

from imgtrans.images.decode import _TURNS
from imgtrans.images.metadata.turn import Turn


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_pixel_is_found_where_the_upright_picture_has_it(orientation: int) -> None:
    stored = np.zeros((5, 7), np.uint8)
    stored[1, 4] = 255
    image = Image.fromarray(stored)
    upright = np.asarray(image.transpose(_TURNS[orientation]) if orientation > 1 else image)
    turn = Turn(orientation, 7, 5)
    x, y = turn.point(4, 1, 6, 4)
    assert upright[y, x] == 255
    assert turn.upright == upright.shape[::-1]
    assert turn.size(7, 5) == upright.shape[::-1]


def test_shares_of_the_sides_stay_exact() -> None:
    assert Turn(6, 70, 50).point(Decimal("0.1"), Decimal("0.4321"), Decimal(1), Decimal(1)) == (
        Decimal("0.5679"),
        Decimal("0.1"),
    )
