"""The part of AMT-S whose features are correlated: RAFT's small encoder."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class CorrelationEncoder(nn.Module):
    """(N, 3, H, W) to (N, 84, H / 8, W / 8)."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1 = nn.InstanceNorm2d(32)
        self.conv1 = nn.Conv2d(3, 32, 7, stride=2, padding=3)
        self.layer1 = nn.Sequential(_Bottleneck(32, 32), _Bottleneck(32, 32))
        self.layer2 = nn.Sequential(_Bottleneck(32, 64, stride=2), _Bottleneck(64, 64))
        self.layer3 = nn.Sequential(_Bottleneck(64, 96, stride=2), _Bottleneck(96, 96))
        self.conv2 = nn.Conv2d(96, 84, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Features to correlate."""
        x = F.relu(self.norm1(self.conv1(x)))
        return self.conv2(self.layer3(self.layer2(self.layer1(x))))


class _Bottleneck(nn.Module):
    def __init__(self, given: int, made: int, stride: int = 1) -> None:
        super().__init__()
        inside = made // 4
        self.conv1 = nn.Conv2d(given, inside, 1)
        self.conv2 = nn.Conv2d(inside, inside, 3, stride=stride, padding=1)
        self.conv3 = nn.Conv2d(inside, made, 1)
        self.norm1 = nn.InstanceNorm2d(inside)
        self.norm2 = nn.InstanceNorm2d(inside)
        self.norm3 = nn.InstanceNorm2d(made)
        self.downsample: nn.Module = nn.Identity()
        if stride > 1:
            self.downsample = nn.Sequential(nn.Conv2d(given, made, 1, stride=stride), nn.InstanceNorm2d(made))

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        y = F.relu(self.norm2(self.conv2(y)))
        return F.relu(self.downsample(x) + F.relu(self.norm3(self.conv3(y))))
