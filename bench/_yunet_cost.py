"""YuNet's layers with random weights around a seeded stand-in: the cost of the detector without its file.

Layers as in the authors' training configuration (libfacedetection.train, YuNet-n): separable convolutions of 16 to 64
channels, three scales, one shared convolution and four heads each. What it computes is thrown away.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_STAGES = ((16, 64), (64, 64), (64, 64), (64, 64), (64, 64))
_HALVED = (0, 2, 3, 4)
"""Stages before which the maps are halved; the first counts from the stem."""
_HEADS = (1, 4, 1, 10)


class _Separable(nn.Sequential):
    """1x1, then 3x3 of each channel alone."""

    def __init__(self, channels: int, out: int, *, last: bool = False) -> None:
        layers: list[nn.Module] = [nn.Conv2d(channels, out, 1), nn.Conv2d(out, out, 3, padding=1, groups=out)]
        super().__init__(*layers, *([] if last else [nn.BatchNorm2d(out), nn.ReLU()]))


class YuNetCost(nn.Module):
    """Takes pictures (N, 3, H, W), sides multiples of 32; does YuNet's arithmetic and answers as the stand-in does."""

    def __init__(self, stand_in: nn.Module) -> None:
        super().__init__()
        self.stand_in = stand_in
        self.stem = nn.Sequential(
            nn.Conv2d(3, 16, 3, stride=2, padding=1), nn.BatchNorm2d(16), nn.ReLU(), _Separable(16, 16)
        )
        self.stages = nn.ModuleList(nn.Sequential(_Separable(a, a), _Separable(a, b)) for a, b in _STAGES)
        self.across = nn.ModuleList(_Separable(64, 64) for _ in range(3))
        self.shared = nn.ModuleList(_Separable(64, 64) for _ in range(3))
        self.heads = nn.ModuleList(
            _Separable(64, channels, last=True) for _ in range(3) for channels in _HEADS
        )
        self.to(memory_format=torch.channels_last)

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """The stand-in's maps."""
        with torch.inference_mode():
            self._work(pictures)
        found: dict[str, Tensor] = self.stand_in(pictures)
        return found

    def _work(self, pictures: Tensor) -> list[Tensor]:
        # Channels innermost: twice as fast here, and nearer to what onnxruntime makes of the file.
        x, maps = self.stem(pictures.contiguous(memory_format=torch.channels_last)), []
        for index, stage in enumerate(self.stages):
            if index in _HALVED:
                x = F.max_pool2d(x, 2)
            x = stage(x)
            maps.append(x)
        scales = maps[-3:]
        for index in (1, 0):
            wider = F.interpolate(self.across[index + 1](scales[index + 1]), scale_factor=2.0)
            scales[index] = scales[index] + wider
        made = [shared(scale) for shared, scale in zip(self.shared, scales, strict=True)]
        return [head(made[index // len(_HEADS)]) for index, head in enumerate(self.heads)]
