"""DINO ViT-B/16: the class-token feature behind subject consistency.

    RGB (B, 3, H, W), divided by 255, ImageNet mean and deviation  ->  (B, 768)

Any size of at least one patch: what is left over at the right and at the bottom is not seen, and the position
embedding is interpolated as the official code does it. Source: facebookresearch/dino (Apache-2.0), paper
arXiv:2104.14294; weights `dino_vitbase16_pretrain.pth`, whose names are those of this module.

Shapes: B pictures, L patches and one class token, D = 768 channels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WIDTH = 768
"""Channels of a feature."""
PATCH = 16
"""Side of a patch in pixels."""
_GRID = 14
_HEADS = 12
_DEPTH = 12


def build_dino() -> DinoViT:
    """The network without trained weights, in evaluation mode, frozen."""
    return DinoViT().eval().requires_grad_(False)


class DinoViT(nn.Module):
    """Vision transformer of DINO."""

    def __init__(self) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + _GRID**2, WIDTH))
        self.patch_embed = _PatchEmbedding()
        self.blocks = nn.ModuleList(_Block() for _ in range(_DEPTH))
        self.norm = nn.LayerNorm(WIDTH, eps=1e-6)

    def forward(self, pictures: Tensor) -> Tensor:
        """Features of normalised pictures, (B, 3, H, W) to (B, 768).

        Raises:
            ValueError: a side is shorter than a patch.
        """
        height, width = pictures.shape[-2:]
        if min(height, width) < PATCH:
            raise ValueError(f"pictures of {height} x {width}; a side of at least {PATCH} pixels is expected")
        patches = self.patch_embed(pictures)
        x = torch.cat([self.cls_token.expand(len(patches), -1, -1), patches], dim=1)
        x = x + self._positions(height, width)
        for block in self.blocks[:-1]:
            x = block(x)
        # Of the last block only the class token is read.
        return self.norm(self.blocks[-1](x, first_only=True))[:, 0]

    def _positions(self, height: int, width: int) -> Tensor:
        """Position embedding of a picture of any size, (1, 1 + L, D)."""
        rows, columns = height // PATCH, width // PATCH
        if height == width and rows == _GRID:
            return self.pos_embed
        grid = self.pos_embed[:, 1:].reshape(1, _GRID, _GRID, WIDTH).permute(0, 3, 1, 2)
        # The official code adds 0.1 against rounding down and hands the factors over, so that the positions
        # are sampled with them and not with the ratio of the sizes.
        factors = ((rows + 0.1) / _GRID, (columns + 0.1) / _GRID)
        grid = F.interpolate(grid, scale_factor=factors, mode="bicubic")
        return torch.cat([self.pos_embed[:, :1], grid.flatten(2).transpose(1, 2)], dim=1)


class _PatchEmbedding(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, WIDTH, PATCH, stride=PATCH)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.proj(pictures).flatten(2).transpose(1, 2)


class _Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH, eps=1e-6)
        self.attn = _Attention()
        self.norm2 = nn.LayerNorm(WIDTH, eps=1e-6)
        self.mlp = _Mlp()

    def forward(self, x: Tensor, *, first_only: bool = False) -> Tensor:
        attended = self.attn(self.norm1(x), first_only=first_only)
        x = (x[:, :1] if first_only else x) + attended
        return x + self.mlp(self.norm2(x))


class _Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.proj = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor, *, first_only: bool) -> Tensor:
        queries, keys, values = self.qkv(x).unflatten(-1, (3, _HEADS, -1)).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(queries[:, :, :1] if first_only else queries, keys, values)
        return self.proj(mixed.transpose(1, 2).flatten(2))


class _Mlp(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(WIDTH, 4 * WIDTH)
        self.fc2 = nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))
