"""What metrics say of clips that are too short or too small, and the parts that they are made of."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from liveact_eval.metrics._drift import last_window
from liveact_eval.metrics._ssim import Moments, similarity, smooth
from liveact_eval.metrics.adjacent import Adjacent
from liveact_eval.metrics.av_offset import best_lag
from liveact_eval.metrics.base import Batch, ClipContext, Metric, Missing, merge
from liveact_eval.metrics.delta_e import DeltaEFrame
from liveact_eval.metrics.psnr import Psnr
from liveact_eval.metrics.registry import shipped
from liveact_eval.metrics.sharpness import Sharpness, slope_per_second
from liveact_eval.metrics.ssim import Ssim
from liveact_eval.metrics.temporal_flickering import TemporalFlickering

CLIP = ClipContext(fps=25.0, truth=None)
RANDOM = np.random.RandomState(0)


@pytest.mark.parametrize("shift", [-15, -7, -1, 0, 1, 4, 15])
def test_lag_is_found_with_its_sign(shift: int) -> None:
    y = RANDOM.uniform(size=120)
    x = np.roll(y, shift)
    if shift > 0:
        x[:shift] = 0
    elif shift < 0:
        x[shift:] = 0
    lag, correlation = best_lag(3 * x - 1, y, 15)
    assert lag == shift
    assert correlation == pytest.approx(1)


def test_of_equal_peaks_the_nearer_one_is_meant() -> None:
    wave = np.tile([0.0, 1.0, 0.0, -1.0], 20)
    assert best_lag(wave, wave, 15)[0] == 0
    assert best_lag(np.roll(wave, 1), wave, 15)[0] == 1


def test_lag_of_what_does_not_vary() -> None:
    assert best_lag(np.ones(50), RANDOM.uniform(size=50), 15) == (0, -1.0)
    assert best_lag(np.zeros(0), np.zeros(0), 15) == (0, -1.0)


@pytest.mark.parametrize("slope", [-3.0, 0.0, 0.5])
def test_slope(slope: float) -> None:
    seconds = np.arange(80) / 25
    assert slope_per_second(7 + slope * seconds, 25) == pytest.approx(slope)


def test_sharpness_trend_is_in_percent_of_the_mean() -> None:
    curve = np.linspace(90, 110, 101)[:, None]
    score = Sharpness().score({"frames": curve}, CLIP)
    assert score.values["sharpness"] == pytest.approx(100)
    assert score.values["sharpness_trend"] == pytest.approx(5)


@pytest.mark.parametrize(
    ("frames", "expected"), [(2, 1), (3, 1), (8, 2), (125, 31), (900, 225), (1000, 250), (9000, 250)]
)
def test_last_window(frames: int, expected: int) -> None:
    assert last_window(frames, 25.0) == expected


@pytest.mark.parametrize(
    ("metric", "need", "reason"),
    [
        (Adjacent(), "pairs", "too_short"),
        (Psnr(), "frames", "no_frames"),
        (Ssim(), "frames", "too_short"),
        (TemporalFlickering(), "pairs", "too_short"),
        (DeltaEFrame(), "crops", "too_short"),
        (Sharpness(), "frames", "too_small"),
    ],
)
def test_no_row_means_missing_not_zero(metric: Metric, need: str, reason: str) -> None:
    made = metric.score({need: np.zeros((0, 1)) if need != "pairs" else np.zeros((0, 2))}, CLIP).values
    assert {value.reason for value in made.values() if isinstance(value, Missing)} == {reason}
    assert len(made) == len(metric.outputs)


def test_pictures_smaller_than_the_window_of_ssim() -> None:
    small = torch.randint(0, 256, (4, 1, 10, 64, 3), dtype=torch.uint8)
    rows = Ssim().features("frames", Batch(windows=small, reference=small)).numpy()[:, None]
    value = Ssim().score({"frames": rows}, CLIP).values["ssim"]
    assert isinstance(value, Missing) and value.reason == "too_small"
    pairs = torch.randint(0, 256, (4, 2, 10, 64)).float()
    made = Adjacent().score({"pairs": Adjacent().features("pairs", Batch(windows=pairs)).numpy()}, CLIP)
    assert isinstance(made.values["adjacent_ssim"], Missing)
    assert made.values["adjacent_mae"] == pytest.approx(
        float((pairs[:, 1] - pairs[:, 0]).abs().mean()), rel=1e-5
    )
    assert set(made.curves) == {"adjacent_mae"}


def test_the_gaussian_keeps_the_mean_and_drops_the_border() -> None:
    even = smooth(torch.full((2, 20, 31), 7.0))
    assert tuple(even.shape) == (2, 10, 21)
    assert torch.allclose(even, torch.tensor(7.0))


def test_similarity_is_symmetric_and_bounded() -> None:
    x, y = (torch.randint(0, 256, (3, 24, 24)).float() for _ in range(2))
    a, b = Moments(x), Moments(y)
    assert torch.allclose(similarity(a, b), similarity(b, a), atol=1e-6)
    assert (similarity(a, b) < 0.5).all()
    assert (similarity(a, a) == 1).all()
    assert similarity(Moments(x), Moments(255 - x)).max() < 0


@pytest.mark.parametrize("metric", shipped().values(), ids=lambda metric: metric.name)
def test_the_mean_over_clips_merges_by_addition(metric: Metric) -> None:
    clips = np.stack([metric.statistics(value) for value in (1.0, 2.5, 4.0, 10.0)])
    assert metric.result(merge(clips)) == pytest.approx(4.375)
    parts = np.stack([merge(clips[:1]), merge(clips[1:])])
    assert np.array_equal(merge(parts), merge(clips))
    assert np.isnan(metric.result(np.zeros(2)))
    assert metric.result(np.stack([merge(clips), clips[0]])) == pytest.approx([4.375, 1.0])
