"""Faces as distances of sets take them: the raw box of each frame, resized as FID or as FVD does it.

    box --whole pixels, within the picture--> crop --area, rounded--> (side, side)         for I3D
                                                   --clean-fid, not rounded--> (299, 299)  for Inception

Geometry and area resize of LatentSync's FVD; its faces are those of another detector.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from liveact_eval.metrics._fid_resize import SIDE as CLEAN_SIDE
from liveact_eval.metrics._fid_resize import resize_clean

if TYPE_CHECKING:
    import torch


def area_crops(frames: NDArray[np.uint8], boxes: NDArray[Any], size: tuple[int, int]) -> torch.Tensor:
    """Crops of (N, H, W, 3) pictures at N boxes (N, 4), (N, height, width, 3) float32 in whole levels.

    NaN where there is no box, or none of it lies in the picture.

    Args:
        frames: RGB.
        boxes: x0, y0, x1, y1 in pixels; NaN where there is no face.
        size: width and height of a crop.
    """
    import torch

    crops = torch.full((len(frames), size[1], size[0], 3), torch.nan)
    for frame, box, crop in zip(frames, boxes.tolist(), crops, strict=True):
        cut = cut_box(frame, box)
        if cut is not None:
            crop.copy_(resize_area(torch.from_numpy(np.ascontiguousarray(cut)), size))
    return crops


def clean_crops(frames: NDArray[np.uint8], boxes: NDArray[Any]) -> torch.Tensor:
    """The same, 299 x 299, by clean-fid's resize: float32 levels that are not rounded."""
    import torch

    crops = torch.full((len(frames), CLEAN_SIDE, CLEAN_SIDE, 3), torch.nan)
    for frame, box, crop in zip(frames, boxes.tolist(), crops, strict=True):
        cut = cut_box(frame, box)
        if cut is not None:
            crop.copy_(resize_clean(torch.from_numpy(np.ascontiguousarray(cut))[None])[0].permute(1, 2, 0))
    return crops


def cut_box(frame: NDArray[np.uint8], box: list[float]) -> NDArray[np.uint8] | None:
    """The pixels of a box, or `None` where there are none.

    The corner and the extent lose what is behind the point; a box that begins beyond the picture keeps its extent and
    is moved to the edge, as in the reference.
    """
    if not all(math.isfinite(edge) for edge in box):
        return None
    height, width = frame.shape[:2]
    x0, y0 = max(0, int(box[0])), max(0, int(box[1]))
    x1, y1 = min(width, x0 + int(box[2] - box[0])), min(height, y0 + int(box[3] - box[1]))
    return frame[y0:y1, x0:x1] if x1 > x0 and y1 > y0 else None


def resize_area(picture: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """(H, W, 3) bytes to (height, width, 3) float32 in whole levels, as OpenCV's INTER_AREA, within a level.

    Where both sides shrink, each pixel is the mean of the area that it covers. Else each axis is interpolated between
    two neighbours, by OpenCV's rule for that case.
    """
    import torch

    shrinks = picture.shape[0] >= size[1] and picture.shape[1] >= size[0]
    weights = _covered if shrinks else _between
    down, across = (
        torch.from_numpy(weights(given, wanted)).float()
        for given, wanted in zip(picture.shape[:2], (size[1], size[0]), strict=True)
    )
    planes = torch.matmul(down, torch.matmul(picture.permute(2, 0, 1).float(), across.T))
    return planes.round_().clamp_(0, 255).permute(1, 2, 0)


def _covered(given: int, wanted: int) -> NDArray[np.float64]:
    """Share of each of `given` pixels in each of `wanted` ones, (wanted, given); rows add up to 1."""
    edges = np.arange(wanted + 1) * (given / wanted)
    pixels = np.arange(given)
    shared = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    shared = shared.clip(min=0)
    return np.asarray(shared / shared.sum(axis=1, keepdims=True))


def _between(given: int, wanted: int) -> NDArray[np.float64]:
    """Weights of two neighbours per pixel, (wanted, given)."""
    ratio = wanted / given
    places = np.arange(wanted)
    # Not `given / wanted`: where a place falls on a pixel, OpenCV's rounding decides which one it is.
    first = np.floor(places * (1 / ratio))
    share = places + 1 - (first + 1) * ratio
    share = np.where(share <= 0, 0.0, share - np.floor(share))
    low = first.astype(int).clip(max=given - 1)
    high = (low + 1).clip(max=given - 1)
    share[low == given - 1] = 0.0
    weights = np.zeros((wanted, given))
    weights[places, low] += 1 - share
    weights[places, high] += share
    return weights
