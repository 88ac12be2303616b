"""Face crops as SyncNet was trained on: 224x224 pictures that reach farther down than up, from smoothed boxes.

    boxes (T, 4) --middle and half side, median of 13--> square --cut from a grey border, resized--> (T, 224, 224, 3)

Geometry of joonson/syncnet_python, `crop_video`. There every crop is also written to MPEG-4 and JPEG; here it is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

CROP = 224
"""Side of a crop."""
MARGIN = 0.4
"""Margin of the square as a share of the face's half side (twice that below)."""
BORDER_LEVEL = 110
"""Level of what lies beyond the picture."""
KERNEL = 13
"""Boxes that the median is taken of."""
LOOK_AHEAD = KERNEL // 2
"""Boxes that must be known beyond a frame before its crop is."""

Frames = NDArray[np.uint8]
Table = NDArray[np.float64]


class Square(NamedTuple):
    """Where crops are taken, in pixels; each (T,)."""

    half: Table
    """Half of the longer side of the box."""
    x: Table
    """Middle of the box."""
    y: Table


def squares(boxes: NDArray[Any]) -> Square:
    """Half side and middle of boxes (T, 4), not smoothed."""
    low, high = boxes[:, :2].astype(np.float64), boxes[:, 2:].astype(np.float64)
    middle = (low + high) / 2
    return Square((high - low).max(axis=1) / 2, middle[:, 0], middle[:, 1])


def smoothed(boxes: NDArray[Any]) -> Square:
    """The same after a median of 13 over time.

    Beyond both ends of the track the series count as zero, as in the reference: the first and last six values are drawn
    down, and a track of fewer than seven frames shrinks to nothing.
    """
    return Square(*(median(np.pad(series, LOOK_AHEAD)) for series in squares(boxes)))


def median(padded: Table) -> Table:
    """Medians of 13 of a series with six more values at both ends, (T + 12,) to (T,)."""
    windows = np.lib.stride_tricks.sliding_window_view(padded, KERNEL)
    made: Table = np.median(windows, axis=1)
    return made


def crop_faces(frames: Frames | Sequence[Frames], square: Square) -> Frames:
    """Crops of (N, H, W, 3) pictures at N squares, (N, 224, 224, 3).

    Raises:
        ValueError: a square is smaller than a pixel.
    """
    crops = np.empty((len(frames), CROP, CROP, 3), np.uint8)
    for frame, crop, half, x, y in zip(frames, crops, *square, strict=True):
        crop[:] = _resized(_cut(frame, float(half), float(x), float(y)))
    return crops


def crop_track(frames: Frames, boxes: NDArray[Any]) -> Frames:
    """All crops of a track at once: pictures (T, H, W, 3) and boxes (T, 4) without gaps, to (T, 224, 224, 3)."""
    return crop_faces(frames, smoothed(boxes))


def whole_pictures(frames: Frames) -> Frames:
    """The recipe `lse`: pictures (N, H, W, 3) that are crops already, resized to 224x224 whatever their shape."""
    crops = np.empty((len(frames), CROP, CROP, 3), np.uint8)
    for frame, crop in zip(frames, crops, strict=True):
        crop[:] = _resized(frame)
    return crops


def _cut(frame: Frames, half: float, x: float, y: float) -> Frames:
    """The square of one picture, whole pixels, grey where it leaves the picture."""
    # Coordinates count from the corner of a border that wide; int() drops what is behind the point, as the reference.
    border = int(half * (1 + 2 * MARGIN))
    middle_x, middle_y = x + border, y + border
    top, bottom = int(middle_y - half), int(middle_y + half * (1 + 2 * MARGIN))
    left, right = int(middle_x - half * (1 + MARGIN)), int(middle_x + half * (1 + MARGIN))
    height, width = frame.shape[:2]
    # A slice of the bordered picture ends where that ends.
    top, bottom = max(0, top) - border, min(bottom, height + 2 * border) - border
    left, right = max(0, left) - border, min(right, width + 2 * border) - border
    if bottom <= top or right <= left:
        raise ValueError(
            f"the square of half side {half:.2f} at x {x:.1f}, y {y:.1f} is empty; tracks need at least seven frames"
        )
    if top >= 0 and left >= 0 and bottom <= height and right <= width:
        return frame[top:bottom, left:right]
    cut = np.full((bottom - top, right - left, 3), BORDER_LEVEL, np.uint8)
    inside = frame[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    row, column = max(0, -top), max(0, -left)
    cut[row : row + inside.shape[0], column : column + inside.shape[1]] = inside
    return cut


def _resized(picture: Frames) -> Frames:
    """Bilinear without antialias, rounded to bytes: within a level of OpenCV's fixed-point resize."""
    import torch
    from torch.nn import functional as F

    planes: torch.Tensor = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None].float()
    small = F.interpolate(planes, size=(CROP, CROP), mode="bilinear", align_corners=False)[0]
    return np.asarray((small + 0.5).clamp(0, 255).byte().permute(1, 2, 0))
