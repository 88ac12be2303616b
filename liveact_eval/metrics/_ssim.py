"""Structural similarity by Gaussian windows, shared by the paired and the adjacent-frame metric."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

WINDOW = 11
"""Side of the Gaussian window; pictures must be at least this large."""
_SIGMA = 1.5
_C1 = (0.01 * 255) ** 2
_C2 = (0.03 * 255) ** 2
# Variances are differences of large squares: centred levels keep float32 exact enough.
_CENTRE = 128.0


class Moments:
    """Local means and variances, so that a picture compared twice is filtered once.

    Take one picture at a time: its planes then stay in the cache, which is twice as fast as a batch.
    """

    def __init__(self, planes: torch.Tensor) -> None:
        """Take (N, H, W) levels 0..255."""
        self.planes = planes.float() - _CENTRE
        self.mean = smooth(self.planes)
        self.variance = smooth(self.planes * self.planes) - self.mean * self.mean


def similarity(x: Moments, y: Moments) -> torch.Tensor:
    """Mean SSIM of each pair, (N,), in -1..1; windows that overlap the border are left out.

    Wang et al., IEEE TIP 13(4), 2004: 11x11 Gaussian window of sigma 1.5, K1 0.01, K2 0.03, L 255,
    population covariance.
    """
    # 2 cov(x, y) = var(x) + var(y) - var(x - y): where pictures are alike the last is tiny and exact, while
    # the covariance of a bright even area is lost in the rounding of large squares (3e-5 of SSIM).
    difference = smooth((x.planes - y.planes).square_()) - (x.mean - y.mean).square_()
    mean_x, mean_y = x.mean + _CENTRE, y.mean + _CENTRE
    luminance = (2 * mean_x * mean_y + _C1) / (mean_x**2 + mean_y**2 + _C1)
    structure = 1 - difference / (x.variance + y.variance + _C2)
    return (luminance * structure).mean(dim=(-2, -1))


def smooth(planes: torch.Tensor) -> torch.Tensor:
    """Gaussian filter of (N, H, W) without padding: (N, H - 10, W - 10)."""
    taps = _gaussian()
    middle = WINDOW // 2
    width, height = planes.shape[-1] - 2 * middle, planes.shape[-2] - 2 * middle
    # Shifted sums, symmetric taps together: ten times as fast on a CPU as a one-channel convolution.
    rows = planes[..., middle : middle + width] * taps[middle]
    for i in range(middle):
        mirrored = WINDOW - 1 - i
        rows.add_(planes[..., i : i + width] + planes[..., mirrored : mirrored + width], alpha=taps[i])
    both = rows[:, middle : middle + height] * taps[middle]
    for i in range(middle):
        mirrored = WINDOW - 1 - i
        both.add_(rows[:, i : i + height] + rows[:, mirrored : mirrored + height], alpha=taps[i])
    return both


def _gaussian() -> list[float]:
    weights = [math.exp(-0.5 * ((i - WINDOW // 2) / _SIGMA) ** 2) for i in range(WINDOW)]
    return [weight / sum(weights) for weight in weights]
