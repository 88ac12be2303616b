"""Face crops as FAN was trained on: 256x256 pictures around the box of a face, and where in the picture they lie.

    boxes (T, 4) --middle, raised; one side for both axes--> square --cut, black beyond the picture, resized--> crop

Geometry of face-alignment 1.5.0 (`get_landmarks_from_image` and `crop`), with the scale that it uses for boxes of
YuNet. There landmarks are cut to whole pixels of the picture in the end; here they are not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

SIDE = 256
"""Side of a crop in pixels."""
REFERENCE = 165.0
"""Width and height of a face's box together, per unit of scale. It goes with the detector: 195 for boxes of S3FD, 165
for the tighter ones of YuNet."""
EXTENT = 200.0
"""Side of the square in pixels per unit of scale."""
RAISE = 0.12
"""How far the square's middle lies above that of the box, as a share of the box's height."""

Table = NDArray[np.float64]


def head_squares(boxes: NDArray[Any]) -> Table:
    """Squares around faces, (T, 3): left, top and side in pixels; NaN where a box is.

    Args:
        boxes: (T, 4) x0, y0, x1, y1 in pixels.
    """
    low, high = boxes[:, :2].astype(np.float64), boxes[:, 2:].astype(np.float64)
    extent = high - low
    side = extent.sum(axis=1) / REFERENCE * EXTENT
    middle = high - extent / 2
    middle[:, 1] -= RAISE * extent[:, 1]
    return np.column_stack([middle - side[:, None] / 2, side])


def head_crops(frames: NDArray[np.uint8], squares: Table) -> torch.Tensor:
    """Crops of (N, H, W, 3) pictures at N squares, (N, 256, 256, 3) float32 in whole levels; NaN where there is none.

    Raises:
        ValueError: a square holds no pixel.
    """
    import torch

    crops = torch.full((len(frames), SIDE, SIDE, 3), torch.nan)
    for frame, (left, top, side), crop in zip(frames, squares.tolist(), crops, strict=True):
        if np.isfinite(side):
            crop.copy_(_resized(_cut(frame, left, top, side)))
    return crops


def in_picture(points: NDArray[np.floating[Any]], squares: Table) -> Table:
    """Points (T, K, 2) in shares of their crops to pixels of the picture."""
    return np.asarray(squares[:, None, :2] + points * squares[:, None, 2:])


def _cut(frame: NDArray[np.uint8], left: float, top: float, side: float) -> NDArray[np.uint8]:
    """The square in whole pixels, black where it leaves the picture."""
    # The first pixel of a crop counts as 1 there, and int() drops what is behind the point, as the reference does.
    one = side / SIDE
    x0, y0, x1, y1 = (int(edge) for edge in (left + one, top + one, left + side, top + side))
    if x1 <= x0 or y1 <= y0:
        raise ValueError(
            f"the square of side {side:.2f} at x {left:.1f}, y {top:.1f} holds no pixel; boxes of faces are expected "
            "to be several pixels wide"
        )
    height, width = frame.shape[:2]
    if x0 >= 0 and y0 >= 0 and x1 <= width and y1 <= height:
        return frame[y0:y1, x0:x1]
    cut = np.zeros((y1 - y0, x1 - x0, 3), np.uint8)
    inside = frame[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)]
    row, column = max(0, -y0), max(0, -x0)
    cut[row : row + inside.shape[0], column : column + inside.shape[1]] = inside
    return cut


def _resized(picture: NDArray[np.uint8]) -> torch.Tensor:
    """Bilinear without antialias on bytes: within a level of OpenCV's fixed-point resize, and seven times as fast as
    on floats."""
    import torch
    from torch.nn import functional as F

    planes = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None]
    small = F.interpolate(planes, size=(SIDE, SIDE), mode="bilinear", align_corners=False)[0]
    return small.permute(1, 2, 0)
