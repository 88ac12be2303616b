"""FID and KID: how far the pictures of a set of videos are from the real ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from liveact_eval.errors import UserError
from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics._fid_resize import Resize, to_inception_levels
from liveact_eval.metrics._frechet_metric import SPLITS, FrechetMetric, split_halves
from liveact_eval.metrics._gaussian_collector import GaussianCollector, kept_only, statistics_only, unpack
from liveact_eval.metrics._kid import kernel_blocks
from liveact_eval.metrics._network_batches import device_of
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Collector, Missing, Output, Rows
from liveact_eval.metrics.registry import register

if TYPE_CHECKING:
    import torch

Floats = NDArray[np.float64]
KID_SCALE = 1000
KEPT_PER_CLIP = 256
"""Frames of a clip that KID is computed from, at most, evenly over the clip."""
_BATCH = 16


class InceptionMetric(FrechetMetric):
    """Features of every frame; the Fréchet distance of all, the kernel distance of some."""

    needs = {"frames": FrameNeed()}
    unit = "frames"
    resize: ClassVar[Resize]
    source = "Heusel et al., NeurIPS 2017; Binkowski et al., ICLR 2018; Parmar et al., CVPR 2022 (clean-fid)"

    def collector(self, need: str) -> Collector:
        """Statistics of all frames, features of some."""
        return GaussianCollector(keep=KEPT_PER_CLIP)

    def features(self, need: str, batch: Batch) -> torch.Tensor:
        """(N, 2048) Inception features."""
        import torch

        network, frames = batch.network(self.networks[0]), batch.windows[:, 0]
        return torch.cat(
            [
                network(to_inception_levels(part.to(device_of(network)), self.resize)).cpu()
                for part in frames.split(_BATCH)
            ]
        )

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """What the clip contributes."""
        names = [output.name for output in self.outputs]
        if not len(rows["frames"]):
            return ClipScore(values=dict.fromkeys(names, Missing("no_frames")))
        row = rows["frames"][0]
        # Each output keeps what it is computed from: together they are large.
        parts = {name: (statistics_only if name == self.frechet else kept_only)(row) for name in names}
        return ClipScore(values={}, parts=parts)

    def distances(
        self, output: str, real: Sequence[Floats], generated: Sequence[Floats], weights: Floats | None
    ) -> Floats:
        """See `SetMetric.distances`."""
        if output == self.frechet:
            return super().distances(output, real, generated, weights)
        try:
            blocks = kernel_blocks([unpack(p)[1] for p in real], [unpack(p)[1] for p in generated])
        except UserError:
            return np.full(1 if weights is None else len(weights), np.nan)
        return KID_SCALE * blocks.values(weights, weights)

    def floor(self, output: str, real: Sequence[Floats], speakers: Sequence[str]) -> float | None:
        """See `SetMetric.floor`."""
        if output == self.frechet:
            return super().floor(output, real, speakers)
        halves = split_halves(speakers, SPLITS)
        if halves is None:
            return None
        kept = [unpack(part)[1] for part in real]
        values = kernel_blocks(kept, kept).values(*halves)
        return KID_SCALE * float(values[np.isfinite(values)].mean()) if np.isfinite(values).any() else None

    def interval(
        self, output: str, value: float, replicates: Floats, confidence: float
    ) -> tuple[float, float] | None:
        """FID is biased in small samples, KID is not."""
        if output == self.frechet:
            return super().interval(output, value, replicates, confidence)
        return super(FrechetMetric, self).interval(output, value, replicates, confidence)

    def warning(self, output: str, value: float, parts: Sequence[Floats]) -> str | None:
        """See `SetMetric.warning`."""
        return super().warning(output, value, parts) if output == self.frechet else None


@register
class FID(InceptionMetric):
    """With clean-fid's resize."""

    name = "fid"
    frechet = "fid"
    outputs = (
        Output(name="fid", title="FID", direction="down", digits=2, best=0.0, range=(0.0, None)),
        Output(name="kid", title="KID x1000", direction="down", digits=2, best=0.0, range=(None, None)),
    )
    networks = ("inception_script",)
    resize = "clean"
    recipe = "fid-clean-fullframe-everyframe@1"
    summary = (
        "Distance between the pictures of all videos and the real ones of the same clips: every frame, whole, "
        "resized as clean-fid does. Compare values of equal sets only; the real row is the floor between halves."
    )


@register
class FIDLegacy(InceptionMetric):
    """With pytorch-fid's resize."""

    name = "fid_legacy"
    frechet = "fid_legacy"
    outputs = (
        Output(
            name="fid_legacy", title="FID (legacy)", direction="down", digits=2, best=0.0, range=(0.0, None)
        ),
    )
    networks = ("inception",)
    resize = "legacy_pytorch"
    recipe = "fid-legacy_pytorch-fullframe-everyframe@1"
    summary = "FID with the resize of pytorch-fid, which aliases: for comparison with numbers made so."
