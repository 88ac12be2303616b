"""The grey ResNet-18 by which VBench-2.0 judges Human Identity: 1024 numbers per face, from it and its mirror image.

Input (N, 1, 128, 128) grey levels 0..255, scaled to (x - 127.5) / 127.5; output (N, 512), of which a face has two.
Source: VBench-2.0, human_identity (Vchitect/VBench, Apache-2.0), parameter names of its `resnet_face18` without
squeeze-and-excitation. Weight file: `resnet18_110.pth`, whose names carry the prefix `module.` (`official_names`).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

SIDE = 128
"""Height and width of a face, in pixels."""
FEATURES = 1024
"""Length of an identity vector: face, then mirror image."""

_WIDTHS = (64, 128, 256, 512)
_DEPTH = 2


class ResNetFace(nn.Module):
    """The network; `forward` takes scaled grey faces (N, 1, 128, 128) and returns (N, 512)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, _WIDTHS[0], kernel_size=3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(_WIDTHS[0])
        self.prelu = nn.PReLU()
        self.maxpool = nn.MaxPool2d(kernel_size=2, stride=2)
        before = (_WIDTHS[0], *_WIDTHS)
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            nn.Sequential(
                *(
                    _Block(before[i] if j == 0 else width, width, 2 if i and j == 0 else 1)
                    for j in range(_DEPTH)
                )
            )
            for i, width in enumerate(_WIDTHS)
        )
        self.bn4 = nn.BatchNorm2d(_WIDTHS[-1])
        self.fc5 = nn.Linear(_WIDTHS[-1] * (SIDE // 16) ** 2, FEATURES // 2)
        self.bn5 = nn.BatchNorm1d(FEATURES // 2)

    def forward(self, faces: Tensor) -> Tensor:
        """Half an identity vector per scaled grey face."""
        x = self.maxpool(self.prelu(self.bn1(self.conv1(faces))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.bn5(self.fc5(self.bn4(x).flatten(1)))


class _Block(nn.Module):
    """The first convolution keeps the number of channels; one slope serves both activations."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.bn0 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.prelu = nn.PReLU()
        self.conv2 = nn.Conv2d(channels, width, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = None
        if stride != 1 or channels != width:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, width, kernel_size=1, stride=stride, bias=False), nn.BatchNorm2d(width)
            )

    def forward(self, x: Tensor) -> Tensor:
        inner = self.prelu(self.bn1(self.conv1(self.bn0(x))))
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.prelu(self.bn2(self.conv2(inner)) + shortcut)


def build_resnet_face18() -> ResNetFace:
    """The network of `resnet18_110.pth`, without weights, for inference."""
    network = ResNetFace()
    network.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    return network


def official_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of the official file, which was saved from a wrapped network, under the names used here."""
    return {name.removeprefix("module."): tensor for name, tensor in tensors.items()}


def embed(network: nn.Module, grey: Tensor) -> Tensor:
    """Identity vectors of grey faces, each with its mirror image.

    Args:
        network: a `ResNetFace`, or anything that maps the same tensors.
        grey: (N, 128, 128) levels 0..255 (see `metrics/_face_crops.py`), on the network's device.

    Returns:
        (N, 1024) float32: features of the face, then of its mirror image.
    """
    scaled = ((grey.float() - 127.5) / 127.5)[:, None]
    with torch.inference_mode():
        both: Tensor = network(torch.cat([scaled, scaled.flip(-1)])).float()
    return torch.cat(both.chunk(2), dim=1)
