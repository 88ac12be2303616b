"""What the detector of Human Anatomy sees: pictures brought to its size, and its answers brought back.

Pictures keep their shape and are brought to 640 pixels of the longer side, smaller by the mean over areas and larger
bilinearly, rounded to bytes, in the middle of a grey square. Of the answers, boxes above a score stay, unless a better
box of the same text overlaps them by more than 0.7; at most 300. Source: the test pipeline and settings of YOLO-World
v2 in VBench-2.0; resizing is to within one level of what OpenCV gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch
    from torch import nn

OVERLAP = 0.7
"""Overlap above which the less likely of two boxes of one text goes."""
MOST = 300
"""Boxes of a picture that stay at most."""
GREY = 114
"""Level around a picture."""


@dataclass(frozen=True, kw_only=True)
class Detections:
    """The boxes of one picture, the likeliest first."""

    boxes: NDArray[np.float32]
    """(K, 4) x0, y0, x1, y1 in pixels of the picture, within it, each with an area."""
    labels: NDArray[np.int64]
    """(K,) which of the texts."""


@dataclass(frozen=True)
class Fit:
    """How a picture lies in the square."""

    scale: tuple[float, float]
    """Pixels of the square per pixel of the picture, by x and y."""
    left: int
    """Where it begins."""
    top: int
    """Where it begins."""


def letterboxed(picture: torch.Tensor, side: int) -> tuple[torch.Tensor, Fit]:
    """A picture (H, W, 3) uint8 in a square of that side, (3, side, side) float32 in 0..1, and how it lies there."""
    import torch

    height, width = picture.shape[:2]
    ratio = side / max(height, width)
    rows, columns = max(1, int(height * ratio)), max(1, int(width * ratio))
    planes = picture.permute(2, 0, 1).float()
    if ratio < 1:
        down, across = _areas(height, rows).to(planes.device), _areas(width, columns).to(planes.device)
        planes = down @ planes @ across.T
    elif ratio > 1:
        planes = torch.nn.functional.interpolate(
            planes[None], size=(rows, columns), mode="bilinear", align_corners=False
        )[0]
    top, left = (side - rows) // 2, (side - columns) // 2
    square = torch.full((3, side, side), float(GREY), device=planes.device)
    square[:, top : top + rows, left : left + columns] = planes.round()
    return square / 255, Fit((columns / width, rows / height), left, top)


def detect(
    network: nn.Module, texts: torch.Tensor, pictures: Sequence[torch.Tensor], threshold: float
) -> list[Detections]:
    """What the detector finds in pictures of any sizes, which it sees in one pass.

    Args:
        network: `YoloWorld`, or what gives scores and boxes alike, on its device.
        texts: (K, 512) embeddings of what to look for.
        pictures: each (H, W, 3) uint8 RGB.
        threshold: scores above this count.
    """
    import torch

    from liveact_eval.networks.yolo_world import SIDE

    if not pictures:
        return []
    fitted = [letterboxed(picture.to(texts.device), SIDE) for picture in pictures]
    with torch.inference_mode():
        scores, boxes = network(torch.stack([square for square, _ in fitted]), texts)
    return [
        _kept(own, places, fit, (picture.shape[1], picture.shape[0]), threshold)
        for own, places, (_, fit), picture in zip(scores, boxes, fitted, pictures, strict=True)
    ]


def _kept(
    scores: torch.Tensor, boxes: torch.Tensor, fit: Fit, size: tuple[int, int], threshold: float
) -> Detections:
    """The boxes of one picture that stay, in its pixels."""
    import torch

    from liveact_eval.networks.s3fd import suppress

    place, label = (scores > threshold).nonzero(as_tuple=True)
    values, found = scores[place, label], boxes[place]
    # Boxes below the threshold cannot outdo those above it, so that these alone need comparing.
    stays = [
        which[suppress(found[which], values[which], OVERLAP)]
        for which in (torch.nonzero(label == text)[:, 0] for text in range(scores.shape[1]))
        if len(which)
    ]
    kept = torch.cat(stays) if stays else place[:0]
    kept = kept[values[kept].argsort(descending=True, stable=True)][:MOST]
    own = found[kept].cpu().double().numpy()
    own = (own - [fit.left, fit.top, fit.left, fit.top]) / np.tile(fit.scale, 2)
    own = np.clip(own, 0, np.tile(size, 2)).astype(np.float32)
    # A box without area would stop the official program.
    there = np.asarray((own[:, 2:] > own[:, :2]).all(axis=1))
    return Detections(boxes=own[there], labels=label[kept].cpu().numpy().astype(np.int64)[there])


def _areas(before: int, after: int) -> torch.Tensor:
    """How much of each pixel lies in each pixel of the smaller picture, (after, before), rows of sum 1."""
    import torch

    scale = before / after
    edges = torch.arange(after + 1, dtype=torch.float64) * scale
    pixels = torch.arange(before, dtype=torch.float64)
    shared = torch.minimum(edges[1:, None], pixels + 1) - torch.maximum(edges[:-1, None], pixels)
    return (shared.clamp(min=0) / scale).float()
