"""Cuts in what should be one take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Metric, Missing, Output, Rows
from liveact_eval.metrics.registry import register

if TYPE_CHECKING:
    import torch

CURVE = "content_change"


def changes_of_pairs(batch: Batch) -> torch.Tensor:
    """(N,) change within each pair of neighbouring frames, 0..255; made once for all metrics that ask."""
    import torch

    from liveact_eval.metrics._shot_cuts import content_change

    pairs = batch.windows
    # Pairs follow each other: what ends one begins the next.
    return batch.once(CURVE, lambda: content_change(torch.cat([pairs[:, 0], pairs[-1:, 1]])))


@register
class ShotCuts(Metric):
    """Number of cuts that a content detector finds; mean over clips."""

    name = "shot_cuts"
    outputs = (Output(name="shot_cuts", title="Shot cuts", direction="none", digits=2, range=(0.0, None)),)
    needs = {"pairs": FrameNeed(window=2)}
    recipe = "content-hsv-width256-threshold27-min15frames@1"
    summary = (
        "Cuts per clip: frames whose hue, saturation and value differ from those of the frame before by 27 levels or "
        "more. A talking avatar filmed in one take has none; one that jumps has some."
    )
    source = "PySceneDetect, ContentDetector (Breakthrough/PySceneDetect@006fe37)"

    def features(self, need: str, batch: Batch) -> torch.Tensor:
        """(N,) change of content in each pair."""
        return changes_of_pairs(batch)

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """The number of cuts, and the change at each pair of frames in levels."""
        from liveact_eval.metrics._shot_cuts import cuts

        changes = rows["pairs"][:, 0]
        if not len(changes):
            return ClipScore(values={self.name: Missing("too_short", "one frame has no neighbour")})
        return ClipScore(values={self.name: float(len(cuts(changes)))}, curves={CURVE: changes})
