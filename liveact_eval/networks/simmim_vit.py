"""ViT-B/16 as SimMIM finetunes it, with two classes: the judges of Human Anatomy in VBench-2.0.

    RGB-shaped (B, 3, 224, 224), divided by 255, ImageNet mean and deviation  ->  (B, 2) logits: abnormal, normal

Each block has a relative position bias of its own, a query and a value bias but no key bias, and learned gains of both
branches; there is no absolute position. The mean of the patch tokens is normalised and judged. Source:
microsoft/SimMIM, arXiv:2111.09886 (MIT); weights `human.pth`, `face.pth` and `hand.pth` of VBench-2.0, whose names are
those of this module.

Shapes: B pictures, N = 1 + 196 tokens, the first of them the class token, D = 768 channels, H = 12 heads.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIDE = 224
"""Height and width of the input, in pixels."""
CLASSES = 2
ABNORMAL = 0
"""Which of the logits says that something is wrong."""
_WIDTH = 768
_PATCH = 16
_GRID = SIDE // _PATCH
_HEADS = 12
_DEPTH = 12
_EPSILON = 1e-6
_DISTANCES = (2 * _GRID - 1) ** 2
"""Offsets between two patches; three more are: class token to patch, patch to class token, class token to itself."""


def build_simmim_vit() -> SimMIMClassifier:
    """The network without trained weights, in evaluation mode, frozen."""
    return SimMIMClassifier().eval().requires_grad_(False)


class SimMIMClassifier(nn.Module):
    """Vision transformer with relative positions and mean pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, _WIDTH))
        self.patch_embed = _PatchEmbedding()
        self.blocks = nn.ModuleList(_Block() for _ in range(_DEPTH))
        self.fc_norm = nn.LayerNorm(_WIDTH, eps=_EPSILON)
        self.head = nn.Linear(_WIDTH, CLASSES)

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits of normalised pictures, (B, 3, 224, 224) to (B, 2).

        Raises:
            ValueError: pictures of another size.
        """
        if tuple(pictures.shape[1:]) != (3, SIDE, SIDE):
            raise ValueError(f"pictures of shape {tuple(pictures.shape)}, expected (B, 3, {SIDE}, {SIDE})")
        patches = self.patch_embed(pictures)
        x = torch.cat([self.cls_token.expand(len(patches), -1, -1), patches], dim=1)
        for block in self.blocks:
            x = block(x)
        return self.head(self.fc_norm(x[:, 1:].mean(dim=1)))


class _PatchEmbedding(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, _WIDTH, _PATCH, stride=_PATCH)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.proj(pictures).flatten(2).transpose(1, 2)


class _Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(_WIDTH, eps=_EPSILON)
        self.attn = _Attention()
        self.norm2 = nn.LayerNorm(_WIDTH, eps=_EPSILON)
        self.mlp = _Mlp()
        self.gamma_1 = nn.Parameter(torch.full((_WIDTH,), 0.1))
        self.gamma_2 = nn.Parameter(torch.full((_WIDTH,), 0.1))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.gamma_1 * self.attn(self.norm1(x))
        return x + self.gamma_2 * self.mlp(self.norm2(x))


class _Attention(nn.Module):
    relative_position_index: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(_WIDTH, 3 * _WIDTH, bias=False)
        self.q_bias = nn.Parameter(torch.zeros(_WIDTH))
        self.v_bias = nn.Parameter(torch.zeros(_WIDTH))
        self.relative_position_bias_table = nn.Parameter(torch.zeros(_DISTANCES + 3, _HEADS))
        self.register_buffer("relative_position_index", relative_positions())
        self.proj = nn.Linear(_WIDTH, _WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        bias = torch.cat([self.q_bias, torch.zeros_like(self.v_bias), self.v_bias])
        rows = F.linear(x, self.qkv.weight, bias).unflatten(-1, (3, _HEADS, -1))
        queries, keys, values = rows.permute(2, 0, 3, 1, 4)
        positions = self.relative_position_bias_table[self.relative_position_index].permute(2, 0, 1)
        mixed = F.scaled_dot_product_attention(queries, keys, values, attn_mask=positions[None])
        return self.proj(mixed.transpose(1, 2).flatten(2))


class _Mlp(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(_WIDTH, 4 * _WIDTH)
        self.fc2 = nn.Linear(4 * _WIDTH, _WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


def relative_positions() -> Tensor:
    """Row of the bias table for every pair of tokens, (N, N) int64: query by key."""
    place = torch.arange(_GRID * _GRID)
    rows, columns = place // _GRID, place % _GRID
    down = rows[:, None] - rows[None] + _GRID - 1
    right = columns[:, None] - columns[None] + _GRID - 1
    index = torch.full((1 + len(place), 1 + len(place)), _DISTANCES)
    index[1:, 1:] = down * (2 * _GRID - 1) + right
    # The class token asks, is asked, and asks itself.
    index[1:, 0] = _DISTANCES + 1
    index[0, 0] = _DISTANCES + 2
    return index
