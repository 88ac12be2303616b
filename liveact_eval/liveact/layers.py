"""Small layers shared by the parts of the DiT: norms, the time embedding, the image MLP."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

IMAGE_EPS = 1e-5
"""Epsilon of the norms in the image MLP and in the audio projector; all others take the configured one."""


class RMSNorm(nn.Module):
    """Root-mean-square norm over the last axis: the full model width, not one head.

    Computed in float32; the gain is applied after the cast back.
    """

    def __init__(self, dim: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        """Norm x [..., dim]."""
        wide = x.float()
        scaled = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.eps)
        return scaled.to(x.dtype) * self.weight


class LayerNorm(nn.LayerNorm):
    """Layer norm computed in float32 and given back in the input's dtype."""

    def forward(self, input: Tensor) -> Tensor:
        """Norm the last axis."""
        weight = None if self.weight is None else self.weight.float()
        bias = None if self.bias is None else self.bias.float()
        return F.layer_norm(input.float(), self.normalized_shape, weight, bias, self.eps).to(input.dtype)


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """x * (1 + scale) + shift in float32, given back in x's dtype."""
    return torch.addcmul(shift, x.float(), 1 + scale).to(x.dtype)


def sinusoid(t: Tensor, dim: int) -> Tensor:
    """Embedding of timesteps t [...] (0 to 1000) as [..., dim]: cosines, then sines; float64 inside, float32 out."""
    half = dim // 2
    steps = torch.arange(half, dtype=torch.float64, device=t.device) / half
    angles = t.to(torch.float64)[..., None] * 10000.0**-steps
    return torch.cat([angles.cos(), angles.sin()], dim=-1).float()


class ImageMLP(nn.Module):
    """Maps rows of the image encoder [B, 257, image_dim] to the model's width."""

    def __init__(self, image_dim: int, dim: int) -> None:
        super().__init__()
        self.proj = nn.Sequential(
            LayerNorm(image_dim, eps=IMAGE_EPS),
            nn.Linear(image_dim, image_dim),
            nn.GELU(),
            nn.Linear(image_dim, dim),
            LayerNorm(dim, eps=IMAGE_EPS),
        )

    def forward(self, rows: Tensor) -> Tensor:
        """Image tokens [B, 257, dim]."""
        tokens: Tensor = self.proj(rows)
        return tokens
