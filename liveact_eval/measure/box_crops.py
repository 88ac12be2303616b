"""The box of the only face of each frame, cut out as it is and resized, to the byte as OpenCV resizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch


def lone_boxes(pictures: torch.Tensor, boxes: NDArray[np.floating], size: tuple[int, int]) -> torch.Tensor:
    """Boxes cut to the picture, coordinates truncated to whole pixels, resized bilinearly without antialiasing.

    Args:
        pictures: (N, H, W, 3) uint8 RGB.
        boxes: (N, 4) x0, y0, x1, y1 in pixels; NaN where there is no single face.
        size: width and height of the crops, which are square.

    Returns:
        (N, side, side, 3) float32 in whole levels; NaN where a box is NaN or holds no pixel.

    Raises:
        ValueError: the crops are not square.
    """
    import torch

    from liveact_eval.metrics._face_crops import box_faces, whole_pixels

    if size[0] != size[1]:
        raise ValueError(f"crops of face boxes are square; got a size of {size}")
    height, width = pictures.shape[1:3]
    crops = torch.full((len(pictures), size[1], size[0], 3), torch.nan)
    known = torch.from_numpy(np.flatnonzero(np.isfinite(boxes).all(axis=1)))
    whole = whole_pixels(torch.from_numpy(np.asarray(boxes, np.float64))[known], (width, height))
    holds = ((whole[:, 2:] - whole[:, :2]) > 0).all(dim=1)
    for index, box in zip(known[holds].tolist(), whole[holds], strict=True):
        # One by one: the integers of a whole run would take many times the memory of its pictures.
        crops[index] = box_faces(pictures[index : index + 1], box[None], side=size[0])[0].float()
    return crops
