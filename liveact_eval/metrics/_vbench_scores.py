"""From VBench's dimensions to the numbers of its leaderboards and of the papers.

A dimension is normalised, (x - lowest) / (highest - lowest), not clipped, and weighted; a group is the sum of its
weighted values by the sum of their weights. Raw values are in 0..1, imaging quality included.
A missing dimension makes its group missing; the leaderboard's own script counts it as 0.
Source: Vchitect/VBench, scripts/constant.py and scripts/cal_final_score.py (Apache-2.0).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Raw = Mapping[str, float | None]
"""Raw values by dimension; `None` or absent: not measured."""


@dataclass(frozen=True)
class Scale:
    """How a dimension enters a group."""

    lowest: float = 0.0
    """Value that becomes 0."""
    highest: float = 1.0
    """Value that becomes 1."""
    weight: float = 1.0
    """Weight in its group."""

    def weighted(self, value: float) -> float:
        """The normalised value times the weight; beyond 0..weight where the value is beyond the range."""
        return (value - self.lowest) / (self.highest - self.lowest) * self.weight


TEMPORAL = (
    "subject_consistency",
    "background_consistency",
    "temporal_flickering",
    "motion_smoothness",
    "dynamic_degree",
)
"""Temporal dimensions, as the VBench paper groups them."""
TEMPORAL_A4 = (*TEMPORAL[:2], *TEMPORAL[3:])
"""Those that VBench supports for videos of one's own: all but temporal flickering."""
FRAMEWISE = ("aesthetic_quality", "imaging_quality")
"""Dimensions of single frames."""
QUALITY = (*TEMPORAL[:4], *FRAMEWISE, TEMPORAL[4])
"""Dimensions that need no prompt."""
SEMANTIC = (
    "object_class",
    "multiple_objects",
    "human_action",
    "color",
    "spatial_relationship",
    "scene",
    "appearance_style",
    "temporal_style",
    "overall_consistency",
)
"""Dimensions that compare with the prompt; not measured here."""

SCALES: Mapping[str, Scale] = {
    "subject_consistency": Scale(0.1462),
    "background_consistency": Scale(0.2615),
    "temporal_flickering": Scale(0.6293),
    "motion_smoothness": Scale(0.706, 0.9975),
    "dynamic_degree": Scale(weight=0.5),
    "aesthetic_quality": Scale(),
    "imaging_quality": Scale(),
    "object_class": Scale(),
    "multiple_objects": Scale(),
    "human_action": Scale(),
    "color": Scale(),
    "spatial_relationship": Scale(),
    "scene": Scale(0.0, 0.8222),
    "appearance_style": Scale(0.0009, 0.2855),
    "temporal_style": Scale(0.0, 0.364),
    "overall_consistency": Scale(0.0, 0.364),
}
"""Of VBench."""
QUALITY_WEIGHT, SEMANTIC_WEIGHT = 4, 1

I2V_QUALITY = (*TEMPORAL[:2], *TEMPORAL[3:], *FRAMEWISE)
"""Dimensions of VBench-I2V that need neither prompt nor image: no temporal flickering."""
I2V_ALIGNMENT = (
    "video_text_camera_motion",
    "video_image_subject_consistency",
    "video_image_background_consistency",
)
"""Dimensions of VBench-I2V that compare with the image or the prompt; not measured here."""
I2V_SCALES: Mapping[str, Scale] = {
    **{name: SCALES[name] for name in I2V_QUALITY},
    "video_text_camera_motion": Scale(weight=0.1),
    "video_image_subject_consistency": Scale(0.1462),
    "video_image_background_consistency": Scale(0.2615),
}
"""Of VBench-I2V."""


@dataclass(frozen=True, kw_only=True)
class Leaderboard:
    """Scores of a leaderboard; `None` where a dimension is missing."""

    weighted: Mapping[str, float]
    """Normalised and weighted values of the measured dimensions."""
    quality: float | None
    """Of the dimensions that need no prompt."""
    alignment: float | None
    """Of those that do: VBench's semantic score, VBench-I2V's i2v score."""
    total: float | None
    """Of VBench: four parts quality, one part semantic; of VBench-I2V: the mean of both."""


def leaderboard(raw: Raw) -> Leaderboard:
    """Scores of VBench's leaderboard."""
    return _board(raw, SCALES, (QUALITY, QUALITY_WEIGHT), (SEMANTIC, SEMANTIC_WEIGHT))


def i2v_leaderboard(raw: Raw) -> Leaderboard:
    """Scores of VBench-I2V's leaderboard."""
    return _board(raw, I2V_SCALES, (I2V_QUALITY, 1), (I2V_ALIGNMENT, 1))


def _board(
    raw: Raw,
    scales: Mapping[str, Scale],
    first: tuple[tuple[str, ...], int],
    second: tuple[tuple[str, ...], int],
) -> Leaderboard:
    (quality_names, quality_weight), (other_names, other_weight) = first, second
    quality, other = _group(raw, quality_names, scales), _group(raw, other_names, scales)
    total = None
    if quality is not None and other is not None:
        total = (quality * quality_weight + other * other_weight) / (quality_weight + other_weight)
    weighted = {
        name: scale.weighted(value) for name, scale in scales.items() if (value := raw.get(name)) is not None
    }
    return Leaderboard(weighted=weighted, quality=quality, alignment=other, total=total)


def normalised_mean(values: Floats, names: Sequence[str]) -> Floats:
    """Raw values of dimensions of VBench, normalised and weighted, by the sum of the weights.

    Args:
        values: (..., len(names)), in 0..1.
        names: the dimensions.

    Returns:
        (...), in 0..1 for values within the scales; not clipped.
    """
    return _normalised_mean(values, [SCALES[name] for name in names])


def extent(names: Sequence[str]) -> tuple[float, float]:
    """Where `normalised_mean` of raw values in 0..1 lies, times 100, to the next tenth outside."""
    count = len(names)
    low, high = normalised_mean(np.stack([np.zeros(count), np.ones(count)]), names)
    return math.floor(1000 * low) / 10, math.ceil(1000 * high) / 10


def _normalised_mean(values: Floats, scales: Sequence[Scale]) -> Floats:
    lowest, highest, weight = np.array([(s.lowest, s.highest, s.weight) for s in scales]).T
    mean: Floats = ((values - lowest) / (highest - lowest) * weight).sum(axis=-1) / weight.sum()
    return mean


def _group(raw: Raw, names: Sequence[str], scales: Mapping[str, Scale]) -> float | None:
    values = _values(raw, names)
    return None if values is None else float(_normalised_mean(values, [scales[name] for name in names]))


def _values(raw: Raw, names: Sequence[str]) -> Floats | None:
    """(len(names),); `None` if one is missing."""
    values = [value for name in names if (value := raw.get(name)) is not None]
    return np.array(values) if len(values) == len(names) else None
