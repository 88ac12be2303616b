"""MUSIQ (SPAQ head): the picture quality behind imaging quality.

    RGB (B, 3, H, W) in 0..1, any size  ->  (B,) on a scale of about 0..100

A picture is cut into patches of 32 x 32 at three scales: longer side 224, longer side 384, and its own size. Every
patch is a token; where it lies is hashed into a grid of 10 x 10. Patches beyond the picture's edge, which the reference
masks out, are not made at all. Sources: paper arXiv:2108.05997; chaofengc/IQA-PyTorch, whose weights
`musiq_spaq_ckpt-358bb6af.pth` have the names of this module.

Shapes: B pictures, L tokens and one class token, D = 384 channels.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PATCH = 32
"""Side of a patch in pixels."""
LONGER_SIDES = (224, 384)
"""Longer sides of the two smaller scales, in pixels; the third scale is the picture itself."""
_GRID = 10
_WIDTH = 384
_HEADS = 6
_DEPTH = 14
_HIDDEN = 1152
_STEM = 64
_CHUNK = 128


class Tokens(NamedTuple):
    """Patches of pictures of one size, and where they come from."""

    pixels: Tensor
    """(B, L, 3, 32, 32) in -1..1, black (0) where a patch reaches over the edge."""
    position: Tensor
    """(L,) cell of the 10 x 10 grid, row by row."""
    scale: Tensor
    """(L,) 0 and 1 for the smaller scales, 2 for the picture itself."""


def build_musiq() -> Musiq:
    """The network without trained weights, in evaluation mode, frozen."""
    return Musiq().eval().requires_grad_(False)


def multiscale_tokens(pictures: Tensor) -> Tokens:
    """Cut pictures into patches at three scales, (B, 3, H, W) in 0..1."""
    centred = (pictures - 0.5) * 2
    pixels, positions, scales = [], [], []
    for scale, size in enumerate(_sizes(*pictures.shape[-2:])):
        resized = centred
        if scale < len(LONGER_SIDES):
            resized = F.interpolate(centred, size=size, mode="bicubic", align_corners=False)
        patches, cells = _patches(resized)
        pixels.append(patches)
        positions.append(cells)
        scales.append(torch.full_like(cells, scale))
    return Tokens(torch.cat(pixels, dim=1), torch.cat(positions), torch.cat(scales))


def slots(height: int, width: int) -> tuple[Tensor, int]:
    """Where the reference puts the tokens of a picture, (L,), and how many places it has.

    The smaller scales get room for a square; what is left over is masked out there, and left out here.
    """
    places, start = [], 0
    for scale, size in enumerate(_sizes(height, width)):
        used = math.ceil(size[0] / PATCH) * math.ceil(size[1] / PATCH)
        places.append(start + torch.arange(used))
        start += math.ceil(LONGER_SIDES[scale] / PATCH) ** 2 if scale < len(LONGER_SIDES) else used
    return torch.cat(places), start


def _sizes(height: int, width: int) -> list[tuple[int, int]]:
    """Heights and widths of the scales of a picture, in pixels; the last are its own."""
    ratios = [longer / max(height, width) for longer in LONGER_SIDES]
    return [*((round(height * ratio), round(width * ratio)) for ratio in ratios), (height, width)]


def _patches(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """All patches row by row, padded on both sides alike, and the grid cell of each."""
    height, width = pictures.shape[-2:]
    rows, columns = math.ceil(height / PATCH), math.ceil(width / PATCH)
    down, right = rows * PATCH - height, columns * PATCH - width
    padded = F.pad(pictures, (right // 2, right - right // 2, down // 2, down - down // 2))
    patches = padded.unflatten(3, (columns, PATCH)).unflatten(2, (rows, PATCH))
    patches = patches.permute(0, 2, 4, 1, 3, 5).flatten(1, 2)
    cells = _cells(rows, pictures.device)[:, None] * _GRID + _cells(columns, pictures.device)
    return patches, cells.flatten()


def _cells(count: int, device: torch.device) -> Tensor:
    """Cell of the grid for each of `count` patches in a row: the nearest, rounded down, in float32."""
    grid = torch.arange(_GRID, dtype=torch.float32, device=device)
    return F.interpolate(grid[None, None], size=count, mode="nearest")[0, 0].long()


class Musiq(nn.Module):
    """Multi-scale image quality transformer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_root = _StdConv2d(3, _STEM, 7, stride=2, bias=False)
        self.gn_root = nn.GroupNorm(32, _STEM, eps=1e-6)
        self.block1 = _Bottleneck()
        self.embedding = nn.Linear(4 * _STEM * (PATCH // 4) ** 2, _WIDTH)
        self.transformer_encoder = _Encoder()
        self.head = nn.Linear(_WIDTH, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Quality of pictures in 0..1, (B, 3, H, W) to (B,)."""
        tokens = multiscale_tokens(pictures)
        features = self._embed(tokens.pixels.flatten(0, 1)).unflatten(0, tokens.pixels.shape[:2])
        first = self.transformer_encoder(features, tokens.position, tokens.scale)
        return self.head(first)[:, 0]

    def _embed(self, patches: Tensor) -> Tensor:
        """(N, 3, 32, 32) to (N, D)."""
        # What the layers hand to each other should stay in the caches: half as fast again on a CPU.
        size = _CHUNK if patches.device.type == "cpu" else len(patches)
        return torch.cat([self._embed_chunk(chunk) for chunk in patches.split(size)])

    def _embed_chunk(self, patches: Tensor) -> Tensor:
        x = self.conv_root(_pixelwise(patches))
        x = F.relu(self.gn_root(x), inplace=True)
        # The reference pads with zeros at the end; all values are at least that.
        x = self.block1(F.max_pool2d(x, 3, stride=2, ceil_mode=True))
        return self.embedding(x.permute(0, 2, 3, 1).flatten(1))


def _pixelwise(x: Tensor) -> Tensor:
    """The layout in which convolutions are fastest: channels last."""
    return x.contiguous(memory_format=torch.channels_last)


def _planewise(x: Tensor) -> Tensor:
    """The layout in which group norms of two channels a group are fastest."""
    return x.contiguous()


class _StdConv2d(nn.Conv2d):
    """Convolution with standardised weights; pads as TensorFlow's `same`, more at the end."""

    def forward(self, x: Tensor) -> Tensor:
        deviation, mean = torch.std_mean(self.weight, dim=(1, 2, 3), keepdim=True, correction=0)
        kernel, stride = self.kernel_size[0], self.stride[0]
        total = max(0, (math.ceil(x.shape[-1] / stride) - 1) * stride + kernel - x.shape[-1])
        if total:
            x = F.pad(x, (total // 2, total - total // 2) * 2)
        return F.conv2d(x, (self.weight - mean) / (deviation + 1e-5), None, stride)


class _Bottleneck(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = _StdConv2d(_STEM, _STEM, 1, bias=False)
        self.gn1 = nn.GroupNorm(32, _STEM, eps=1e-4)
        self.conv2 = _StdConv2d(_STEM, _STEM, 3, bias=False)
        self.gn2 = nn.GroupNorm(32, _STEM, eps=1e-4)
        self.conv3 = _StdConv2d(_STEM, 4 * _STEM, 1, bias=False)
        self.gn3 = nn.GroupNorm(32, 4 * _STEM, eps=1e-4)
        self.conv_proj = _StdConv2d(_STEM, 4 * _STEM, 1, bias=False)
        self.gn_proj = nn.GroupNorm(32, 4 * _STEM, eps=1e-4)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = self.gn_proj(self.conv_proj(x))
        x = F.relu(self.gn1(_planewise(self.conv1(x))), inplace=True)
        x = F.relu(self.gn2(_planewise(self.conv2(_pixelwise(x)))), inplace=True)
        return F.relu(self.gn3(self.conv3(_pixelwise(x))).add_(shortcut), inplace=True)


class _Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cls = nn.Parameter(torch.zeros(1, 1, _WIDTH))
        self.posembed_input = _PositionTable()
        self.scaleembed_input = _ScaleTable()
        self.transformer = nn.ModuleDict({f"encoderblock_{n}": _Block() for n in range(_DEPTH)})
        self.encoder_norm = nn.LayerNorm(_WIDTH, eps=1e-6)

    def forward(self, x: Tensor, position: Tensor, scale: Tensor) -> Tensor:
        """Patch features (B, L, D) to the class token, (B, D)."""
        places = self.posembed_input.position_emb[0, position] + self.scaleembed_input.scale_emb[scale]
        x = torch.cat([self.cls.expand(len(x), -1, -1), x + places], dim=1)
        *blocks, last = self.transformer.values()
        for block in blocks:
            x = block(x)
        # Of the last block only the class token is read.
        return self.encoder_norm(last(x, first_only=True))[:, 0]


class _PositionTable(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.position_emb = nn.Parameter(torch.zeros(1, _GRID**2, _WIDTH))


class _ScaleTable(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale_emb = nn.Parameter(torch.zeros(1 + len(LONGER_SIDES), _WIDTH))


class _Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(_WIDTH, eps=1e-6)
        self.attention = _Attention()
        self.norm2 = nn.LayerNorm(_WIDTH, eps=1e-6)
        self.mlp = _Mlp()

    def forward(self, x: Tensor, *, first_only: bool = False) -> Tensor:
        context = self.norm1(x)
        if first_only:
            x = x[:, :1]
        x = x + self.attention(context[:, : x.shape[1]], context)
        return x + self.mlp(self.norm2(x))


class _Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(_WIDTH, _WIDTH)
        self.key = nn.Linear(_WIDTH, _WIDTH)
        self.value = nn.Linear(_WIDTH, _WIDTH)
        self.out = nn.Linear(_WIDTH, _WIDTH)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        mixed = F.scaled_dot_product_attention(
            _heads(self.query(x)), _heads(self.key(context)), _heads(self.value(context))
        )
        return self.out(mixed.transpose(1, 2).flatten(2))


def _heads(x: Tensor) -> Tensor:
    return x.unflatten(-1, (_HEADS, -1)).transpose(1, 2)


class _Mlp(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(_WIDTH, _HIDDEN)
        self.fc2 = nn.Linear(_HIDDEN, _WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))
