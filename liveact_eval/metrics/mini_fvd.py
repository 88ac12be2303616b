"""FVD of the mini tier: how far windows of 16 frames are from the drawn ones, to a network that knows drawn heads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics._frechet_metric import FrechetMetric
from liveact_eval.metrics._gaussian_collector import GaussianCollector
from liveact_eval.metrics._mini_frames import SIZE
from liveact_eval.metrics._network_batches import device_of
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Collector, Missing, Output, Rows
from liveact_eval.metrics.registry import register

if TYPE_CHECKING:
    import torch

_NETWORK = "mini_clip"
_WINDOW = 16
_AT_ONCE = 4


@register
class MiniFVD(FrechetMetric):
    """Windows that do not overlap."""

    name = "mini_fvd"
    frechet = "mini_fvd"
    unit = "windows"
    outputs = (
        Output(name="mini_fvd", title="FVD (mini)", direction="down", digits=3, best=0.0, range=(0.0, None)),
    )
    needs = {"windows": FrameNeed(size=SIZE, window=_WINDOW, hop=_WINDOW, at_once=_AT_ONCE)}
    networks = (_NETWORK,)
    truth = True
    recipe = "mini-fvd@1"
    summary = (
        "Distance between windows of 16 frames of all videos and the real ones of the same clips, to the small network "
        "of this project. Drawn clips (talkers) only; never to be compared with FVD."
    )
    source = "Unterthiner et al., 2018, with a network of this project, recipe mini-clip"

    def collector(self, need: str) -> Collector:
        """Statistics of all windows."""
        return GaussianCollector()

    def features(self, need: str, batch: Batch) -> torch.Tensor:
        """(N, 96) features."""
        import torch

        from liveact_eval.networks.mini_clip import to_mini_clips

        network = batch.network(_NETWORK)
        parts = []
        for part in batch.windows.split(_AT_ONCE):
            # Passes are always full, because libraries choose other kernels for other sizes.
            rest = part[-1:].expand(_AT_ONCE - len(part), -1, -1, -1, -1)
            full = to_mini_clips(torch.cat([part, rest]).to(device_of(network)))
            parts.append(network(full)[: len(part)].float().cpu())
        return torch.cat(parts)

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """What the clip contributes."""
        if not len(rows["windows"]):
            return ClipScore(values={self.frechet: Missing("too_short", f"fewer than {_WINDOW} frames")})
        return ClipScore(values={}, parts={self.frechet: rows["windows"][0]})
