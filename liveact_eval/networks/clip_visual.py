"""Picture towers of OpenAI's CLIP: ViT-B/32 behind background consistency, ViT-L/14 behind aesthetic quality.

    RGB (B, 3, 224, 224), divided by 255, CLIP mean and deviation  ->  (B, 512) or (B, 768), not normalised

Source: openai/CLIP (MIT), paper arXiv:2103.00020; weights `ViT-B-32.pt` and `ViT-L-14.pt`, whose names under `visual.`
are those of this module (`visual_weights` picks them out).

Shapes: B pictures, L patches and one class token, D channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIDE = 224
"""Side of the pictures that the towers take, in pixels."""


@dataclass(frozen=True, kw_only=True)
class ClipVisualSize:
    """Sizes of one tower."""

    patch: int
    """Side of a patch in pixels."""
    width: int
    """Channels inside."""
    depth: int
    """Blocks."""
    heads: int
    """Attention heads."""
    features: int
    """Channels of a feature."""


VIT_B32 = ClipVisualSize(patch=32, width=768, depth=12, heads=12, features=512)
"""ViT-B/32."""
VIT_L14 = ClipVisualSize(patch=14, width=1024, depth=24, heads=16, features=768)
"""ViT-L/14."""


def build_clip_vitb32() -> ClipVisual:
    """ViT-B/32 without trained weights, in evaluation mode, frozen."""
    return ClipVisual(VIT_B32).eval().requires_grad_(False)


def build_clip_vitl14() -> ClipVisual:
    """ViT-L/14 without trained weights, in evaluation mode, frozen."""
    return ClipVisual(VIT_L14).eval().requires_grad_(False)


def visual_weights(whole: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The picture tower's part of a whole CLIP, in float32: official files hold half precision."""
    return {
        name.removeprefix("visual."): tensor.float()
        for name, tensor in whole.items()
        if name.startswith("visual.")
    }


class ClipVisual(nn.Module):
    """Vision transformer of CLIP."""

    def __init__(self, size: ClipVisualSize) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, size.width, size.patch, stride=size.patch, bias=False)
        self.class_embedding = nn.Parameter(torch.zeros(size.width))
        self.positional_embedding = nn.Parameter(torch.zeros(1 + (SIDE // size.patch) ** 2, size.width))
        self.ln_pre = nn.LayerNorm(size.width)
        self.transformer = _Transformer(size)
        self.ln_post = nn.LayerNorm(size.width)
        self.proj = nn.Parameter(torch.zeros(size.width, size.features))

    def forward(self, pictures: Tensor) -> Tensor:
        """Features of normalised pictures, (B, 3, 224, 224) to (B, features).

        Raises:
            ValueError: pictures of another size.
        """
        if tuple(pictures.shape[-2:]) != (SIDE, SIDE):
            raise ValueError(f"pictures of {tuple(pictures.shape[-2:])}; {SIDE} x {SIDE} pixels are expected")
        patches = self.conv1(pictures).flatten(2).transpose(1, 2)
        first = self.class_embedding.expand(len(patches), 1, -1)
        x = torch.cat([first, patches], dim=1) + self.positional_embedding
        return self.ln_post(self.transformer(self.ln_pre(x))) @ self.proj


class _Transformer(nn.Module):
    def __init__(self, size: ClipVisualSize) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList(_Block(size) for _ in range(size.depth))

    def forward(self, x: Tensor) -> Tensor:
        """(B, 1 + L, D) to the class token, (B, D): of the last block nothing else is read."""
        for block in self.resblocks[:-1]:
            x = block(x, x)
        return self.resblocks[-1](x[:, :1], x)[:, 0]


class _Block(nn.Module):
    def __init__(self, size: ClipVisualSize) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(size.width)
        self.attn = _Attention(size.width, size.heads)
        self.ln_2 = nn.LayerNorm(size.width)
        self.mlp = _Mlp(size.width)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """Tokens x, the first of the context, look at the whole context."""
        x = x + self.attn(self.ln_1(context), len_queries=x.shape[1])
        return x + self.mlp(self.ln_2(x))


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self._heads = heads
        self.in_proj_weight = nn.Parameter(torch.zeros(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor, *, len_queries: int) -> Tensor:
        projected = F.linear(x, self.in_proj_weight, self.in_proj_bias)
        queries, keys, values = projected.unflatten(-1, (3, self._heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(queries[:, :, :len_queries], keys, values)
        return self.out_proj(mixed.transpose(1, 2).flatten(2))


class _Mlp(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.c_fc = nn.Linear(width, 4 * width)
        self.c_proj = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.c_fc(x)
        return self.c_proj(hidden * torch.sigmoid(1.702 * hidden))
