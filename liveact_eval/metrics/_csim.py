"""Identity similarity: the cosine between the identity vector of each frame and that of a reference.

Spec: cosine of ArcFace vectors of five-point aligned faces; per video the mean over the frames with a face. What the
reference is changes the number and is part of the recipe's name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from liveact_eval.clips.faces import TEMPLATE_112
from liveact_eval.metrics.base import Missing

Reference = Literal["portrait", "paired", "first"]
"""`portrait`: the image that the video was made from; `paired`: the same frame of the real video; `first`: the first
frame of the video with a face."""

Rows = NDArray[np.floating]


def recipe(weights: str, reference: Reference) -> str:
    """Name of the recipe: `csim-w600k_r50-portrait-face112@1`."""
    return f"csim-{weights}-{reference}-face112@1"


def template_for(side: int) -> NDArray[np.float64]:
    """Where the five landmarks belong in a square crop, (5, 2) pixels.

    The 112 template is scaled for multiples of 112. For multiples of 128 the picture is 112x112 of every 128x128, with
    the rest as a margin at both sides and below: the convention of the field's alignment code.

    Raises:
        ValueError: the side is a multiple of neither.
    """
    if side % 112 == 0:
        return np.asarray(TEMPLATE_112 * (side / 112))
    if side % 128 == 0:
        ratio = side / 128
        return np.asarray(TEMPLATE_112 * ratio + np.array([8.0 * ratio, 0.0]))
    raise ValueError(f"crops of aligned faces have a side of 112 or 128 pixels, or a multiple; got {side}")


def cosines(vectors: Rows, reference: Rows) -> NDArray[np.float64]:
    """Cosine of each row, (T,), in -1..1; NaN where either is NaN.

    Args:
        vectors: (T, D); a row of NaN where a frame has no face.
        reference: (D,) for one reference, or (T, D) for one per frame.
    """
    a, b = np.asarray(vectors, np.float64), np.asarray(reference, np.float64)
    lengths = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: NDArray[np.float64] = np.einsum("td,td->t", a, np.broadcast_to(b, a.shape)) / lengths
    return np.clip(found, -1.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class Similarity:
    """Identity similarity of one video."""

    value: float | Missing
    """Mean over the measured frames."""
    curve: NDArray[np.float64]
    """(T,), NaN where it was not measured."""
    coverage: float
    """Share of frames that were measured, 0..1."""


def similarity_of(vectors: Rows, reference: Rows | None) -> Similarity:
    """Similarity of a video to its reference.

    Args:
        vectors: (T, D); a row of NaN where a frame has no face.
        reference: (D,) or (T, D); `None` takes the first frame with a face, which is then not counted.
    """
    vectors = np.asarray(vectors, np.float64)
    seen = np.isfinite(vectors).all(axis=1)
    if not seen.any():
        return Similarity(
            value=Missing("no_face", f"no face in any of {len(vectors)} frames"),
            curve=np.full(len(vectors), np.nan),
            coverage=0.0,
        )
    if reference is not None and not np.isfinite(reference).any():
        return Similarity(
            value=Missing("no_reference_face", "no face in the reference"),
            curve=np.full(len(vectors), np.nan),
            coverage=0.0,
        )
    first = int(seen.argmax())
    curve = cosines(vectors, vectors[first] if reference is None else reference)
    counted = np.isfinite(curve)
    coverage = float(counted.mean())
    if reference is None:
        counted[first] = False
        curve[first] = np.nan
    if not counted.any():
        return Similarity(value=Missing("too_short", "no frame to compare"), curve=curve, coverage=coverage)
    return Similarity(value=float(curve[counted].mean()), curve=curve, coverage=coverage)


def largest_faces(boxes: Rows, frame: NDArray[np.int64], frames: int) -> NDArray[np.int64]:
    """Index of the largest box of each frame, (T,); -1 where a frame has none.

    Args:
        boxes: (K, 4) x0, y0, x1, y1 of all detections of a video, in any order.
        frame: (K,) frame of each.
        frames: number of frames T.
    """
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    # Sorted by area, the last writer of a frame is its largest; of equal ones, the first detection.
    order = np.lexsort((-np.arange(len(area)), area))
    found = np.full(frames, -1, np.int64)
    found[frame[order]] = order
    return found
