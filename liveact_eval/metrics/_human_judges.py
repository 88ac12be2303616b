"""The crops of Human Anatomy before its judges: people in a frame, faces and hands in each of them.

Crops are squares around the boxes (`square_crops`), resized to 256 pixels bicubically with antialiasing, of which the
middle 224 are seen. The official program hands them over blue first, and its judges and thresholds go with that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from liveact_eval.metrics._human_anatomy import DETECTION_THRESHOLD, Part, square_crops
from liveact_eval.metrics._human_detections import Detections, detect
from liveact_eval.metrics._network_batches import device_of

if TYPE_CHECKING:
    import torch
    from torch import nn

LABELS = ("face", "hand")
"""Of the texts searched within a person; the empty one after them is judged by nobody."""
_BEFORE_CROP, _SIDE = 256, 224
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_AT_ONCE = 16
"""Pictures in one pass."""


@dataclass(frozen=True)
class Crop:
    """A square of a frame, and what it shows."""

    frame: int
    person: int
    label: str
    box: tuple[int, int, int, int]
    """x0, y0, x1, y1 in whole pixels, the last two exclusive."""


def find_crops(detector: nn.Module, frames: torch.Tensor) -> list[Crop]:
    """All crops of frames (N, H, W, 3) uint8 RGB: each person, with faces and hands inside.

    Args:
        detector: a `YoloWorld`, or what has the same embeddings and gives the same answers.
        frames: consecutive frames; they are numbered from 0.
    """
    people = _search(detector, detector.people, list(frames))
    whole = [
        (n, person, box)
        for n, found in enumerate(people)
        for person, box in enumerate(found.boxes.astype(int).tolist())
    ]
    cut = [frames[n, box[1] : box[3], box[0] : box[2]] for n, _, box in whole]
    searched = [index for index, picture in enumerate(cut) if picture.numel()]
    parts = _search(detector, detector.parts, [cut[index] for index in searched])
    crops = [
        Crop(n, person, "human", square)
        for n, found in enumerate(people)
        for person, square in enumerate(_squares(found.boxes, frames))
    ]
    for index, found in zip(searched, parts, strict=True):
        n, person, box = whole[index]
        shift = np.array([box[0], box[1], box[0], box[1]], np.float64)
        known = found.labels < len(LABELS)
        squares = _squares(found.boxes[known] + shift, frames)
        crops += [
            Crop(n, person, LABELS[label], square)
            for label, square in zip(found.labels[known], squares, strict=True)
        ]
    return crops


def judged(judges: Mapping[str, nn.Module], frames: torch.Tensor, crops: Sequence[Crop]) -> list[Part]:
    """What the judges say of crops, in the order of these.

    Args:
        judges: by label; each maps (B, 3, 224, 224) to (B, 2) logits.
        frames: those that the crops are from.
        crops: of labels that have a judge.
    """
    parts: dict[int, Part] = {}
    for label, judge in judges.items():
        mine = [index for index, crop in enumerate(crops) if crop.label == label]
        for start in range(0, len(mine), _AT_ONCE):
            these = mine[start : start + _AT_ONCE]
            values = _abnormal(judge, (_cut(frames, crops[index]) for index in these))
            for index, value in zip(these, values, strict=True):
                crop = crops[index]
                parts[index] = Part(crop.frame, crop.person, label, value)
    return [parts[index] for index in sorted(parts)]


def judge_input(crop: NDArray[np.uint8]) -> torch.Tensor:
    """A crop (H, W, 3) uint8, in whichever order its colours are, as a judge sees it: (3, 224, 224) float32."""
    import torch
    from PIL import Image

    height, width = crop.shape[:2]
    short = min(height, width)
    size = (int(_BEFORE_CROP * width / short), int(_BEFORE_CROP * height / short))
    resized = np.asarray(Image.fromarray(crop).resize(size, Image.Resampling.BICUBIC))
    left, top = round((size[0] - _SIDE) / 2), round((size[1] - _SIDE) / 2)
    middle = resized[top : top + _SIDE, left : left + _SIDE].astype(np.float32) / 255
    scaled = (middle - np.array(_MEAN, np.float32)) / np.array(_DEVIATION, np.float32)
    return torch.from_numpy(np.ascontiguousarray(scaled.transpose(2, 0, 1)))


def _search(detector: nn.Module, texts: torch.Tensor, pictures: Sequence[torch.Tensor]) -> list[Detections]:
    return [
        found
        for start in range(0, len(pictures), _AT_ONCE)
        for found in detect(detector, texts, pictures[start : start + _AT_ONCE], DETECTION_THRESHOLD)
    ]


def _squares(boxes: NDArray[np.floating], frames: torch.Tensor) -> list[tuple[int, int, int, int]]:
    size = (frames.shape[2], frames.shape[1])
    return [(x0, y0, x1, y1) for x0, y0, x1, y1 in square_crops(boxes, size).tolist()]


def _cut(frames: torch.Tensor, crop: Crop) -> NDArray[np.uint8]:
    x0, y0, x1, y1 = crop.box
    blue_first: NDArray[np.uint8] = np.ascontiguousarray(
        frames[crop.frame, y0:y1, x0:x1].flip(-1).cpu().numpy()
    )
    return blue_first


def _abnormal(judge: nn.Module, crops: Iterable[NDArray[np.uint8]]) -> list[float]:
    import torch

    from liveact_eval.networks.simmim_vit import ABNORMAL

    pictures = torch.stack([judge_input(crop) for crop in crops]).to(device_of(judge))
    with torch.inference_mode():
        shares: list[float] = judge(pictures).float().softmax(dim=1)[:, ABNORMAL].tolist()
    return shares
