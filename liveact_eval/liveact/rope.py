"""Rotary position embedding over latent frames, rows and columns.

Shapes: B batch, N tokens in raster order (frame, row, column), H heads, D head width.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

THETA = 10000.0


@dataclass(frozen=True)
class RopeTable:
    """Cosines and sines of a run of tokens, float32 [N, D/2]."""

    cos: Tensor
    sin: Tensor


def split_pairs(head_dim: int) -> tuple[int, int, int]:
    """Complex pairs of a head that time, height and width get: 22, 21, 21 of the 64 of a head of 128."""
    pairs = head_dim // 2
    space = pairs // 3
    return pairs - 2 * space, space, space


def rope_angles(positions: Tensor, pairs: int) -> Tensor:
    """Angles [len(positions), pairs] in float64: position / 10000^(i / pairs)."""
    steps = torch.arange(pairs, dtype=torch.float64, device=positions.device) / max(pairs, 1)
    return torch.outer(positions.to(torch.float64), THETA**-steps)


def rope_table(frames: Tensor, height: int, width: int, head_dim: int) -> RopeTable:
    """Table for latent frames at the given temporal positions, each of `height` x `width` tokens.

    Angles and their cosines are computed in float64 and stored in float32: rotating in float32 then differs
    from rotating in complex double precision by rounding alone (below 1e-6 of the value).

    Args:
        frames: temporal position of each latent frame, integer [T].
        height: rows of tokens.
        width: columns of tokens.
        head_dim: width D of a head.
    """
    time_pairs, row_pairs, column_pairs = split_pairs(head_dim)
    device = frames.device
    shape = (len(frames), height, width)
    time = rope_angles(frames, time_pairs)[:, None, None].expand(*shape, -1)
    row = rope_angles(torch.arange(height, device=device), row_pairs)[None, :, None].expand(*shape, -1)
    column = rope_angles(torch.arange(width, device=device), column_pairs)[None, None].expand(*shape, -1)
    angles = torch.cat([time, row, column], dim=-1).flatten(0, 2)
    return RopeTable(cos=angles.cos().float(), sin=angles.sin().float())


def apply_rope(x: Tensor, table: RopeTable) -> Tensor:
    """Rotate neighbouring pairs of channels of x [B, N, H, D]; computed in float32, given back in x's dtype."""
    first, second = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    cos, sin = table.cos[:, None], table.sin[:, None]
    rotated = torch.stack([first * cos - second * sin, first * sin + second * cos], dim=-1)
    return rotated.flatten(-2).to(x.dtype)
