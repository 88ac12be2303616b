"""Faces cut out by their boxes for the grey identity network, to the byte as OpenCV gives them.

VBench-2.0 resizes a raw box to 128x128 and then makes it grey, both in OpenCV's fixed-point arithmetic; one level more
or less moves the features. Here the same arithmetic runs for all boxes of a batch at once, and without OpenCV.
"""

from __future__ import annotations

import torch
from torch import Tensor

from liveact_eval.networks.resnet_face import SIDE

_RESIZE_BITS = 11
_GREY_BITS = 15
# BT.601 luma in units of 2**-15, as in OpenCV's 8-bit conversion.
_GREY_WEIGHTS = (9798, 19235, 3735)
_BOX_COLOUR = (0, 255, 0)


def whole_pixels(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Boxes cut to the picture, coordinates truncated, (N, 4) int64.

    Args:
        boxes: (N, 4) x0, y0, x1, y1 in pixels.
        size: width and height of the picture.
    """
    limits = torch.tensor([*size, *size], device=boxes.device)
    return torch.minimum(boxes.trunc().long().clamp(min=0), limits)


def grey_faces(frames: Tensor, boxes: Tensor, *, side: int = SIDE, drawn_box: bool = False) -> Tensor:
    """One grey face per frame, (N, side, side) uint8: arguments and errors as of `box_faces`."""
    return grey(box_faces(frames, boxes, side=side, drawn_box=drawn_box))


def box_faces(frames: Tensor, boxes: Tensor, *, side: int = SIDE, drawn_box: bool = False) -> Tensor:
    """One face per frame.

    Args:
        frames: (N, H, W, 3) uint8 RGB.
        boxes: (N, 4) int64 from `whole_pixels`; none may be empty.
        side: height and width of the result.
        drawn_box: the official program draws the detector's box in green into the frame before it cuts the face
            out; with `True` its two outer rows and columns at the top and left, and one at the bottom and right,
            are green here too.

    Returns:
        (N, side, side, 3) RGB levels, whole numbers.

    Raises:
        ValueError: a box holds no pixel.
    """
    extent = boxes[:, 2:] - boxes[:, :2]
    if bool((extent <= 0).any()):
        raise ValueError("a face box holds no pixel; leave frames without a face out")
    columns = _taps(boxes[:, 0], extent[:, 0], side)
    rows = _taps(boxes[:, 1], extent[:, 1], side)
    n = torch.arange(len(frames), device=frames.device)[:, None, None]
    lines = []
    for y in (rows.first, rows.second):
        left, right = (
            _pixels(frames, n, y, x, boxes if drawn_box else None) for x in (columns.first, columns.second)
        )
        weight = columns.weight[:, None, :, None]
        lines.append(left * ((1 << _RESIZE_BITS) - weight) + right * weight)
    weight = rows.weight[:, :, None, None]
    upper = ((lines[0] >> 4) * ((1 << _RESIZE_BITS) - weight)) >> 16
    lower = ((lines[1] >> 4) * weight) >> 16
    return (upper + lower + 2) >> 2


def grey(rgb: Tensor) -> Tensor:
    """Grey levels of RGB levels, (..., 3) whole numbers to (...) uint8."""
    red, green, blue = rgb.int().unbind(-1)
    total = red * _GREY_WEIGHTS[0] + green * _GREY_WEIGHTS[1] + blue * _GREY_WEIGHTS[2]
    return ((total + (1 << (_GREY_BITS - 1))) >> _GREY_BITS).to(torch.uint8)


class _Taps:
    """Both source positions of every position of the result, (N, side), and the weight of the second."""

    def __init__(self, first: Tensor, second: Tensor, weight: Tensor) -> None:
        self.first, self.second, self.weight = first, second, weight


def _taps(start: Tensor, extent: Tensor, side: int) -> _Taps:
    centre = torch.arange(side, device=start.device, dtype=torch.float64) + 0.5
    # Positions are computed in float64 and kept in float32, weights are rounded to 11 bits.
    position = (centre * (extent.double() / side)[:, None] - 0.5).float()
    first = position.floor()
    weight = ((position - first) * (1 << _RESIZE_BITS)).round().int()
    last = (extent - 1)[:, None]
    index = first.long()
    return _Taps(
        start[:, None] + index.clamp(min=0).minimum(last),
        start[:, None] + (index + 1).clamp(min=0).minimum(last),
        weight,
    )


def _pixels(frames: Tensor, n: Tensor, rows: Tensor, columns: Tensor, drawn: Tensor | None) -> Tensor:
    pixels = frames[n, rows[:, :, None], columns[:, None, :]].int()
    if drawn is None:
        return pixels
    x0, y0, x1, y1 = drawn[:, :, None].unbind(1)
    beside = (columns < x0 + 2) | (columns >= x1 - 1)
    above = (rows < y0 + 2) | (rows >= y1 - 1)
    line = above[:, :, None, None] | beside[:, None, :, None]
    return torch.where(line, torch.tensor(_BOX_COLOUR, dtype=torch.int32, device=frames.device), pixels)
