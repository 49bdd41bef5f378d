import torch

from imgtrans.streaming.statistics import Statistics


def test_strips_give_mean_and_variance_of_the_whole():
    torch.manual_seed(0)
    x = torch.randn(1, 4, 50, 30) * torch.tensor([1.0, 10.0, 0.01, 1.0]).view(1, 4, 1, 1)
    x = x + torch.tensor([0.0, 5.0, 1.0, -300.0]).view(1, 4, 1, 1)
    statistics = Statistics(4, torch.device("cpu"))
    for start, stop in ((0, 1), (1, 20), (20, 49), (49, 50)):
        statistics.add(x[:, :, start:stop])
    scale, shift = statistics.affine(0.0, None, None)
    exact = x.double()
    assert torch.allclose(scale.double().flatten(), 1 / exact.std((0, 2, 3), correction=0), rtol=1e-5)
    assert torch.allclose(
        shift.double().flatten(), -exact.mean((0, 2, 3)) * scale.double().flatten(), rtol=1e-5, atol=1e-6
    )


def test_learnt_scale_and_shift_come_behind():
    statistics = Statistics(1, torch.device("cpu"))
    statistics.add(torch.tensor([1.0, 3.0]).view(1, 1, 1, 2))
    scale, shift = statistics.affine(0.0, torch.tensor([2.0]), torch.tensor([0.5]))
    assert (scale.item(), shift.item()) == (2.0, -3.5)
