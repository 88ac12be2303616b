"""SSIM against the real video, frame by frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics._ssim import WINDOW, Moments, similarity
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Metric, Missing, Output, Rows
from liveact_eval.metrics.registry import register

if TYPE_CHECKING:
    import torch


@register
class Ssim(Metric):
    """Structural similarity of each RGB channel, averaged; mean over frames, then over clips."""

    name = "ssim"
    outputs = (Output(name="ssim", title="SSIM", direction="up", digits=4, best=1.0, range=(-1.0, 1.0)),)
    needs = {"frames": FrameNeed(paired=True)}
    recipe = "ssim-rgb-gauss11-framewise@1"
    summary = "How alike each frame and the real frame of the same index are in local structure."
    source = (
        "Wang et al., IEEE TIP 2004; equal to scikit-image with gaussian_weights and population covariance"
    )

    def features(self, need: str, batch: Batch) -> torch.Tensor:
        """SSIM of each frame, (N,)."""
        import torch

        if batch.reference is None:
            raise ValueError("a paired need comes with its reference")
        x, y = batch.windows[:, 0], batch.reference[:, 0]
        if min(x.shape[1:3]) < WINDOW:
            return torch.full((len(x),), torch.nan)
        pairs = zip(x.split(1), y.split(1), strict=True)
        return torch.cat([_channel_mean(mine, real) for mine, real in pairs])

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """SSIM of each frame, and their mean."""
        curve = rows["frames"][:, 0]
        value = mean_or_missing(curve)
        return ClipScore(values={"ssim": value}, curves={} if isinstance(value, Missing) else {"ssim": curve})


def _channel_mean(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """(1,): mean over the channels of two pictures (1, H, W, 3)."""
    import torch

    channels = [similarity(Moments(x[..., c]), Moments(y[..., c])) for c in range(3)]
    return torch.stack(channels).mean(dim=0)


def mean_or_missing(curve: Rows) -> float | Missing:
    """The mean of a curve of similarities, or why there is none."""
    if not len(curve):
        return Missing("too_short", "no frame, or no pair of frames, to compare")
    if curve[0] != curve[0]:
        return Missing("too_small", f"SSIM needs pictures of at least {WINDOW}x{WINDOW} pixels")
    return float(curve.mean())
