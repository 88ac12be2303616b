"""FID and KID of faces: how far the faces of a set of videos are from the real ones of the same moments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics._face_sets import FacePairs, FaceSetMetric, both_sides, missing_part, reduced_part
from liveact_eval.metrics._gaussian_collector import kept_only, statistics_only
from liveact_eval.metrics._network_batches import device_of, encode
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Collector, Missing, Output, Rows
from liveact_eval.metrics.fid import KEPT_PER_CLIP, InceptionMetric
from liveact_eval.metrics.registry import register

if TYPE_CHECKING:
    import torch

_BATCH = 16


@register
class FIDFace(FaceSetMetric, InceptionMetric):
    """The box of the followed face, with clean-fid's resize."""

    name = "fid_face"
    frechet = "fid_face"
    unit = "frames"
    outputs = (
        Output(name="fid_face", title="FID face", direction="down", digits=2, best=0.0, range=(0.0, None)),
        Output(
            name="kid_face", title="KID face x1000", direction="down", digits=2, best=0.0, range=(None, None)
        ),
    )
    needs = {"frames": FrameNeed(region="box_clean", paired=True)}
    networks = ("inception_script",)
    resize = "clean"
    recipe = "fid-clean-facebox-yunet-everyframe-bothfaces@1"
    summary = (
        "FID and KID of the faces alone: the box of the face in each frame, as it was found, resized as clean-fid "
        "does. Frames count where the generated and the real video both show a face."
    )

    def collector(self, need: str) -> Collector:
        """Statistics of both videos, and features of some frames of each."""
        return FacePairs(keep=KEPT_PER_CLIP)

    def features(self, need: str, batch: Batch) -> torch.Tensor:
        """(N, 4096) Inception features of the face and of the real one beside it; NaN where either is missing."""
        network = batch.network(self.networks[0])

        def embed(windows: torch.Tensor) -> torch.Tensor:
            levels = windows[:, 0].permute(0, 3, 1, 2)
            return encode(network, levels, size=_BATCH, device=device_of(network))

        return both_sides(batch, self.networks[0], embed)

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """What the clip contributes."""
        names = [output.name for output in self.outputs]
        missing = missing_part(rows["frames"], Missing("no_frames"), self.unit)
        if missing is not None:
            return ClipScore(values=dict.fromkeys(names, missing))
        row = rows["frames"][0]
        parts = {
            name: reduced_part(row, statistics_only if name == self.frechet else kept_only) for name in names
        }
        return ClipScore(values={}, parts=parts)
