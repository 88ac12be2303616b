"""What curves of landmarks say about how a face moves: still lips in silence, head motion and blinks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liveact_eval.metrics.base import Missing, Rows

SILENCE_DB = 40.0
"""A frame is silent where its sound lies this far below the loud parts of the clip."""
SILENCE_FLOOR_DB = -60.0
"""And in any case below this level, relative to full scale."""
SILENCE_MARGIN_S = 0.2
"""Lips move before and after a sound: this much at both ends of a silence does not count."""
LEAST_SILENCE_S = 0.5
"""Less silence than this gives no number."""
BLINK_SHARE = 0.6
"""An eye is shut where its aspect ratio is below this share of the clip's median."""
LONGEST_BLINK_S = 0.5
"""Eyes shut for longer are not blinking."""
LEAST_MOTION_S = 1.0
"""Clips with fewer seconds of a visible face give no numbers of motion."""
LEAST_BLINK_S = 5.0
"""Nor of blinks, below this: people blink once in some 3 to 6 seconds."""
ANGLES = ("yaw", "pitch", "roll")
"""Order of the angles of a head."""

_LOUD_PERCENTILE = 95.0
_RANGE_PERCENTILES = (5.0, 95.0)

Triple = tuple[float, float, float]


def silent_frames(power: Rows, rate: int, fps: float, frames: int) -> NDArray[np.bool_]:
    """Frames in the inside of a silence, (frames,).

    Args:
        power: mean square of each step of the sound, full scale being 1, starting with the first frame; frames beyond
            its end are silent.
        rate: steps per second.
        fps: frames per second.
        frames: number of frames.
    """
    edges = np.rint(np.arange(frames + 1) * rate / fps).astype(np.int64)
    energy = np.zeros(max(len(power), int(edges[-1])) + 1)
    np.cumsum(power, out=energy[1 : len(power) + 1])
    energy[len(power) + 1 :] = energy[len(power)]
    power = np.diff(energy[edges]) / np.maximum(1, np.diff(edges))
    level = 10 * np.log10(np.maximum(power, 1e-12))
    loud = np.percentile(level, _LOUD_PERCENTILE) if frames else 0.0
    quiet = (level < loud - SILENCE_DB) | (level < SILENCE_FLOOR_DB)
    margin = round(SILENCE_MARGIN_S * fps)
    sounding = np.concatenate([[0], np.cumsum(~quiet)])
    start = np.maximum(np.arange(frames) - margin, 0)
    stop = np.minimum(np.arange(frames) + margin + 1, frames)
    inside: NDArray[np.bool_] = sounding[stop] == sounding[start]
    return inside


@dataclass(frozen=True, kw_only=True)
class SilentLips:
    """How still the lips are while nothing is heard."""

    deviation: float | Missing
    """Standard deviation of the mouth opening in silence, as a share of the eye distance; 0: perfectly still."""
    opening: float | Missing
    """Mean opening in silence: a mouth that stays open is still, too."""
    frames: int
    """Silent frames with a face."""


def silent_lips(opening: Rows, silent: NDArray[np.bool_], fps: float) -> SilentLips:
    """Stability of the lips in silence.

    Every stretch of silence is measured against its own mean, as a mouth may rest at another opening each time.

    Args:
        opening: (T,) of `mouth_opening`, NaN where a frame has no face.
        silent: (T,) from `silent_frames`.
        fps: frames per second.
    """
    used = silent & np.isfinite(opening)
    count = int(used.sum())
    if count < LEAST_SILENCE_S * fps:
        short = Missing(
            "no_silence", f"{count / fps:.2f} s of silence with a face; {LEAST_SILENCE_S:g} s are needed"
        )
        return SilentLips(deviation=short, opening=short, frames=count)
    stretch = np.cumsum(np.diff(silent.astype(np.int8), prepend=0) == 1)[used]
    values = opening[used]
    sizes = np.bincount(stretch)
    means = np.bincount(stretch, weights=values) / np.maximum(1, sizes)
    return SilentLips(
        deviation=float(np.sqrt(((values - means[stretch]) ** 2).mean())),
        opening=float(values.mean()),
        frames=count,
    )


@dataclass(frozen=True, kw_only=True)
class HeadMotion:
    """How the head moves."""

    deviation_deg: Triple | Missing
    """Standard deviation of yaw, pitch and roll in degrees."""
    range_deg: Triple | Missing
    """Their range in degrees, from the 5th to the 95th percentile."""
    speed_deg_s: float | Missing
    """Mean speed of the three angles together, in degrees per second."""


def head_motion(pose: Rows, fps: float) -> HeadMotion:
    """Head motion of a clip; frames without a face, and the steps to and from them, are left out.

    Args:
        pose: (T, 3) of `head_pose`, NaN where a frame has no face.
        fps: frames per second.
    """
    there = np.isfinite(pose).all(axis=1)
    short = _too_short(int(there.sum()), fps, LEAST_MOTION_S)
    if short is not None:
        return HeadMotion(deviation_deg=short, range_deg=short, speed_deg_s=short)
    low, high = np.percentile(pose[there], _RANGE_PERCENTILES, axis=0)
    steps = np.linalg.norm(np.diff(pose, axis=0), axis=1)
    steps = steps[np.isfinite(steps)]
    return HeadMotion(
        deviation_deg=_triple(pose[there].std(axis=0)),
        range_deg=_triple(high - low),
        speed_deg_s=float(steps.mean() * fps)
        if len(steps)
        else Missing("too_short", "no two frames in a row with a face"),
    )


@dataclass(frozen=True, kw_only=True)
class Blinks:
    """How a face blinks."""

    per_minute: float | Missing
    """Blinks per minute of visible face; people blink about 10 to 25 times."""
    mean_length_s: float | Missing
    """Mean length of a blink in seconds; people take 0.1 to 0.4."""
    count: int
    """Blinks."""


def blinks_of(opening: Rows, fps: float) -> Blinks:
    """Blinks of a clip: stretches with shut eyes, between frames with open ones, no longer than half a second.

    Args:
        opening: (T,) of `eye_opening`, NaN where a frame has no face.
        fps: frames per second.
    """
    there = np.isfinite(opening)
    short = _too_short(int(there.sum()), fps, LEAST_BLINK_S)
    if short is not None:
        return Blinks(per_minute=short, mean_length_s=short, count=0)
    threshold = BLINK_SHARE * np.median(opening[there])
    with np.errstate(invalid="ignore"):
        shut = np.concatenate([[False], there & (opening < threshold), [False]])
    change = np.diff(shut.astype(np.int8))
    starts, stops = np.flatnonzero(change == 1), np.flatnonzero(change == -1)
    # A blink has open eyes seen on either side: what is cut off by the clip or by a lost face is not counted.
    open_eyes = np.concatenate([[False], there & ~shut[1:-1], [False]])
    whole = open_eyes[starts] & open_eyes[stops + 1] & (stops - starts <= LONGEST_BLINK_S * fps)
    lengths = (stops - starts)[whole] / fps
    return Blinks(
        per_minute=float(len(lengths) * 60 * fps / there.sum()),
        mean_length_s=float(lengths.mean()) if len(lengths) else Missing("no_blink", "the eyes never shut"),
        count=len(lengths),
    )


def _too_short(seen: int, fps: float, least_s: float) -> Missing | None:
    """Why so many frames with a face are too few, if they are."""
    if seen == 0:
        return Missing("no_face", "no face in any frame")
    if seen < least_s * fps:
        return Missing("too_short", f"{seen / fps:.2f} s with a face; {least_s:g} s are needed")
    return None


def _triple(values: Rows) -> Triple:
    yaw, pitch, roll = (float(value) for value in values)
    return yaw, pitch, roll
