"""I3D on RGB, Kinetics-400: the network of FVD. Its feature is the 400 logits before softmax.

Input (N, 3, T, 224, 224) RGB in -1..1, T of at least 9 frames; output (N, 400), the logits averaged over
ceil(T / 8) - 1 time steps. Source: Carreira and Zisserman, CVPR 2017; padding is TensorFlow's "same".

Weight files: `i3d_pretrained_400.pt` (lineage of VideoGPT and TATS) for `build_i3d`; `i3d_torchscript.pt` (a copy of
the TF-Hub module of the original FVD) for `scripted.py`. The two are different trainings: two recipes.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FEATURES = 400
SIDE = 224
LEAST_FRAMES = 9
"""Fewest frames that leave one time step: stride 8 and a last window of two steps."""

Triple = tuple[int, int, int]
# Channels of each mixed block: 1x1, then 1x1 and 3x3, then 1x1 and 3x3, then 1x1 after the pool.
_MIXED = {
    "3b": (64, (96, 128), (16, 32), 32),
    "3c": (128, (128, 192), (32, 96), 64),
    "4b": (192, (96, 208), (16, 48), 64),
    "4c": (160, (112, 224), (24, 64), 64),
    "4d": (128, (128, 256), (24, 64), 64),
    "4e": (112, (144, 288), (32, 64), 64),
    "4f": (256, (160, 320), (32, 128), 128),
    "5b": (256, (160, 320), (32, 128), 128),
    "5c": (384, (192, 384), (48, 128), 128),
}


class Unit3d(nn.Module):
    """Convolution with "same" padding, batch norm and ReLU; or, for the logits, a convolution with bias alone."""

    def __init__(self, channels_in: int, channels: int, kernel: int, *, stride: int = 1, plain: bool = False,
                 eps: float) -> None:  # fmt: skip
        super().__init__()
        self._kernel, self._stride = (kernel,) * 3, (stride,) * 3
        self.conv3d = nn.Conv3d(channels_in, channels, kernel, stride, bias=plain)
        if not plain:
            self.bn = nn.BatchNorm3d(channels, eps=eps)
        self._plain = plain

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, T, H, W) to (N, channels, T', H', W')."""
        front, padding = _same(x, self._kernel, self._stride)
        if front is not None:
            x = F.pad(x, front)
        x = F.conv3d(x, self.conv3d.weight, self.conv3d.bias, self._stride, padding)
        return x if self._plain else F.relu(self.bn(x), inplace=True)


class Mixed3d(nn.Module):
    """Four branches joined along the channels, under the names of the official files."""

    def __init__(self, channels_in: int, name: str, eps: float) -> None:
        super().__init__()
        first, second, third, fourth = _MIXED[name]
        self.b0 = Unit3d(channels_in, first, 1, eps=eps)
        self.b1a = Unit3d(channels_in, second[0], 1, eps=eps)
        self.b1b = Unit3d(second[0], second[1], 3, eps=eps)
        self.b2a = Unit3d(channels_in, third[0], 1, eps=eps)
        self.b2b = Unit3d(third[0], third[1], 3, eps=eps)
        self.b3b = Unit3d(channels_in, fourth, 1, eps=eps)
        self.channels = first + second[1] + third[1] + fourth

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, T, H, W) to (N, `channels`, T, H, W)."""
        pooled = _pool(x, (3, 3, 3), (1, 1, 1))
        return torch.cat([self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), self.b3b(pooled)], dim=1)


class I3D(nn.Module):
    """See the module.

    Args:
        eps: of the batch norms. 1e-5 is that of the PyTorch files in circulation; TensorFlow's was 1e-3.
    """

    def __init__(self, eps: float = 1e-5) -> None:
        super().__init__()
        self.Conv3d_1a_7x7 = Unit3d(3, 64, 7, stride=2, eps=eps)
        self.Conv3d_2b_1x1 = Unit3d(64, 64, 1, eps=eps)
        self.Conv3d_2c_3x3 = Unit3d(64, 192, 3, eps=eps)
        channels = 192
        for name in _MIXED:
            block = Mixed3d(channels, name, eps)
            self.add_module(f"Mixed_{name}", block)
            channels = block.channels
        self.logits = Unit3d(channels, FEATURES, 1, plain=True, eps=eps)

    def forward(self, clips: Tensor) -> Tensor:
        """RGB in -1..1, (N, 3, T, 224, 224), to logits (N, 400)."""
        # A CPU gains nothing from a batch of clips, and its kernels depend on the size of the batch, which shows in
        # the sixth digit: one clip at a time gives the same numbers in any batching.
        parts = clips.split(1) if clips.device.type == "cpu" else (clips,)
        return torch.cat([self.head(self.pooled(part)) for part in parts])

    def head(self, pooled: Tensor) -> Tensor:
        """What `pooled` gives, (N, 1024, time steps, 1, 1), to logits (N, 400)."""
        return self.logits(pooled).mean(dim=(2, 3, 4))

    def pooled(self, clips: Tensor) -> Tensor:
        """The 1024 channels under the logits, (N, 1024, time steps, 1, 1); not the feature of FVD.

        Raises:
            ValueError: another size of pictures, or too few frames.
        """
        if (
            clips.ndim != 5
            or clips.shape[1] != 3
            or clips.shape[2] < LEAST_FRAMES
            or clips.shape[3:] != (SIDE, SIDE)
        ):
            expected = f"(N, 3, at least {LEAST_FRAMES}, {SIDE}, {SIDE})"
            raise ValueError(f"clips of shape {tuple(clips.shape)}, expected {expected}")
        x = self.Conv3d_1a_7x7(clips.contiguous(memory_format=torch.channels_last_3d))
        x = _pool(x, (1, 3, 3), (1, 2, 2))
        x = self.Conv3d_2c_3x3(self.Conv3d_2b_1x1(x))
        x = _pool(x, (1, 3, 3), (1, 2, 2))
        x = self.Mixed_3c(self.Mixed_3b(x))
        x = _pool(x, (3, 3, 3), (2, 2, 2))
        for name in ("4b", "4c", "4d", "4e", "4f"):
            x = self.get_submodule(f"Mixed_{name}")(x)
        x = _pool(x, (2, 2, 2), (2, 2, 2))
        x = self.Mixed_5c(self.Mixed_5b(x))
        return F.avg_pool3d(x, (2, 7, 7), stride=1)


def build_i3d(eps: float = 1e-5) -> I3D:
    """The network with arbitrary weights, in eval mode and without gradients."""
    return I3D(eps).eval().requires_grad_(False).to(memory_format=torch.channels_last_3d)


def _pool(x: Tensor, kernel: Triple, stride: Triple) -> Tensor:
    """Maximum with "same" padding by zeros, which the input, coming from a ReLU, never falls below.

    Over the picture and then over time: the two-dimensional pool works on all channels of a pixel at once and is
    several times as fast on a CPU as the three-dimensional one.
    """
    batch, _, frames, *_ = x.shape
    before = [_before(size, k, s) for size, k, s in zip(x.shape[2:], kernel, stride, strict=True)]
    pictures = x.transpose(1, 2).flatten(0, 1)
    pictures = F.max_pool2d(pictures, kernel[1:], stride[1:], before[1:], ceil_mode=True)
    x = pictures.unflatten(0, (batch, frames)).transpose(1, 2)
    if kernel[0] == 1:
        return x
    steps = -(-frames // stride[0])
    last = (steps - 1) * stride[0]
    x = F.pad(x, [0, 0, 0, 0, before[0], max(last + kernel[0] - before[0] - frames, 0)])
    shifted = [x[:, :, j : j + last + 1 : stride[0]] for j in range(kernel[0])]
    highest = shifted[0]
    for other in shifted[1:]:
        highest = torch.maximum(highest, other)
    return highest


def _before(size: int, kernel: int, stride: int) -> int:
    return _total(size, kernel, stride) // 2


def _total(size: int, kernel: int, stride: int) -> int:
    return max(kernel - (size % stride or stride), 0)


def _same(x: Tensor, kernel: Triple, stride: Triple) -> tuple[list[int] | None, Triple]:
    """TensorFlow's "same" padding: explicit where it is one longer at the end, else left to the operation."""
    total = [_total(size, k, s) for size, k, s in zip(x.shape[2:], kernel, stride, strict=True)]
    before = [both // 2 for both in total]
    after = [both - half for both, half in zip(total, before, strict=True)]
    if before == after:
        return None, (before[0], before[1], before[2])
    return [before[2], after[2], before[1], after[1], before[0], after[0]], (0, 0, 0)
