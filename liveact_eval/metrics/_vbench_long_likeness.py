"""Consistency of long videos: one metric over the features of two networks, and those of the short one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics._vbench_likeness import ConsistencyMetric
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Collector, Missing, Rows
from liveact_eval.metrics.shot_cuts import changes_of_pairs

if TYPE_CHECKING:
    import torch

LONGER_THAN_S = 10.0
"""Videos of this length and shorter are what plain VBench is for."""


class LongConsistencyMetric(ConsistencyMetric):
    """Consistency within clips of two seconds and from clip to clip; a set's value is the mean over its scenes."""

    needs = {"frames": FrameNeed(), "pairs": FrameNeed(window=2)}
    table: ClassVar[Sequence[float]]
    """From clip-to-clip scores to in-clip scores."""

    def collectors_at(self, fps: float) -> Mapping[str, Collector]:
        """Two ends of the scenes of one video."""
        from liveact_eval.metrics._vbench_long_scenes import Scenes

        scenes = Scenes(fps)
        return {"frames": scenes.frames, "pairs": scenes.changes}

    def features(self, need: str, batch: Batch) -> torch.Tensor:
        """(N, D) features of whole frames as for the short metric; (N,) changes of content for the pairs."""
        return changes_of_pairs(batch) if need == "pairs" else super().features(need, batch)

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """The mean over scenes in 0..1, the mean of their clip-to-clip scores as the network gives them, and sums."""
        from liveact_eval.metrics._vbench_long_scenes import scenes_of

        fused, between = (output.name for output in self.outputs)
        seconds = clip.frames / clip.fps
        if seconds <= LONGER_THAN_S:
            why = (
                f"{seconds:.2f} s; more than {LONGER_THAN_S:g} s are expected: read the short metric instead"
            )
            return ClipScore(values=dict.fromkeys((fused, between), Missing("too_short", why)))
        scenes = scenes_of(rows["frames"])
        if not scenes:
            why = "every scene is a single frame"
            return ClipScore(values=dict.fromkeys((fused, between), Missing("too_short", why)))
        scores = np.array([scene.fused(self.table) for scene in scenes])
        linked = [scene.clip_to_clip for scene in scenes if scene.clip_to_clip is not None]
        values: dict[str, float | Missing] = {
            fused: float(scores.mean()),
            between: float(np.mean(linked))
            if linked
            else Missing("too_short", "every scene is a single clip"),
        }
        statistics = {fused: np.array([scores.sum(), len(scores)], np.float64)}
        if linked:
            statistics[between] = np.array([np.sum(linked), len(linked)], np.float64)
        return ClipScore(values=values, statistics=statistics)
