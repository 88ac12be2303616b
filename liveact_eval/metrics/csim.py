"""Identity: how alike the face of each frame is to that of the portrait, of the first frame, or of the real frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from liveact_eval.measure.buffers import RowBuffer
from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics._csim import Reference, cosines, recipe
from liveact_eval.metrics._drift import drift_of
from liveact_eval.metrics._drift_outputs import all_missing, drift_outputs, drift_values
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Metric, Missing, Output, Rows
from liveact_eval.metrics.registry import register

if TYPE_CHECKING:
    import torch
    from torch import nn

WEIGHTS = "w600k_r50"
"""Weight file of the network; values of different files differ by several hundredths."""
_SIZE = (112, 112)
_AT_ONCE = 16


class _Identity(Metric):
    """Cosine of identity vectors of aligned faces, per frame; a frame without a face has none."""

    networks = ("iresnet50",)
    source = "Deng et al., CVPR 2019 (ArcFace); five-point alignment of insightface"
    reference: ClassVar[Reference]

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """Mean over the frames with a face, over the last window, and how it went."""
        curve = rows["faces"][:, 0].astype(np.float64)
        seen = np.isfinite(curve)
        if not len(curve):
            return ClipScore(values=all_missing(self.outputs, Missing("too_short", "no frame to compare")))
        if not seen.any():
            why = Missing("no_face", f"no face to compare in any of {len(curve)} frames")
            return ClipScore(values=all_missing(self.outputs, why))
        if self.reference == "first":
            # The reference is its own double and says nothing.
            curve[seen.argmax()] = np.nan
            if not np.isfinite(curve).any():
                why = Missing("too_short", "one frame with a face has no other to be compared with")
                return ClipScore(values=all_missing(self.outputs, why))
        made = drift_values(self.name, drift_of(curve, clip.fps))
        made[f"{self.name}_coverage"] = float(seen.mean())
        wanted = {output.name: made[output.name] for output in self.outputs}
        return ClipScore(values=wanted, curves={self.name: curve})


@register
class CSIM(_Identity):
    """Against the picture that the video was made from."""

    name = "csim"
    reference = "portrait"
    outputs = (
        *drift_outputs("csim", "CSIM", "up", best=1.0),
        Output(name="csim_coverage", title="CSIM coverage", direction="up", best=1.0),
    )
    needs = {
        "faces": FrameNeed(region="face", size=_SIZE, at_once=_AT_ONCE, anchor=True, anchor_of="portrait")
    }
    recipe = recipe(WEIGHTS, "portrait")
    summary = (
        "Likeness of the face to that of the portrait: cosine of ArcFace vectors, mean over all frames with a face "
        "and over the last window. A different person scores 0 to 0.2. Coverage is the share of frames with a face."
    )

    def features(self, need: str, batch: Batch) -> NDArray[np.float64]:
        """(N,) cosines, NaN where a frame has no face."""
        if batch.anchor is None:
            raise ValueError("a need with an anchor comes with it")
        network = batch.network(self.networks[0])
        return cosines(_vectors(network, batch.windows[:, 0]), _vectors(network, batch.anchor[None])[0])


@register
class CSIMPaired(_Identity):
    """Against the real frame of the same index."""

    name = "csim_paired"
    reference = "paired"
    outputs = drift_outputs("csim_paired", "CSIM paired", "up", best=1.0)[:2]
    needs = {"faces": FrameNeed(region="face", size=_SIZE, at_once=_AT_ONCE, paired=True)}
    recipe = recipe(WEIGHTS, "paired")
    summary = (
        "Likeness of the face to that of the real frame of the same index: the number of reconstruction."
    )

    def features(self, need: str, batch: Batch) -> NDArray[np.float64]:
        """(N,) cosines, NaN where either frame has no face."""
        if batch.reference is None:
            raise ValueError("a paired need comes with its reference")
        network, faces, real = batch.network(self.networks[0]), batch.windows[:, 0], batch.reference[:, 0]
        vectors = _vectors(network, faces)
        # The real video against itself is part of every run, and needs each face once.
        return cosines(vectors, vectors if faces.equal(real) else _vectors(network, real))


@register
class CSIMFirst(_Identity):
    """Against the video's own first face: drift alone."""

    name = "csim_first"
    reference = "first"
    outputs = drift_outputs("csim_first", "CSIM first", "up", best=1.0)[:3]
    needs = {"faces": FrameNeed(region="face", size=_SIZE, at_once=_AT_ONCE)}
    recipe = recipe(WEIGHTS, "first")
    summary = (
        "Likeness of the face to that of the video's own first frame with a face, which is not counted: identity "
        "drift without regard to how well the video began."
    )

    def features(self, need: str, batch: Batch) -> NDArray[np.float32]:
        """(N, 512) identity vectors, NaN where a frame has no face."""
        return _vectors(batch.network(self.networks[0]), batch.windows[:, 0])

    def collector(self, need: str) -> FirstFace:
        """Cosines only: vectors of an hour would take hundreds of megabytes."""
        return FirstFace()


class FirstFace:
    """Takes identity vectors and keeps their cosines to the first one of them that is a face's."""

    def __init__(self) -> None:
        self._first: NDArray[np.float64] | None = None
        self._cosines = RowBuffer()

    def append(self, rows: NDArray[Any]) -> None:
        """Add (n, D) vectors."""
        vectors = rows.astype(np.float64)
        seen = np.isfinite(vectors).all(axis=1)
        if self._first is None and seen.any():
            self._first = vectors[seen.argmax()].copy()
        reference = np.full(vectors.shape[1], np.nan) if self._first is None else self._first
        self._cosines.append(cosines(vectors, reference)[:, None])

    @property
    def table(self) -> NDArray[Any]:
        """(T, 1) cosines; NaN where a frame has no face."""
        return self._cosines.table


def _vectors(network: nn.Module, faces: torch.Tensor) -> NDArray[np.float32]:
    """Identity vectors of (N, 112, 112, 3) faces, (N, 512); NaN for a face of NaN."""
    import torch

    from liveact_eval.networks.iresnet import embed

    device = next(network.parameters()).device
    made = torch.cat([embed(network, part.to(device)).cpu() for part in faces.split(_AT_ONCE)])
    vectors: NDArray[np.float32] = made.numpy()
    return vectors
