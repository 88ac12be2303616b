"""What VBench does to frames before its networks see them.

Frames come as (N, H, W, 3) RGB in levels 0..255, bytes or floats, and leave as (N, 3, h, w) float32. All resizing is
done on floats and without antialiasing, so that bicubic overshoot is neither clipped nor rounded.
Source: Vchitect/VBench, vbench/utils.py and vbench/imaging_quality.py (Apache-2.0).
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

ImagingMode = Literal["longer", "shorter", "shorter_centercrop", "None"]
"""How frames are resized before imaging quality; VBench's default is `longer`."""

_SIDE = 224
_IMAGING_SIDE = 512
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))


def dino_input(frames: Tensor) -> Tensor:
    """Shorter side to 224, bilinear, no crop; ImageNet mean and deviation."""
    resized = _resize_shorter(_planes(frames), _SIDE, "bilinear")
    return _normalised(resized, *_IMAGENET)


def clip_input(frames: Tensor) -> Tensor:
    """Shorter side to 224, bicubic, centre crop of 224 x 224; CLIP mean and deviation."""
    resized = _resize_shorter(_planes(frames), _SIDE, "bicubic")
    return _normalised(_centre_crop(resized, _SIDE), *_CLIP)


def imaging_input(frames: Tensor, mode: ImagingMode = "longer") -> Tensor:
    """Frames for MUSIQ, 0..1.

    Args:
        frames: (N, H, W, 3).
        mode: `longer` or `shorter`: that side is brought down to 512 if it is longer; `shorter_centercrop`: and
            512 x 512 are cut from the middle; `None`: as they are.

    Raises:
        ValueError: another mode.
    """
    planes = _planes(frames)
    height, width = planes.shape[-2:]
    sides = {"longer": max(height, width), "None": 0}
    if mode not in (*sides, "shorter", "shorter_centercrop"):
        raise ValueError(f"imaging mode {mode!r}; longer, shorter, shorter_centercrop or None is expected")
    side = sides.get(mode, min(height, width))
    if side > _IMAGING_SIDE:
        scale = _IMAGING_SIDE / side
        planes = _resize(planes, (int(scale * height), int(scale * width)), "bilinear")
    if mode == "shorter_centercrop":
        planes = _centre_crop(planes, _IMAGING_SIDE)
    return planes / 255.0


def _planes(frames: Tensor) -> Tensor:
    return frames.permute(0, 3, 1, 2).float()


def _resize_shorter(planes: Tensor, side: int, mode: str) -> Tensor:
    height, width = planes.shape[-2:]
    if height <= width:
        return _resize(planes, (side, int(side * width / height)), mode)
    return _resize(planes, (int(side * height / width), side), mode)


def _resize(planes: Tensor, size: tuple[int, int], mode: str) -> Tensor:
    if tuple(planes.shape[-2:]) == size:
        return planes
    return F.interpolate(planes, size=size, mode=mode, align_corners=False)


def _centre_crop(planes: Tensor, side: int) -> Tensor:
    """The middle square; a picture that is smaller is padded with black first."""
    height, width = planes.shape[-2:]
    missing_rows, missing_columns = max(0, side - height), max(0, side - width)
    if missing_rows or missing_columns:
        top, left = missing_rows // 2, missing_columns // 2
        planes = F.pad(planes, (left, missing_columns - left, top, missing_rows - top))
        height, width = planes.shape[-2:]
    # Halves go to the even neighbour.
    top, left = round((height - side) / 2), round((width - side) / 2)
    return planes[..., top : top + side, left : left + side]


def _normalised(planes: Tensor, mean: tuple[float, ...], deviation: tuple[float, ...]) -> Tensor:
    shape = (3, 1, 1)
    centre = torch.tensor(mean, device=planes.device).view(shape)
    spread = torch.tensor(deviation, device=planes.device).view(shape)
    return (planes / 255.0).sub_(centre).div_(spread)
