"""YuNet's outputs to faces with five landmarks. The network itself is an ONNX file, run by onnxruntime.

Input of the file: (1, 3, H, W) float32, blue first, levels 0..255, nothing subtracted, H and W multiples of 32. Faces
of about 10 to 300 pixels are found: a picture is best reduced until its longer side is 320 to 640. Output: class,
objectness, box and landmarks at strides 8, 16 and 32. Source: Wu, Peng, Yu, "YuNet: A Tiny Millisecond-level Face
Detector", Machine Intelligence Research 20, 2023; OpenCV Zoo, `face_detection_yunet` (MIT).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from liveact_eval.networks.s3fd import suppress

STRIDES = (8, 16, 32)
LANDMARKS = 5
MULTIPLE = 32
"""Width and height of the input are multiples of this."""
MIN_SCORE = 0.6
"""Score that a face must reach."""
OVERLAP = 0.3
"""Overlap above which the less likely of two boxes goes."""


@dataclass(frozen=True)
class Landmarked:
    """The faces of one picture, the likeliest first."""

    boxes: Tensor
    """(K, 4) x0, y0, x1, y1 in pixels of the input."""
    scores: Tensor
    """(K,) 0..1."""
    landmarks: Tensor
    """(K, 5, 2) x, y in pixels of the input: the eyes (left in the picture first), nose tip, mouth corners."""


def to_input(rgb: Tensor) -> Tensor:
    """RGB levels (N, H, W, 3) to (N, 3, H', W') float, blue first, black below and to the right up to a multiple."""
    planes = rgb.flip(-1).permute(0, 3, 1, 2).float()
    height, width = planes.shape[2:]
    return torch.nn.functional.pad(planes, (0, -width % MULTIPLE, 0, -height % MULTIPLE))


def decode_faces(outputs: Mapping[str, Tensor], size: tuple[int, int]) -> list[Landmarked]:
    """Faces of each picture of a batch.

    Args:
        outputs: by the file's names, `cls_8` (N, A, 1), `obj_8` (N, A, 1), `bbox_8` (N, A, 4), `kps_8` (N, A, 10) and
            so on, A = H W / stride^2 places row by row.
        size: height and width of the input.
    """
    boxes, scores, landmarks = [], [], []
    for stride in STRIDES:
        places = _places(size, stride).to(outputs[f"bbox_{stride}"].device)
        offsets = outputs[f"bbox_{stride}"]
        centre = (places + offsets[..., :2]) * stride
        half = offsets[..., 2:].exp() * stride / 2
        boxes.append(torch.cat([centre - half, centre + half], dim=-1))
        points = outputs[f"kps_{stride}"].unflatten(-1, (LANDMARKS, 2))
        landmarks.append((points + places[:, None]) * stride)
        both = [outputs[f"{part}_{stride}"][..., 0].clamp(0, 1) for part in ("cls", "obj")]
        scores.append((both[0] * both[1]).sqrt())
    tables = (torch.cat(boxes, dim=1), torch.cat(scores, dim=1), torch.cat(landmarks, dim=1))
    return [_kept(*rows) for rows in zip(*tables, strict=True)]


def _places(size: tuple[int, int], stride: int) -> Tensor:
    """Column and row of every place of a map, (A, 2)."""
    rows, columns = torch.meshgrid(
        torch.arange(size[0] // stride), torch.arange(size[1] // stride), indexing="ij"
    )
    return torch.stack([columns, rows], dim=-1).flatten(0, 1).float()


def _kept(boxes: Tensor, scores: Tensor, landmarks: Tensor) -> Landmarked:
    likely = scores >= MIN_SCORE
    boxes, scores, landmarks = boxes[likely], scores[likely], landmarks[likely]
    stays = suppress(boxes, scores, OVERLAP)
    return Landmarked(boxes[stays], scores[stays], landmarks[stays])
