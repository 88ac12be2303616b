"""Face tracks: where the face is in each frame, and the crops that metrics take from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# The five-point template of ArcFace for a 112x112 crop: eyes, nose tip, mouth corners (x, y).
# Source of the numbers: InsightFace, python-package/insightface/utils/face_align.py.
TEMPLATE_112 = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]],
    dtype=np.float64,
)


@dataclass(frozen=True, kw_only=True)
class FaceTrack:
    """One face through a clip, per frame of the measured stream (T frames)."""

    boxes: NDArray[np.float32]
    """(T, 4) x0, y0, x1, y1 in pixels."""
    mouth_boxes: NDArray[np.float32]
    """(T, 4) box that holds the mouth at every opening, in pixels."""
    landmarks: NDArray[np.float32]
    """(T, 5, 2) eyes (left in the picture first), nose tip, mouth corners, in pixels."""
    source: str
    """What found the face: `truth` for drawn clips, or the name of a detector."""
    seen: SeenFaces | None = None
    """What a detector saw in each frame, before faces were followed; `None` where no detector looked."""

    def __len__(self) -> int:
        return len(self.boxes)

    def take(self, order: NDArray[np.int64]) -> FaceTrack:
        """The track whose frame n is frame `order[n]` of this one."""
        return FaceTrack(
            boxes=self.boxes[order],
            mouth_boxes=self.mouth_boxes[order],
            landmarks=self.landmarks[order],
            source=self.source,
            seen=None if self.seen is None else self.seen.take(order),
        )

    def face_counts(self) -> NDArray[np.int64]:
        """(T,) faces in each frame; where no detector looked, 1 if the track has a face there and else 0."""
        if self.seen is not None:
            return self.seen.counts
        return np.asarray(np.isfinite(self.boxes).all(axis=1), np.int64)

    def lone_boxes(self) -> NDArray[np.float32]:
        """(T, 4) the box of the only face of each frame, as it was found; NaN where there is none or more than one."""
        return self.boxes if self.seen is None else self.seen.lone


@dataclass(frozen=True, kw_only=True)
class SeenFaces:
    """What a detector saw in each frame by itself: nothing interpolated, nobody too small or too fleeting left out."""

    counts: NDArray[np.int64]
    """(T,) number of faces."""
    lone: NDArray[np.float32]
    """(T, 4) x0, y0, x1, y1 of the only face, in pixels; NaN where there is none or more than one."""

    def take(self, order: NDArray[np.int64]) -> SeenFaces:
        """What was seen in frames `order`."""
        return SeenFaces(counts=self.counts[order], lone=self.lone[order])


@dataclass(frozen=True)
class FaceOrder:
    """Which face of the real video a video made from it shows: frame n that of real frame min(n, hold)."""

    hold: int | None = None
    """Frame from which on the picture stands still; `None`: never."""
    shown: tuple[int, ...] | None = None
    """The real frame that each frame shows, where they are in another order; the last one goes on."""

    def apply(self, track: FaceTrack, frames: int) -> FaceTrack:
        """The track of a video of that many frames."""
        last = len(track) - 1
        order = np.minimum(np.arange(frames), last if self.hold is None else self.hold)
        if self.shown:
            order = np.minimum(np.asarray(self.shown, np.int64)[np.minimum(order, len(self.shown) - 1)], last)
        return track.take(order)


def similarity(
    points: NDArray[np.float64], template: NDArray[np.float64] = TEMPLATE_112
) -> NDArray[np.float64]:
    """The 2x3 matrices that take landmarks to the template: rotation, one scale, shift; least squares.

    In the plane the transform of Umeyama (IEEE TPAMI 13(4), 1991) without reflection is the complex line
    w = a z + b, whose least-squares fit has a closed form.

    Args:
        points: (N, K, 2) landmarks x, y in pixels.
        template: (K, 2) where they belong.

    Returns:
        (N, 2, 3).

    Raises:
        ValueError: the points of a face lie in one place.
    """
    z = points[..., 0] + 1j * points[..., 1]
    w = template[:, 0] + 1j * template[:, 1]
    centre = z.mean(axis=1, keepdims=True)
    spread = (np.abs(z - centre) ** 2).sum(axis=1)
    if not (spread > 0).all():
        raise ValueError("the landmarks of a face lie in one place; no similarity transform fits them")
    a = (np.conj(z - centre) * (w - w.mean())).sum(axis=1) / spread
    b = w.mean() - a * centre[:, 0]
    matrices = np.stack([a.real, -a.imag, b.real, a.imag, a.real, b.imag], axis=1)
    return matrices.reshape(-1, 2, 3)
