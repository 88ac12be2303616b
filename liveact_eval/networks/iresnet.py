"""IResNet, the face recognition network of ArcFace: one identity vector per aligned face.

Input (N, 3, 112, 112) RGB levels 0..255 of five-point aligned faces; `scaled` makes (x - 127.5) / 127.5 of them.
Output (N, 512), not normalised: compare by cosine. Source: Deng et al., "ArcFace", CVPR 2019 (arXiv:1801.07698), over
the residual block of Han et al. (arXiv:1610.02915); parameter names of insightface's `arcface_torch`.

Weight files: `w600k_r50.onnx` (pack buffalo_l, `build_iresnet50`) and `glintr100.onnx` (pack antelopev2,
`build_iresnet100`), which `iresnet_onnx.py` reads; `.pth` files of arcface_torch load as they are. Similarities under
different files differ by several hundredths and must not share a column.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIDE = 112
"""Height and width of an aligned face, in pixels."""
FEATURES = 512
"""Length of an identity vector."""
DEPTHS_50 = (3, 4, 14, 3)
"""Blocks per stage of the network with 50 layers."""
DEPTHS_100 = (3, 13, 30, 3)
"""Blocks per stage of the network with 100 layers."""

_WIDTHS = (64, 128, 256, 512)


def scaled(faces: Tensor) -> Tensor:
    """RGB levels 0..255 to the range that the network was trained on, -1..1, float32."""
    return (faces.float() - 127.5) / 127.5


class IResNet(nn.Module):
    """The network; `forward` takes what `scaled` gives, (N, 3, 112, 112), and returns (N, 512)."""

    def __init__(self, depths: tuple[int, int, int, int] = DEPTHS_50) -> None:
        super().__init__()
        self.conv1 = _convolution(3, _WIDTHS[0])
        self.bn1 = nn.BatchNorm2d(_WIDTHS[0])
        self.prelu = nn.PReLU(_WIDTHS[0])
        before = (_WIDTHS[0], *_WIDTHS)
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            nn.Sequential(
                *(_Block(before[i] if j == 0 else _WIDTHS[i], _WIDTHS[i], j == 0) for j in range(n))
            )
            for i, n in enumerate(depths)
        )
        self.bn2 = nn.BatchNorm2d(_WIDTHS[-1])
        self.fc = nn.Linear(_WIDTHS[-1] * (SIDE // 16) ** 2, FEATURES)
        self.features = nn.BatchNorm1d(FEATURES)

    def forward(self, faces: Tensor) -> Tensor:
        """Identity vectors of scaled faces."""
        x = F.prelu(self.bn1(self.conv1(faces)), self.prelu.weight)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.features(self.fc(self.bn2(x).flatten(1)))


class _Block(nn.Module):
    """Batch norm before the first convolution, no activation after the sum; the first of a stage halves the size."""

    def __init__(self, channels: int, width: int, first: bool) -> None:
        super().__init__()
        stride = 2 if first else 1
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv1 = _convolution(channels, width)
        self.bn2 = nn.BatchNorm2d(width)
        self.prelu = nn.PReLU(width)
        self.conv2 = _convolution(width, width, stride)
        self.bn3 = nn.BatchNorm2d(width)
        self.downsample = None
        if first:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, width, kernel_size=1, stride=stride, bias=False), nn.BatchNorm2d(width)
            )

    def forward(self, x: Tensor) -> Tensor:
        inner = self.prelu(self.bn2(self.conv1(self.bn1(x))))
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.bn3(self.conv2(inner)) + shortcut


def _convolution(channels: int, width: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels, width, kernel_size=3, stride=stride, padding=1, bias=False)


def build_iresnet50() -> IResNet:
    """The network of `w600k_r50.onnx`, without weights, for inference."""
    return _built(DEPTHS_50)


def build_iresnet100() -> IResNet:
    """The network of `glintr100.onnx`, without weights, for inference."""
    return _built(DEPTHS_100)


def _built(depths: tuple[int, int, int, int]) -> IResNet:
    # Channels last: a tenth faster on a CPU, and what tensor cores want.
    network = IResNet(depths)
    network.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    return network


def embed(network: nn.Module, faces: Tensor) -> Tensor:
    """Identity vectors of aligned faces.

    Args:
        network: an `IResNet`, or anything that maps the same tensors.
        faces: (N, 112, 112, 3) RGB levels 0..255, bytes or floats, on the network's device.

    Returns:
        (N, 512) float32.
    """
    with torch.inference_mode():
        result: Tensor = network(scaled(faces).permute(0, 3, 1, 2)).float()
    return result
