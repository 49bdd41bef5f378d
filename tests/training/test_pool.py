"""The pool of past fakes does what the paper's does, and goes on where it stopped."""

import io

import torch
from torch import Tensor

from imgtrans.training.pool import ImagePool


def fake(*numbers: int) -> Tensor:
    """Fakes whose pixels tell their number."""
    return torch.tensor(numbers, dtype=torch.float32).view(-1, 1, 1, 1).expand(-1, 3, 2, 2).clone()


def numbers(fakes: Tensor) -> list[int]:
    return [int(n) for n in fakes[:, 0, 0, 0]]


def test_until_the_pool_is_full_each_fake_goes_in_and_out():
    pool = ImagePool(5, seed=0)
    assert [numbers(pool.query(fake(n))) for n in range(5)] == [[n] for n in range(5)]
    assert [numbers(image[None]) for image in pool.images] == [[n] for n in range(5)]


def test_then_half_of_the_fakes_are_swapped_for_past_ones():
    pool = ImagePool(50, seed=0)
    past = set(range(50))
    pool.query(fake(*range(50)))
    swapped = 0
    for n in range(50, 2050):
        (given,) = numbers(pool.query(fake(n)))
        if given != n:
            assert given in past
            past = past - {given} | {n}
            swapped += 1
        assert len(pool.images) == 50
    assert 900 < swapped < 1100
    assert {int(image[0, 0, 0]) for image in pool.images} == past


def test_every_place_of_the_pool_is_swapped():
    pool = ImagePool(8, seed=0)
    for n in range(200):
        pool.query(fake(n))
    assert all(image[0, 0, 0] >= 8 for image in pool.images)


def test_a_batch_is_answered_by_a_batch_picture_by_picture():
    pool = ImagePool(3, seed=0)
    assert numbers(pool.query(fake(0, 1, 2, 3)))[:3] == [0, 1, 2]
    assert pool.query(fake(4, 5)).shape == (2, 3, 2, 2)


def test_size_0_hands_every_fake_straight_through():
    pool = ImagePool(0, seed=0)
    fakes = fake(1, 2)
    assert pool.query(fakes) is fakes
    assert pool.images == []


def test_kept_fakes_do_not_change_with_the_tensor_they_came_from():
    pool = ImagePool(1, seed=0)
    fakes = fake(7)
    pool.query(fakes)
    fakes.fill_(0)
    assert pool.images[0][0, 0, 0] == 7


def test_equal_seeds_give_equal_answers_and_other_seeds_others():
    def answers(seed: int) -> list[int]:
        pool = ImagePool(4, seed)
        return [numbers(pool.query(fake(n)))[0] for n in range(60)]

    assert answers(1) == answers(1)
    assert answers(1) != answers(2)


def test_a_pool_goes_on_exactly_where_the_saved_one_stopped():
    for stopped_after in (0, 2, 4, 11):
        unbroken, pool = ImagePool(4, seed=5), ImagePool(4, seed=5)
        for n in range(stopped_after):
            unbroken.query(fake(n))
            pool.query(fake(n))
        file = io.BytesIO()
        torch.save(pool.state_dict(), file)
        file.seek(0)
        resumed = ImagePool(4, seed=999)
        resumed.load_state_dict(torch.load(file, weights_only=True), torch.device("cpu"))
        for n in range(stopped_after, 40):
            assert numbers(resumed.query(fake(n))) == numbers(unbroken.query(fake(n)))


def test_drawn_ahead_it_shows_and_keeps_what_it_would_have_drawn_in_time():
    in_time, ahead = ImagePool(3, seed=5), ImagePool(3, seed=5)
    for pool in (in_time, ahead):
        pool.query(fake(0, 1, 2))
    for n in range(3, 200, 4):
        fakes = fake(n, n + 1, n + 2, n + 3)
        ahead.draw_ahead(4)
        assert numbers(ahead.query(fakes)) == numbers(in_time.query(fakes))
        assert numbers(torch.stack(ahead.images)) == numbers(torch.stack(in_time.images))
    assert ahead.random.getstate() == in_time.random.getstate()
    ahead.draw_in_time()
    assert numbers(ahead.query(fake(900, 901))) == numbers(in_time.query(fake(900, 901)))
