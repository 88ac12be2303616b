"""Faces in pictures, as the SyncNet tools find them: S3FD on a reduced copy, two suppressions, one threshold."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from liveact_eval.networks.s3fd import (
    MAX_FACES,
    S3FD,
    HeadMaps,
    anchors,
    box_offsets,
    decode,
    face_scores,
    normalise,
    suppress,
)

MIN_SCORE = 0.9
"""Probability that a face must exceed."""
SCALE = 0.25
"""Of the copy that is searched: a face of 64 pixels is as large there as the smallest anchor, 16."""
FIRST_OVERLAP, LAST_OVERLAP = 0.3, 0.1
"""Overlaps above which the less likely of two boxes goes: inside the detector, and in what it reports."""
MAX_SIDE = 2.0
"""Longest side of a box that is believed, in pictures; untrained weights give boxes of any size."""
AT_ONCE = 4
"""Pictures per pass. Passes are always full: rows do not depend on how many pictures come together."""


@dataclass(frozen=True)
class Faces:
    """The faces of one picture, the likeliest first."""

    boxes: NDArray[np.float64]
    """(K, 4) float64 x0, y0, x1, y1 in pixels of the picture; may reach beyond it."""
    scores: NDArray[np.float64]
    """(K,) float64 probability, 0.9..1."""

    def __len__(self) -> int:
        return len(self.scores)


def detect(
    network: S3FD,
    frames: Tensor,
    scale: float = SCALE,
    *,
    min_score: float = MIN_SCORE,
    at_once: int = AT_ONCE,
) -> list[Faces]:
    """Faces of each picture.

    Args:
        network: the catalogue's `s3fd`; on the same device as the pictures.
        frames: (N, H, W, 3) RGB bytes.
        scale: of the copy that is searched.
        min_score: probability that a face must exceed.
        at_once: pictures per pass.
    """
    found: list[Faces] = []
    with torch.inference_mode():
        for part in frames.split(at_once):
            copies = normalise(reduced(part, scale))
            rest = copies[-1:].expand(at_once - len(part), -1, -1, -1)
            maps = network(torch.cat([copies, rest]).contiguous(memory_format=torch.channels_last))
            size = (copies.shape[2], copies.shape[3])
            boxes, scores = (rows[: len(part)] for rows in _candidates(maps, size))
            height, width = frames.shape[1:3]
            found += [
                _reported(box[likely], score[likely], (width, height))
                for box, score, likely in zip(
                    boxes, scores, _plausible(boxes) & (scores > min_score), strict=True
                )
            ]
    return found


def reduced(frames: Tensor, scale: float) -> Tensor:
    """Copies at a scale, bilinear without antialias, rounded to whole levels: (N, H, W, 3) to float (N, h, w, 3).

    Sizes round to the nearest whole number and samples lie 1 / scale apart, as OpenCV's resize does by a factor.
    """
    if scale == 1:
        return frames.float()
    height, width = (round(side * scale) for side in frames.shape[1:3])
    planes = frames.permute(0, 3, 1, 2).float()
    # PyTorch rounds sizes down: the last row and column are repeated until as many fit as OpenCV gives.
    missing = [
        max(0, math.ceil(side / scale) - given)
        for side, given in zip((height, width), frames.shape[1:3], strict=True)
    ]
    planes = F.pad(planes, (0, missing[1], 0, missing[0]), mode="replicate")
    small = F.interpolate(planes, scale_factor=scale, mode="bilinear", align_corners=False)
    return (small[:, :, :height, :width] + 0.5).floor().permute(0, 2, 3, 1)


def _candidates(maps: HeadMaps, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Boxes in shares of the picture (N, A, 4) and scores (N, A)."""
    priors = anchors(size, [(level.shape[2], level.shape[3]) for level in maps.boxes])
    offsets = box_offsets(maps.boxes)
    return decode(offsets, priors.to(offsets.device)), face_scores(maps.classes)


def _plausible(boxes: Tensor) -> Tensor:
    return ((boxes[..., 2:] - boxes[..., :2]).amax(dim=-1) <= MAX_SIDE) & boxes.isfinite().all(dim=-1)


def _reported(boxes: Tensor, scores: Tensor, size: tuple[int, int]) -> Faces:
    """What is left of one picture's boxes above the threshold.

    The reference suppresses before it applies the threshold; that gives the same, since a box can only be removed by a
    better one.
    """
    stays = suppress(boxes, scores, FIRST_OVERLAP)[:MAX_FACES]
    pixels = (boxes[stays] * torch.tensor([*size, *size], device=boxes.device)).double()
    last = suppress(pixels, scores[stays].double(), LAST_OVERLAP)
    return Faces(pixels[last].cpu().numpy(), scores[stays][last].double().cpu().numpy())
