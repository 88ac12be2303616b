"""All-pairs correlation of two feature maps and looking it up around moving points, as RAFT and AMT do."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

LEVELS = 4
"""Levels of the pyramid: each halves the map that is looked up."""


class CorrelationPyramid:
    """Correlation of every point of one map with every point of another, at four resolutions.

    Holds B * h * w * h * w * 4/3 numbers: 90 MB in float32 for a pair of 512 x 512 pictures at an eighth of the size.

    Args:
        points: (B, D, h, w) features whose points look.
        targets: (B, D, h, w) features that are looked at.

    Raises:
        ValueError: maps too small to be halved three times.
    """

    def __init__(self, points: Tensor, targets: Tensor) -> None:
        batch, channels, height, width = points.shape
        least = 2 ** (LEVELS - 1)
        if min(targets.shape[-2:]) < least:
            raise ValueError(
                f"features of {height} x {width}; {least} x {least} are expected: frames of at least 64 pixels a side"
            )
        products = points.flatten(2).transpose(1, 2) @ targets.flatten(2)
        level = (products / channels**0.5).view(batch * height * width, 1, *targets.shape[-2:])
        self.levels = [level]
        for _ in range(LEVELS - 1):
            level = F.avg_pool2d(level, 2)
            self.levels.append(level)

    def lookup(self, places: Tensor, radius: int) -> Tensor:
        """Correlations in a square around a place for each point.

        Args:
            places: (B, 2, h, w) x and y in pixels of the finest level.
            radius: pixels from the middle to the edge of the square, on every level.

        Returns:
            (B, levels * (2 * radius + 1) ** 2, h, w); in each square x is the slow index. Zero beyond the map.
        """
        batch, _, height, width = places.shape
        offsets = torch.arange(-radius, radius + 1, dtype=places.dtype, device=places.device)
        # The reference pairs its first offset with x: the squares are transposed, and so are trained weights.
        square = torch.stack(torch.meshgrid(offsets, offsets, indexing="ij"), dim=-1)
        centres = places.permute(0, 2, 3, 1).reshape(-1, 1, 1, 2)
        found = [
            sample(level, centres / 2**n + square, padding="zeros").view(batch, height, width, -1)
            for n, level in enumerate(self.levels)
        ]
        return torch.cat(found, dim=-1).permute(0, 3, 1, 2).contiguous()


def sample(maps: Tensor, places: Tensor, padding: str) -> Tensor:
    """Bilinear values of (N, C, H, W) maps at (N, h, w, 2) places, x and y in pixels; `zeros` or `border` outside."""
    extent = torch.tensor([maps.shape[-1], maps.shape[-2]], dtype=places.dtype, device=places.device)
    # From -1 to 1 between the outer edges; the form between centres would divide by zero for one pixel.
    grid = (2 * places + 1) / extent - 1
    return F.grid_sample(maps, grid, mode="bilinear", padding_mode=padding, align_corners=False)


def pixel_grid(like: Tensor) -> Tensor:
    """(B, 2, H, W) x and y of every pixel of (B, ..., H, W)."""
    height, width = like.shape[-2:]
    y, x = torch.meshgrid(
        torch.arange(height, dtype=torch.float32, device=like.device),
        torch.arange(width, dtype=torch.float32, device=like.device),
        indexing="ij",
    )
    return torch.stack([x, y]).expand(len(like), -1, -1, -1)


def pad_to_multiple(pictures: Tensor, multiple: int) -> tuple[Tensor, tuple[int, int, int, int]]:
    """Repeat the border until both sides are multiples, half on each side; also left, right, top, bottom."""
    height, width = pictures.shape[-2:]
    rows, columns = -height % multiple, -width % multiple
    around = (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2)
    return (F.pad(pictures, around, mode="replicate") if any(around) else pictures), around
