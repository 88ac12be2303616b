"""Layers of YOLOv8 and of YOLO-World, under the names of the published weights.

Sources: the configuration and the weights of YOLO-World v2 (AILab-CVC/YOLO-World, arXiv:2401.17270) and of YOLOv8 in
MMYOLO; written from their description.

Shapes: B pictures, C channels, H x W places, K texts of 512 numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

TEXT_WIDTH = 512
"""Numbers of a text's embedding."""
_EPSILON, _MOMENTUM = 0.001, 0.03


class ConvNorm(nn.Module):
    """Convolution without bias, batch norm, and SiLU where asked for."""

    def __init__(
        self, before: int, after: int, kernel: int, *, stride: int = 1, activated: bool = True
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, kernel, stride=stride, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(after, eps=_EPSILON, momentum=_MOMENTUM)
        self._activated = activated

    def forward(self, x: Tensor) -> Tensor:
        """(B, before, H, W) to (B, after, H / stride, W / stride)."""
        x = self.bn(self.conv(x))
        return F.silu(x) if self._activated else x


class _Bottleneck(nn.Module):
    def __init__(self, channels: int, *, shortcut: bool) -> None:
        super().__init__()
        self.conv1 = ConvNorm(channels, channels, 3)
        self.conv2 = ConvNorm(channels, channels, 3)
        self._shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        made = self.conv2(self.conv1(x))
        return x + made if self._shortcut else made


class CrossStage(nn.Module):
    """YOLOv8's cross-stage layer: half of the channels go through blocks, and every block's result is kept."""

    def __init__(
        self, before: int, after: int, depth: int, *, shortcut: bool = True, attended: bool = False
    ) -> None:
        super().__init__()
        self.middle = after // 2
        self.main_conv = ConvNorm(before, 2 * self.middle, 1)
        self.blocks = nn.ModuleList(_Bottleneck(self.middle, shortcut=shortcut) for _ in range(depth))
        self.final_conv = ConvNorm((2 + depth + attended) * self.middle, after, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, before, H, W) to (B, after, H, W)."""
        return self.final_conv(torch.cat(self.parts(x), dim=1))

    def parts(self, x: Tensor) -> list[Tensor]:
        """Both halves and the blocks' results."""
        parts = list(self.main_conv(x).chunk(2, dim=1))
        for block in self.blocks:
            parts.append(block(parts[-1]))
        return parts


class GuidedCrossStage(CrossStage):
    """The same without shortcuts, and with one more part that texts weigh place by place."""

    def __init__(self, before: int, after: int, depth: int, embedding: int, heads: int) -> None:
        super().__init__(before, after, depth, shortcut=False, attended=True)
        self.attn_block = _TextGate(self.middle, embedding, heads)

    def forward(self, x: Tensor, texts: Tensor) -> Tensor:  # type: ignore[override]
        """(B, before, H, W) and texts (K, 512) to (B, after, H, W)."""
        parts = self.parts(x)
        return self.final_conv(torch.cat([*parts, self.attn_block(parts[-1], texts)], dim=1))


class _TextGate(nn.Module):
    """Weighs each place by how well it fits the text that fits it best."""

    def __init__(self, channels: int, embedding: int, heads: int) -> None:
        super().__init__()
        self._heads, self._width = heads, embedding // heads
        self.embed_conv = ConvNorm(channels, embedding, 1, activated=False) if embedding != channels else None
        self.guide_fc = nn.Linear(TEXT_WIDTH, embedding)
        self.bias = nn.Parameter(torch.zeros(heads))
        self.project_conv = ConvNorm(channels, channels, 3, activated=False)

    def forward(self, x: Tensor, texts: Tensor) -> Tensor:
        guide = self.guide_fc(texts).unflatten(-1, (self._heads, self._width))
        places = x if self.embed_conv is None else self.embed_conv(x)
        fits = torch.einsum("bmchw,kmc->bmhwk", places.unflatten(1, (self._heads, self._width)), guide)
        gate = (fits.amax(dim=-1) / self._width**0.5 + self.bias[:, None, None]).sigmoid()
        return (self.project_conv(x).unflatten(1, (self._heads, -1)) * gate[:, :, None]).flatten(1, 2)


class PooledPyramid(nn.Module):
    """Fast spatial pyramid: maxima over 5x5 places once, twice and three times."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(channels, channels // 2, 1)
        self.conv2 = ConvNorm(4 * (channels // 2), channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        parts = [self.conv1(x)]
        for _ in range(3):
            parts.append(F.max_pool2d(parts[-1], 5, stride=1, padding=2))
        return self.conv2(torch.cat(parts, dim=1))


class TextContrast(nn.Module):
    """Logits of how well each place fits each text."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(TEXT_WIDTH, eps=_EPSILON, momentum=_MOMENTUM)
        self.bias = nn.Parameter(torch.zeros([]))
        self.logit_scale = nn.Parameter(torch.full([], -1.0))

    def forward(self, x: Tensor, texts: Tensor) -> Tensor:
        """(B, 512, H, W) and texts (K, 512) to (B, K, H, W)."""
        fits = torch.einsum("bchw,kc->bkhw", self.norm(x), F.normalize(texts, dim=-1))
        return fits * self.logit_scale.exp() + self.bias


def two_convs(before: int, middle: int, after: int) -> nn.Sequential:
    """Two 3x3 layers, then a plain 1x1 convolution."""
    return nn.Sequential(
        ConvNorm(before, middle, 3), ConvNorm(middle, middle, 3), nn.Conv2d(middle, after, 1)
    )


def stage(before: int, after: int, depth: int, *, pooled: bool = False) -> nn.Sequential:
    """A stage of the backbone: half the size, then a cross-stage layer."""
    layers: Sequence[nn.Module] = (
        ConvNorm(before, after, 3, stride=2),
        CrossStage(after, after, depth),
        *((PooledPyramid(after),) if pooled else ()),
    )
    return nn.Sequential(*layers)
