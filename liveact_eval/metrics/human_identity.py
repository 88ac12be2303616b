"""Human Identity as VBench-2.0 defines it: the share of frames whose face is that of the first frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from liveact_eval.measure.buffers import RowBuffer
from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics._csim import cosines
from liveact_eval.metrics._human_identity import RECIPE, likeness_score
from liveact_eval.metrics._network_batches import device_of
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Metric, Missing, Output, Rows
from liveact_eval.metrics.registry import register

if TYPE_CHECKING:
    import torch
    from torch import nn

_SIDE = 128
_AT_ONCE = 16
_COUNTS = {
    "consistent": "consistent",
    "counted": "counted",
    "without_face": "no face",
    "several": "several faces",
}


@register
class HumanIdentity(Metric):
    """Consistent frames as a share of counted ones, by the official rules."""

    name = "human_identity"
    outputs = (
        Output(
            name="human_identity",
            title="Human identity",
            direction="up",
            digits=4,
            best=1.0,
            range=(0.0, 1.0),
        ),
        *(
            Output(
                name=f"human_identity_{name}",
                title=f"Identity: {title}",
                direction="none",
                unit="frames",
                digits=1,
                range=(0.0, None),
            )
            for name, title in _COUNTS.items()
        ),
    )
    needs = {"faces": FrameNeed(region="box", size=(_SIDE, _SIDE), at_once=_AT_ONCE)}
    networks = ("resnet_face18",)
    recipe = RECIPE
    summary = (
        "Share of frames whose face is that of the first frame: cosine of grey ArcFace vectors from 0.4 on. A frame "
        "without a face counts as consistent, one with several is left out: read the counts. Invalid without exactly "
        "one face in the first frame, or with fewer than 20 counted frames. Papers print it times 100."
    )
    source = "VBench-2.0, vbench2/human_identity.py (Vchitect/VBench@99cac23)"

    def features(self, need: str, batch: Batch) -> NDArray[np.float32]:
        """(N, 1024) identity vectors, NaN where a frame has no face or several."""
        return _vectors(batch.network(self.networks[0]), batch.windows[:, 0])

    def collector(self, need: str) -> ToFirstFrame:
        """Cosines only: vectors of an hour would take hundreds of megabytes."""
        return ToFirstFrame()

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """The clip's score with its counts, and the cosine of each frame."""
        if clip.face_counts is None:
            raise ValueError("a metric that looks at face boxes gets the number of faces in each frame")
        likeness = rows["faces"][:, 0].astype(np.float64)
        found = likeness_score(likeness, clip.face_counts)
        counts = (found.consistent, found.counted, found.without_face, found.several_faces)
        unread = found.value if isinstance(found.value, Missing) and not found.counted else None
        values: dict[str, float | Missing] = {self.name: found.value}
        for name, count in zip(_COUNTS, counts, strict=True):
            values[f"{self.name}_{name}"] = float(count) if unread is None else unread
        return ClipScore(values=values, curves={f"{self.name}_cosine": likeness})


class ToFirstFrame:
    """Takes identity vectors and keeps their cosines to that of the first frame."""

    def __init__(self) -> None:
        self._first: NDArray[np.float64] | None = None
        self._cosines = RowBuffer()

    def append(self, rows: NDArray[Any]) -> None:
        """Add (n, D) vectors."""
        if not len(rows):
            return
        vectors = rows.astype(np.float64)
        if self._first is None:
            self._first = vectors[0].copy()
        self._cosines.append(cosines(vectors, self._first)[:, None])

    @property
    def table(self) -> NDArray[Any]:
        """(T, 1) cosines; NaN where a frame, or the first one, has no face or several."""
        return self._cosines.table


def _vectors(network: nn.Module, faces: torch.Tensor) -> NDArray[np.float32]:
    """Identity vectors of (N, 128, 128, 3) faces, (N, 1024); NaN for a face of NaN."""
    import torch

    from liveact_eval.metrics._face_crops import grey
    from liveact_eval.networks.resnet_face import FEATURES, embed

    seen = torch.isfinite(faces).flatten(1).all(dim=1)
    vectors = torch.full((len(faces), FEATURES), torch.nan)
    if bool(seen.any()):
        vectors[seen] = embed(network, grey(faces[seen]).to(device_of(network))).cpu()
    made: NDArray[np.float32] = vectors.numpy()
    return made
