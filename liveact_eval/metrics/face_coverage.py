"""Face coverage: in how many frames a face is seen at all, and in how many there are several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from liveact_eval.metrics._drift_outputs import all_missing
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Metric, Missing, Output, Rows
from liveact_eval.metrics.registry import register


@register
class FaceCoverage(Metric):
    """Shares of the frames, by what the face detector saw in each of them."""

    name = "face_coverage"
    outputs = (
        Output(name="face_coverage", title="Face coverage", direction="up", best=1.0, range=(0.0, 1.0)),
        Output(name="several_faces", title="Several faces", direction="none", range=(0.0, 1.0)),
    )
    needs = {}
    counts_faces = True
    recipe = "face-coverage-yunet-everyframe@1"
    summary = (
        "Share of the frames in which the face detector sees a face, and share in which it sees several. Missed frames "
        "are not interpolated here. In drawn clips the faces are known. Every other number of faces is of these frames."
    )
    source = "this project; detector: Wu et al., Machine Intelligence Research 20, 2023 (YuNet)"

    def features(self, need: str, batch: Batch) -> Any:
        """Never asked for: faces are counted in the one search that serves all metrics."""
        raise ValueError(f"this metric has no need, and got windows of {need!r}")

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """Both shares, and the number of faces over time."""
        if clip.face_counts is None or not len(clip.face_counts):
            why = Missing("too_short", "no frame was searched for faces")
            return ClipScore(values=all_missing(self.outputs, why))
        counts = clip.face_counts
        return ClipScore(
            values={
                "face_coverage": float((counts > 0).mean()),
                "several_faces": float((counts > 1).mean()),
            },
            curves={"faces": counts.astype(float)},
        )
