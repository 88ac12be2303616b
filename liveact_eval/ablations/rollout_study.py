"""What all ablations of published strategies share: readings of sync and of seams, and what runs them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from liveact_eval.ablations.readings import Reader, sync_reader
from liveact_eval.ablations.seams import seam_ratio
from liveact_eval.ablations.study import Measure, Unit
from liveact_eval.ablations.video_study import CURVES, MEASURES, VideoStudy
from liveact_eval.metrics.base import Missing

if TYPE_CHECKING:
    from liveact_eval.ablations.bench import Bench, MadeVideo
    from liveact_eval.networks.provider import Networks

ZERO_SHOT = (
    "Weights that were trained for another strategy run here as they are: a row says what its past, window and levels "
    "do to such weights, and nothing about the weights of its paper."
)
OWN_MEASURES = {
    measure.name: measure
    for measure in (
        Measure(name="sync_c", title="Sync-C (mini)", direction="up", digits=2),
        Measure(name="sync_d", title="Sync-D (mini)", direction="down", digits=2),
        Measure(name="seam_ratio", title="Change at seams", direction="down", digits=2),
    )
}
"""Measures that these studies read beside those of every video, by name."""
QUALITY = (
    "mouth_correlation",
    "sync_c",
    "identity",
    "identity_last",
    "colour_drift",
    "colour_drift_last",
    "background_change",
    "sharpness",
    "seam_ratio",
)
"""Columns of what is seen and heard, by name."""


def columns(*names: str) -> tuple[Measure, ...]:
    """Measures by name."""
    known = MEASURES | OWN_MEASURES
    return tuple(known[name] for name in names)


class RolloutStudy(VideoStudy):
    """An ablation of published forcing strategies."""

    curves = tuple(CURVES[name] for name in ("identity", "colour_drift", "background_change", "cost_ms"))
    notes: ClassVar[tuple[str, ...]] = (ZERO_SHOT,)
    clips = 4
    seconds = 30.0
    least_seconds = 3.0

    def readers(self, networks: Networks) -> dict[str, Reader]:
        """Those of every video, and sync."""
        return super().readers(networks) | {"sync": sync_reader(networks)}

    def more(self, unit: Unit, bench: Bench, made: MadeVideo) -> Mapping[str, float | Missing]:
        """Change at the seams between blocks."""
        return {"seam_ratio": seam_ratio(made.path, [block.first_frame for block in made.blocks])}
