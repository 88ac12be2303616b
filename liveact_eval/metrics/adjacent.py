"""How much each frame differs from the one before: curves that show jumps, flicker and standstill."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics._ssim import WINDOW, Moments, similarity
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Metric, Missing, Output, Rows
from liveact_eval.metrics.registry import register
from liveact_eval.metrics.ssim import mean_or_missing

if TYPE_CHECKING:
    import torch


@register
class Adjacent(Metric):
    """SSIM and mean absolute error between luma of neighbouring frames."""

    name = "adjacent"
    outputs = (
        Output(name="adjacent_ssim", title="Adj-SSIM", direction="none", digits=4, range=(-1.0, 1.0)),
        Output(
            name="adjacent_mae",
            title="Adj-MAE",
            direction="none",
            unit="levels",
            digits=3,
            range=(0.0, 255.0),
        ),
    )
    needs = {"pairs": FrameNeed(colour="luma", window=2)}
    recipe = "adjacent-luma-native-fps@1"
    summary = (
        "Likeness of neighbouring frames. Not a score: a frozen video is perfectly alike. Read it beside "
        "the real row; it depends on the frame rate."
    )
    source = "SSIM as in `ssim`; mean absolute luma difference in 8-bit levels"

    def features(self, need: str, batch: Batch) -> torch.Tensor:
        """(N, 2): SSIM and mean absolute error of each pair."""
        import torch

        pairs = batch.windows
        error = (pairs[:, 1] - pairs[:, 0]).abs().flatten(1).mean(dim=1)
        if min(pairs.shape[2:4]) < WINDOW:
            return torch.stack([torch.full_like(error, torch.nan), error], dim=1)
        before = Moments(pairs[:1, 0])
        alike = []
        for picture in pairs[:, 1].split(1):
            after = Moments(picture)
            alike.append(similarity(before, after))
            before = after
        return torch.stack([torch.cat(alike), error], dim=1)

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """Both curves, and their means."""
        if not len(rows["pairs"]):
            why = Missing("too_short", "one frame has no neighbour")
            return ClipScore(values={output.name: why for output in self.outputs})
        alike, error = rows["pairs"][:, 0], rows["pairs"][:, 1]
        ssim = mean_or_missing(alike)
        mae = float(error.mean())
        curves = (
            {"adjacent_mae": error}
            if isinstance(ssim, Missing)
            else {
                "adjacent_ssim": alike,
                "adjacent_mae": error,
            }
        )
        return ClipScore(values={"adjacent_ssim": ssim, "adjacent_mae": mae}, curves=curves)
