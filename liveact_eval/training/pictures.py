"""Drawn frames and boxes as tensors."""

from __future__ import annotations

import torch
from torch import Tensor


def to_video(frames: Tensor) -> Tensor:
    """Frames uint8 [B, F, H, W, 3] as video [B, 3, F, H, W] in [-1, 1]."""
    return frames.permute(0, 4, 1, 2, 3).float().div(127.5).sub(1.0)


def box_mask(boxes: Tensor, size: int) -> Tensor:
    """1 inside each frame's box [B, F, 4] in pixels, else 0: [B, 1, F, size, size]."""
    centres = torch.arange(size, device=boxes.device) + 0.5
    inside = [(centres >= boxes[..., low, None]) & (centres <= boxes[..., low + 2, None]) for low in (0, 1)]
    return (inside[1][..., :, None] & inside[0][..., None, :]).float()[:, None]
