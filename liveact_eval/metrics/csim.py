"""Identity: how alike the face of each frame is to that of the portrait, of the first frame, or of the real frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from liveact_eval.measure.buffers import RowBuffer
from liveact_eval.measure.needs import FrameNeed
from liveact_eval.measure.sharing import Of
from liveact_eval.metrics._csim import Reference, cosines, recipe
from liveact_eval.metrics._drift import drift_of
from liveact_eval.metrics._drift_outputs import all_missing, drift_outputs, drift_values
from liveact_eval.metrics._network_batches import device_of
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Metric, Missing, Output, Rows
from liveact_eval.metrics.registry import register

WEIGHTS = "w600k_r50"
"""Weight file of the network; values of different files differ by several hundredths."""
_NETWORK = "iresnet50"
_SIZE = (112, 112)
_AT_ONCE = 16
_COSINE = (-1.0, 1.0)


class _Identity(Metric):
    """Cosine of identity vectors of aligned faces, per frame; a frame without a face has none."""

    networks = (_NETWORK,)
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
        *drift_outputs("csim", "CSIM", "up", best=1.0, limits=_COSINE),
        Output(name="csim_coverage", title="CSIM coverage", direction="up", best=1.0, range=(0.0, 1.0)),
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
        return cosines(_vectors(batch), _vectors(batch, "anchor")[0])


@register
class CSIMPaired(_Identity):
    """Against the real frame of the same index."""

    name = "csim_paired"
    reference = "paired"
    outputs = drift_outputs("csim_paired", "CSIM paired", "up", best=1.0, limits=_COSINE)[:2]
    needs = {"faces": FrameNeed(region="face", size=_SIZE, at_once=_AT_ONCE, paired=True)}
    recipe = recipe(WEIGHTS, "paired")
    summary = (
        "Likeness of the face to that of the real frame of the same index: the number of reconstruction."
    )

    def features(self, need: str, batch: Batch) -> NDArray[np.float64]:
        """(N,) cosines, NaN where either frame has no face."""
        return cosines(_vectors(batch), _vectors(batch, "reference"))


@register
class CSIMFirst(_Identity):
    """Against the video's own first face: drift alone."""

    name = "csim_first"
    reference = "first"
    outputs = drift_outputs("csim_first", "CSIM first", "up", best=1.0, limits=_COSINE)[:3]
    needs = {"faces": FrameNeed(region="face", size=_SIZE, at_once=_AT_ONCE)}
    recipe = recipe(WEIGHTS, "first")
    summary = (
        "Likeness of the face to that of the video's own first frame with a face, which is not counted: identity "
        "drift without regard to how well the video began."
    )

    def features(self, need: str, batch: Batch) -> NDArray[np.float32]:
        """(N, 512) identity vectors, NaN where a frame has no face."""
        return _vectors(batch)

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


def _vectors(batch: Batch, of: Of = "windows") -> NDArray[np.float32]:
    """Identity vectors of the faces of a batch, (N, 512), once for all metrics of this file; NaN for a face of NaN.

    Raises:
        ValueError: the batch does not have what is asked for.
    """
    import torch

    from liveact_eval.networks.iresnet import embed

    whole = {"windows": batch.windows, "reference": batch.reference, "anchor": batch.anchor}[of]
    if whole is None:
        raise ValueError(f"this batch has no {of}; a need that asks for one comes with it")
    faces = whole[None] if of == "anchor" else whole[:, 0]
    network = batch.network(_NETWORK)

    def make() -> NDArray[np.float32]:
        device = device_of(network)
        vectors: NDArray[np.float32] = torch.cat(
            [embed(network, part.to(device)).cpu() for part in faces.split(_AT_ONCE)]
        ).numpy()
        return vectors

    return batch.once((_NETWORK, "identity"), make, of=of)
