"""VBench-Long: what VBench's dimensions mean for a video of more than about ten seconds.

Scenes are cut into clips of two seconds; a dimension is its mean over the clips. Consistency looks further: a second
score compares the first frames of all clips (clip to clip), is brought onto the scale of the first by a table, and both
are averaged. Plain VBench over minutes is dominated by the one first frame.

Here both scores come from the same network (DINO, CLIP), so that a frame is encoded once; the published tables are
those of DINOv2 and DreamSim. The values are thus comparable with each other and not with VBench-Long's: the recipe name
has to say so. Source: Vchitect/VBench, vbench2_beta_long (Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liveact_eval.metrics._vbench_consistency import Features, Seen, consistency

CLIP_SECONDS = 2
"""Length of a clip."""
IN_CLIP_WEIGHT = 0.5
"""Share of the in-clip score; the clip-to-clip score has the rest."""


@dataclass(frozen=True, kw_only=True)
class LongConsistency:
    """What a long video's consistency is made of."""

    in_clip: NDArray[np.float64]
    """Score of each clip, (K,)."""
    clip_to_clip: float | None
    """Score over the first frames of all clips; `None` for a single clip."""

    def fused(self, table: Sequence[float], in_clip_weight: float = IN_CLIP_WEIGHT) -> float:
        """One number in 0..1; of a single clip its in-clip score.

        Args:
            table: from clip-to-clip scores to in-clip scores, at equal steps from 0 to 1.
            in_clip_weight: share of the in-clip score.
        """
        mean = float(self.in_clip.mean())
        if self.clip_to_clip is None:
            return mean
        mapped = onto_in_clip_scale(self.clip_to_clip, table)
        # As in the original, a video whose clips have nothing in common is not punished for it.
        return mean if mapped == 0 else in_clip_weight * mean + (1 - in_clip_weight) * mapped


def clip_frames(fps: float) -> int:
    """Frames of a clip; the frame rate is cut to a whole number first."""
    return max(2, int(fps) * CLIP_SECONDS)


def clips(scenes: Sequence[range], length: int) -> list[range]:
    """Frames of every clip.

    Args:
        scenes: consecutive frames without a cut, one range per scene.
        length: frames of a clip.

    Returns:
        Clips in order. A scene's last one reaches back into the clip before it to be full; a scene shorter than a
        clip is one clip.
    """
    found = []
    for scene in scenes:
        if len(scene) <= length:
            found.append(scene)
            continue
        starts = list(range(scene.start, scene.stop - length + 1, length))
        if starts[-1] + length < scene.stop:
            starts.append(scene.stop - length)
        found.extend(range(start, start + length) for start in starts)
    return found


def clip_means(values: NDArray[np.float64], spans: Sequence[range]) -> NDArray[np.float64]:
    """Mean of one value per frame over each clip, (T,) to (K,); the dimension is the mean of these."""
    sums = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    return np.array([(sums[span.stop] - sums[span.start]) / len(span) for span in spans])


def onto_in_clip_scale(score: float, table: Sequence[float]) -> float:
    """A clip-to-clip score on the scale of in-clip scores, linear between the entries of the table."""
    return float(np.interp(score, np.linspace(0, 1, len(table)), table))


class LongConsistencyRun:
    """Consistency of one scene, fed in order; holds the features of two clips at most.

    Args:
        length: frames of a clip.
    """

    def __init__(self, length: int) -> None:
        self._length = length
        self._held: list[NDArray[np.float64]] = []
        self._before: NDArray[np.float64] | None = None
        self._scores: list[float] = []
        self._firsts: Seen | None = None
        self._between: list[float] = []

    def push(self, features: Features) -> None:
        """Take the features of the next frames, (n, D)."""
        for row in np.asarray(features, np.float64):
            self._held.append(row)
            if len(self._held) == self._length:
                self._before = np.stack(self._held)
                self._held = []
                self._close(self._before)

    def finish(self) -> LongConsistency:
        """The scores; call it last, after at least two frames.

        Raises:
            ValueError: fewer than two frames.
        """
        if self._held:
            rest = np.stack(self._held)
            self._held = []
            if self._before is not None:
                rest = np.concatenate([self._before[len(rest) :], rest])
            self._close(rest)
        if not self._scores:
            raise ValueError("a video of fewer than two frames; consistency needs two")
        between = float(np.mean(self._between)) if self._between else None
        return LongConsistency(in_clip=np.array(self._scores), clip_to_clip=between)

    def _close(self, features: NDArray[np.float64]) -> None:
        values, _ = consistency(features)
        if len(values):
            self._scores.append(float(values.mean()))
            between, self._firsts = consistency(features[:1], self._firsts)
            self._between.extend(between.tolist())
