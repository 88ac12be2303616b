"""The schedule, the noise and the two formulas of a step."""

from __future__ import annotations

import pytest
import torch

from liveact_eval.liveact.sampler import Noise, Schedule, predict_clean, renoise


def test_default_schedule_is_the_official_one() -> None:
    schedule = Schedule.shifted()

    assert schedule.timesteps == pytest.approx((1000, 937.5, 833.3333333))
    assert [schedule.sigma(i) for i in range(4)] == pytest.approx([1, 0.9375, 0.8333333, 0])


def test_self_forcing_levels() -> None:
    assert Schedule.shifted(steps=4).timesteps == pytest.approx((1000, 937.5, 833.3333, 625))
    assert Schedule.shifted(steps=5, grid=5).timesteps == pytest.approx(
        (1000, 952.381, 882.353, 769.231, 555.556), abs=1e-3
    )


@pytest.mark.parametrize("timesteps", [(), (500.0, 700.0), (1200.0,), (500.0, 0.0)])
def test_levels_must_fall(timesteps: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="fall within"):
        Schedule(timesteps)


def test_a_perfect_prediction_gives_the_clean_latent_back() -> None:
    clean, noise = (torch.randn(3, 4, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    noisy = renoise(clean, noise, 0.8)

    assert torch.allclose(predict_clean(noisy, noise - clean, 0.8), clean, atol=1e-6)


def test_noise_follows_its_seed_and_its_order() -> None:
    first, again, other = Noise(7), Noise(7), Noise(8)
    draws = [first.draw((2, 3), "cpu", torch.float32) for _ in range(2)]

    assert torch.equal(draws[0], again.draw((2, 3), "cpu", torch.float32))
    assert not torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], other.draw((2, 3), "cpu", torch.float32))
    assert torch.equal(draws[1].bfloat16(), again.draw((2, 3), "cpu", torch.bfloat16))
