"""Human Anatomy of VBench-2.0: the crops that its classifiers see, and how their verdicts become a score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

THRESHOLDS: Mapping[str, float] = {"human": 0.45454545454545453, "face": 0.30303030303030304, "hand": 0.3232}
"""A crop is abnormal above this probability, by what it shows; other labels never are."""
DETECTION_THRESHOLD = 0.1
"""Least score of a detection, for people in the frame and for faces and hands in the person."""
RECIPE = "vbench2-human_anatomy-yoloworld_v2xl-everyframe@2"
"""Frames searched at 640 pixels, crops judged blue first."""


def square_crops(boxes: NDArray[np.floating], size: tuple[int, int]) -> NDArray[np.int64]:
    """Square crops around boxes, (N, 4) to (N, 4) whole pixels x0, y0, x1, y1, the last two exclusive.

    The square over the longer side, moved into the frame without leaving the box; where that is not possible the
    square over the shorter side, in the middle of the box. Sides are rounded outwards.

    Args:
        boxes: (N, 4) x0, y0, x1, y1 in pixels.
        size: width and height of the frame.

    Raises:
        ValueError: a box has no area, or no square around it lies in the frame. The message names the box.
    """
    low, high = np.asarray(boxes, np.float64)[:, :2], np.asarray(boxes, np.float64)[:, 2:]
    extent, frame = high - low, np.array(size, np.float64)
    if not (extent > 0).all():
        raise ValueError(f"the box {boxes[int((extent <= 0).any(axis=1).argmax())].tolist()} has no area")
    centre = (low + high) / 2
    half = extent.max(axis=1, keepdims=True) / 2
    first, last = np.maximum(high - half, half), np.minimum(low + half, frame - half)
    outer = _around(np.minimum(np.maximum(centre, first), last), half)
    fits = (first <= last).all(axis=1) & _inside(outer, frame)
    half = extent.min(axis=1, keepdims=True) / 2
    inner = _around(np.minimum(np.maximum(centre, half), frame - half), half)
    found = np.where(fits[:, None], outer, inner)
    bad = ~_inside(found, frame)
    if bad.any():
        box = np.asarray(boxes)[int(bad.argmax())].tolist()
        raise ValueError(f"no square around the box {box} lies in a frame of {size[0]}x{size[1]} pixels")
    return found


def _around(centre: NDArray[np.float64], half: NDArray[np.float64]) -> NDArray[np.int64]:
    start = centre - half
    edges = np.concatenate([np.floor(start), np.ceil(start + 2 * half)], axis=1)
    return edges.astype(np.int64)


def _inside(crops: NDArray[np.int64], frame: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray((crops[:, :2] >= 0).all(axis=1) & (crops[:, 2:] <= frame).all(axis=1))


@dataclass(frozen=True)
class Part:
    """What a classifier said about one crop."""

    frame: int
    """Frame of the video."""
    person: int
    """Person in that frame."""
    label: str
    """`human`, `face` or `hand`."""
    abnormal: float
    """Probability that it is abnormal, 0..1."""


@dataclass(frozen=True, kw_only=True)
class AnatomyScore:
    """Human Anatomy of one video, with its counts."""

    value: float
    """1 minus the share of abnormal people over all frames; 1 where nobody was seen."""
    persons: int
    """People, counted anew in each frame."""
    abnormal: int
    """Those of them with an abnormal crop."""
    by_frame: Mapping[int, tuple[int, int]]
    """People and abnormal people of every frame that shows somebody."""


def abnormal_persons(
    parts: Sequence[Part], thresholds: Mapping[str, float] = THRESHOLDS
) -> Mapping[tuple[int, int], bool]:
    """Whether each person, (frame, person), has any abnormal crop."""
    found: dict[tuple[int, int], bool] = {}
    for part in parts:
        above = part.label in thresholds and part.abnormal > thresholds[part.label]
        key = (part.frame, part.person)
        found[key] = found.get(key, False) or above
    return found


def anatomy_score(parts: Sequence[Part], thresholds: Mapping[str, float] = THRESHOLDS) -> AnatomyScore:
    """The score of one video.

    Args:
        parts: all crops of the video; every person has one of label `human`.
        thresholds: by label.
    """
    persons = abnormal_persons(parts, thresholds)
    by_frame: dict[int, tuple[int, int]] = {}
    for (frame, _), abnormal in persons.items():
        seen, ill = by_frame.get(frame, (0, 0))
        by_frame[frame] = (seen + 1, ill + abnormal)
    ill = sum(persons.values())
    value = 1 - ill / len(persons) if persons else 1.0
    return AnatomyScore(value=value, persons=len(persons), abnormal=ill, by_frame=by_frame)
