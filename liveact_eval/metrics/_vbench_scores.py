"""From VBench's dimensions to the numbers of its leaderboards and of the papers.

A dimension is normalised, (x - lowest) / (highest - lowest), not clipped, and weighted; a group is the sum of its
weighted values by the sum of their weights. Raw values are in 0..1, imaging quality included.
A missing dimension makes its group missing; the leaderboard's own script counts it as 0.
Source: Vchitect/VBench, scripts/constant.py and scripts/cal_final_score.py (Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

TemporalRecipe = Literal["A5", "A4", "B5"]
"""What a paper's "temporal quality" may be; no paper gives the formula.

`A5`: the five temporal dimensions, normalised and weighted as on the leaderboard; `A4`: without temporal flickering;
`B5`: the plain mean of the five raw values.
"""

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


def temporal_quality(raw: Raw, recipe: TemporalRecipe = "A5") -> float | None:
    """A candidate for "temporal quality", in 0..1 for values within the scales; record the recipe beside it.

    Raises:
        ValueError: another recipe.
    """
    if recipe == "A5":
        return _group(raw, TEMPORAL, SCALES)
    if recipe == "A4":
        return _group(raw, [name for name in TEMPORAL if name != "temporal_flickering"], SCALES)
    if recipe == "B5":
        return _plain_mean(raw, TEMPORAL)
    raise ValueError(f"recipe {recipe!r} of temporal quality; A5, A4 or B5 is expected")


def image_quality(raw: Raw) -> float | None:
    """The candidate I1 for "image quality": imaging quality on 0..100."""
    value = raw.get("imaging_quality")
    return None if value is None else 100 * value


def framewise_quality(raw: Raw) -> float | None:
    """The candidate I2: the mean of aesthetic and imaging quality on 0..100."""
    value = _plain_mean(raw, FRAMEWISE)
    return None if value is None else 100 * value


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


def _group(raw: Raw, names: Iterable[str], scales: Mapping[str, Scale]) -> float | None:
    total = weights = 0.0
    for name in names:
        value = raw.get(name)
        if value is None:
            return None
        total += scales[name].weighted(value)
        weights += scales[name].weight
    return total / weights


def _plain_mean(raw: Raw, names: tuple[str, ...]) -> float | None:
    values = [value for name in names if (value := raw.get(name)) is not None]
    return sum(values) / len(names) if len(values) == len(names) else None
