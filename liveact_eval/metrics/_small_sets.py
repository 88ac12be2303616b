"""How far a Fréchet distance of few videos can be trusted: interval, floor between real videos, limit, warnings.

Two sets from one distribution have a distance above zero that shrinks with the number of independent videos; frames of
the same videos hardly help. So a value says something beside another of the same size only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liveact_eval.errors import UserError
from liveact_eval.metrics._frechet import GaussianStatistics
from liveact_eval.metrics._frechet_resampling import RANK, FrechetResampler

Floats = NDArray[np.float64]

LEAST_VIDEOS = 500
"""Fewer videos are warned of. Of 2048 numbers of one distribution, 500 independent samples are still 0.47 of the total
variance apart, and 50 videos 0.86 to 1.04, however many frames of each are taken."""
_LOUD_FLOOR = 0.5
"""Share of a value from which the distance between real halves is warned of."""


class Interval(NamedTuple):
    """A two-sided interval."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Floor:
    """Distances at half size: between real videos, and of generated ones from other real ones."""

    real: float
    """Half of the real videos against the other half, mean over splits. Nothing generated can be expected below."""
    generated: float
    """As many generated videos against as many real ones of other clips: to be read beside `real`."""
    videos: int
    """Videos on each side."""
    splits: int
    """Random splits that were averaged."""


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A straight line through distances over 1 / number of videos."""

    value: float
    """Where it meets infinitely many videos; noise may take it below 0."""
    slope: float
    """How much the distance grows by per 1 / videos."""
    videos: tuple[int, ...]
    """Sizes that were measured."""
    means: tuple[float, ...]
    """Mean distance at each size."""


def centred_interval(value: float, replicates: Floats, confidence: float = 0.95) -> Interval:
    """Interval of a distance from distances of bootstrap samples of videos.

    A bootstrap sample holds about 63 % of the videos, so that its distance is too large by the bias of small sets.
    Only the spread of the replicates is used, laid around the value. It is meant for sets of this size.

    Args:
        value: distance of the whole sets.
        replicates: (B,) distances of samples; NaN is left out.
        confidence: two-sided level, between 0 and 1.

    Raises:
        UserError: no replicate is a number, so that there is nothing to take an interval from.
    """
    finite = replicates[np.isfinite(replicates)]
    if not len(finite):
        raise UserError(f"None of {len(replicates)} bootstrap samples gave a distance; expected at least one. Give "
                        "more videos.")  # fmt: skip
    tail = (1 - confidence) / 2
    low, middle, high = np.quantile(finite, [tail, 0.5, 1 - tail])
    return Interval(max(0.0, float(value + low - middle)), float(value + high - middle))


def real_floor(
    real: Sequence[GaussianStatistics],
    generated: Sequence[GaussianStatistics],
    *,
    splits: int = 10,
    seed: int = 0,
    rank: int = RANK,
) -> Floor:
    """The distance between two halves of the real videos, and that of the generated ones at the same size.

    Args:
        real: statistics of each real video.
        generated: statistics of each generated video; in the order of the real ones where there are as many, so that
            no clip is on both sides.
        splits: random splits into halves.
        seed: of the splits.
        rank: see `FrechetResampler`.

    Raises:
        UserError: fewer than two real videos, or fewer generated ones than half of the real ones.
    """
    half = len(real) // 2
    if half < 1 or len(generated) < half:
        raise UserError(f"A floor from {len(real)} real and {len(generated)} generated videos; expected at least 2 "
                        "real ones, and generated ones for half of them. Give more videos.")  # fmt: skip
    stream = np.random.RandomState(seed)
    first, second, others = (np.zeros((splits, count)) for count in (len(real), len(real), len(generated)))
    for split in range(splits):
        order = stream.permutation(len(real))
        first[split, order[:half]] = second[split, order[half : 2 * half]] = 1
        same = len(generated) == len(real)
        others[split, order[half : 2 * half] if same else stream.permutation(len(generated))[:half]] = 1
    return Floor(
        real=float(FrechetResampler(real, real, rank=rank).values(first, second).mean()),
        generated=float(FrechetResampler(real, generated, rank=rank).values(first, others).mean()),
        videos=half,
        splits=splits,
    )


def extrapolated(
    resampler: FrechetResampler, real: int, generated: int, *, seed: int = 0, sizes: int = 5, draws: int = 10
) -> Limit:
    """The distance at infinitely many videos, from subsets of half of them up to all.

    The bias falls with one over the number of samples (Chong and Forsyth, CVPR 2020). Here the unit is a video.

    Args:
        resampler: over `real` and `generated` videos.
        real: number of real videos.
        generated: number of generated videos.
        seed: of the subsets.
        sizes: how many sizes, from half to all, evenly spaced.
        draws: subsets of each size.

    Raises:
        UserError: fewer than four videos on a side: a half has no spread.
    """
    whole = min(real, generated)
    if whole < 4:
        raise UserError(
            f"Extrapolation from {whole} videos; expected at least 4 on each side. Give more videos."
        )
    stream = np.random.RandomState(seed)
    counts = np.unique(np.linspace(whole / 2, whole, sizes).round().astype(int))
    means = []
    for count in counts:
        taken = np.zeros((draws, real)), np.zeros((draws, generated))
        for draw in range(draws):
            for weights in taken:
                weights[draw, stream.permutation(weights.shape[1])[:count]] = 1
        means.append(float(resampler.values(*taken).mean()))
    slope, value = np.polyfit(1 / counts, means, 1)
    return Limit(value=float(value), slope=float(slope), videos=tuple(int(count) for count in counts),
                 means=tuple(means))  # fmt: skip


def warnings_of(
    *, samples: int, videos: int, dimensions: int, value: float, floor: Floor | None
) -> tuple[str, ...]:
    """What has to stand beside a distance of few samples; empty where nothing has.

    Args:
        samples: feature vectors on the smaller side.
        videos: videos on the smaller side.
        dimensions: numbers in a feature vector.
        value: the distance.
        floor: distance between real videos, where it was measured.
    """
    found = []
    if videos < LEAST_VIDEOS:
        found.append(f"{videos} videos; expected at least {LEAST_VIDEOS}: the value is too large by a bias that more "
                     "frames do not lessen. Compare it only with values of as many videos.")  # fmt: skip
    if samples <= dimensions:
        found.append(f"{samples} feature vectors of {dimensions} numbers; expected more vectors than numbers: the "
                     "covariance is singular.")  # fmt: skip
    if floor is not None and floor.real >= _LOUD_FLOOR * floor.generated:
        found.append(f"two halves of the real videos are {floor.real:.4g} apart, generated and real ones at that size "
                     f"{floor.generated:.4g}: much of {value:.4g} is sample size.")  # fmt: skip
    return tuple(found)
