"""VideoMAE V2: the network of content-debiased FVD. Its feature is the mean over tokens, normalised.

    RGB (B, 3, T, H, W) in 0..1  ->  (B, 1408), for ViT-g T = 16 and H = W = 224

Source: Wang et al., CVPR 2023; OpenGVLab/VideoMAEv2 (MIT), `vit_giant_patch14_224`, as songweige/content-debiased-fvd
runs it. Weights `vit_g_hybrid_pt_1200e_ssv2_ft.pth`, whose names are those of this module, but for the classifier of
Something-Something, which has no part in a feature.

Shapes: B clips, L tokens (tubelets of 2 frames by patches of 14 x 14 pixels), D channels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

_EPSILON = 1e-6


@dataclass(frozen=True, kw_only=True)
class VideoMAESize:
    """Sizes of the network."""

    side: int = 224
    """Height and width of the clips, in pixels."""
    frames: int = 16
    """Frames of a clip."""
    patch: int = 14
    """Side of a patch, in pixels."""
    tubelet: int = 2
    """Frames of a patch."""
    width: int = 1408
    """Channels inside and of a feature."""
    depth: int = 40
    """Blocks."""
    heads: int = 16
    """Attention heads."""
    hidden: int = 6144
    """Channels between both layers of a block's perceptron."""

    @property
    def tokens(self) -> int:
        """Tokens of a clip."""
        return self.frames // self.tubelet * (self.side // self.patch) ** 2


VIT_G = VideoMAESize()
"""ViT-g: 1.0 billion parameters, 4 GB in float32."""


def build_videomae_g() -> VideoMAE:
    """ViT-g without trained weights, in evaluation mode, frozen."""
    return VideoMAE(VIT_G).eval().requires_grad_(False)


class VideoMAE(nn.Module):
    """The encoder of VideoMAE V2 after fine-tuning."""

    def __init__(self, size: VideoMAESize) -> None:
        super().__init__()
        self._size = size
        self.patch_embed = _Tubelets(size)
        self.register_buffer("_positions", sine_positions(size.tokens, size.width), persistent=False)
        self.blocks = nn.ModuleList(_Block(size) for _ in range(size.depth))
        self.fc_norm = nn.LayerNorm(size.width, eps=_EPSILON)

    def forward(self, clips: Tensor) -> Tensor:
        """Features of clips in 0..1, (B, 3, T, H, W) to (B, D).

        Raises:
            ValueError: clips of another length or size.
        """
        size = self._size
        wanted = (3, size.frames, size.side, size.side)
        if tuple(clips.shape[1:]) != wanted:
            raise ValueError(f"clips of shape {tuple(clips.shape[1:])}; {wanted} is expected")
        x = self.patch_embed(clips) + self._positions
        for block in self.blocks:
            x = block(x)
        return self.fc_norm(x.mean(dim=1))


def sine_positions(tokens: int, width: int) -> Tensor:
    """Position embeddings (1, tokens, width), float32: sine in even channels, cosine in odd ones."""
    pairs = np.arange(width) // 2
    angles = np.arange(tokens)[:, None] / np.power(10_000, 2 * pairs / width)
    table = np.where(np.arange(width) % 2 == 0, np.sin(angles), np.cos(angles))
    return torch.from_numpy(table[None]).float()


class _Tubelets(nn.Module):
    def __init__(self, size: VideoMAESize) -> None:
        super().__init__()
        extent = (size.tubelet, size.patch, size.patch)
        self.proj = nn.Conv3d(3, size.width, extent, stride=extent)

    def forward(self, clips: Tensor) -> Tensor:
        return self.proj(clips).flatten(2).transpose(1, 2)


class _Block(nn.Module):
    def __init__(self, size: VideoMAESize) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(size.width, eps=_EPSILON)
        self.attn = _Attention(size)
        self.norm2 = nn.LayerNorm(size.width, eps=_EPSILON)
        self.mlp = _Mlp(size)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class _Attention(nn.Module):
    """Queries and values have a bias each, keys have none."""

    def __init__(self, size: VideoMAESize) -> None:
        super().__init__()
        self._heads = size.heads
        self.qkv = nn.Linear(size.width, 3 * size.width, bias=False)
        self.q_bias = nn.Parameter(torch.zeros(size.width))
        self.v_bias = nn.Parameter(torch.zeros(size.width))
        self.proj = nn.Linear(size.width, size.width)

    def forward(self, x: Tensor) -> Tensor:
        bias = torch.cat([self.q_bias, torch.zeros_like(self.v_bias), self.v_bias])
        projected = F.linear(x, self.qkv.weight, bias)
        queries, keys, values = projected.unflatten(-1, (3, self._heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(queries, keys, values)
        return self.proj(mixed.transpose(1, 2).flatten(2))


class _Mlp(nn.Module):
    def __init__(self, size: VideoMAESize) -> None:
        super().__init__()
        self.fc1 = nn.Linear(size.width, size.hidden)
        self.fc2 = nn.Linear(size.hidden, size.width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))
