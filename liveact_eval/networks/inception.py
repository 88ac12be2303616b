"""The Inception-v3 of FID: the 2015-12-05 TensorFlow graph, not the ImageNet weights of torchvision.

Input (N, 3, 299, 299) RGB levels 0..255, already resized (see `metrics/_fid_resize.py`); output (N, 2048), the global
average of the last block. Source: Szegedy et al., CVPR 2016; the graph's own departures from the paper are the
average pools that leave out the padding and the maximum in the pool branch of the very last block.

Weight files: `pt_inception-2015-12-05-6726825d.pth` (release asset of pytorch-fid) for `build_inception`,
`inception-2015-12-05.pt` (TorchScript, NVIDIA's metrics folder) for `scripted.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FEATURES = 2048
SIDE = 299
"""Height and width that the network was made for, in pixels."""
_BN_EPS = 1e-3

Kernel = int | tuple[int, int]
Pool = Literal["average", "maximum", "shrink"]
Held = TypeVar("Held")
"""A tensor, or a promise of one."""


@dataclass(frozen=True)
class _Conv:
    name: str
    channels: int
    kernel: Kernel
    stride: int = 1


Stage = tuple[_Conv, ...]
"""Convolutions side by side on one input; their outputs are joined."""
Branch = tuple[Stage, ...]


class ConvNorm(nn.Module):
    """Convolution without bias, batch norm, ReLU. Padded to keep the size at stride 1, else not padded."""

    def __init__(
        self, channels_in: int, channels: int, kernel: Kernel, stride: int = 1, pad: bool = True
    ) -> None:
        super().__init__()
        sides = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (sides[0] // 2, sides[1] // 2) if pad and stride == 1 else 0
        self.conv = nn.Conv2d(channels_in, channels, sides, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(channels, eps=_BN_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, channels, H', W')."""
        return F.relu(self.bn(self.conv(x)), inplace=True)


class Mixed(nn.Module):
    """Branches of convolutions on one input and a pool branch, joined along the channels in this order."""

    def __init__(
        self, channels_in: int, branches: tuple[Branch, ...], pool: Pool, projected: int | None
    ) -> None:
        super().__init__()
        self._branches, self._pool = branches, pool
        self.channels = 0
        for branch in branches:
            width = channels_in
            for stage in branch:
                for conv in stage:
                    self.add_module(conv.name, ConvNorm(width, conv.channels, conv.kernel, conv.stride))
                width = sum(conv.channels for conv in stage)
            self.channels += width
        self.branch_pool = ConvNorm(channels_in, projected, 1) if projected else None
        self.channels += projected or channels_in

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, `channels`, H', W')."""
        joined = []
        for branch in self._branches:
            y = x
            for stage in branch:
                outputs = [self.get_submodule(conv.name)(y) for conv in stage]
                y = outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=1)
            joined.append(y)
        pooled = _pool(x, self._pool)
        joined.append(self.branch_pool(pooled) if self.branch_pool is not None else pooled)
        return torch.cat(joined, dim=1)


class FIDInception(nn.Module):
    """See the module. `blocks` are the four parts of the network as pytorch-fid cuts and names them."""

    def __init__(self) -> None:
        super().__init__()
        stem = nn.Sequential(
            ConvNorm(3, 32, 3, 2), ConvNorm(32, 32, 3, pad=False), ConvNorm(32, 64, 3), nn.MaxPool2d(3, 2)
        )
        second = nn.Sequential(ConvNorm(64, 80, 1), ConvNorm(80, 192, 3, pad=False), nn.MaxPool2d(3, 2))
        third, channels = _sequence(192, [*_LARGE, _SHRINK_LARGE, *_MIDDLE])
        last, _ = _sequence(channels, [_SHRINK_MIDDLE, *_SMALL])
        self.blocks = nn.ModuleList([stem, second, third, last])

    def forward(self, levels: Tensor) -> Tensor:
        """RGB levels (N, 3, 299, 299) in 0..255 to features (N, 2048), float32."""
        return self.stages(levels)[-1].mean(dim=(2, 3))

    def stages(self, levels: Tensor) -> list[Tensor]:
        """The outputs of the four blocks before any averaging: 64, 192, 768 and 2048 channels.

        Raises:
            ValueError: pictures of another size.
        """
        if levels.ndim != 4 or levels.shape[1:] != (3, SIDE, SIDE):
            raise ValueError(
                f"pictures of shape {tuple(levels.shape)}, expected (N, 3, {SIDE}, {SIDE}), resized"
            )
        x = (levels.float() / 255 * 2 - 1).contiguous(memory_format=torch.channels_last)
        outputs = []
        for block in self.blocks:
            x = block(x)
            outputs.append(x)
        return outputs


def build_inception() -> FIDInception:
    """The network with arbitrary weights, in eval mode and without gradients."""
    return FIDInception().eval().requires_grad_(False).to(memory_format=torch.channels_last)


def from_pytorch_fid(tensors: Mapping[str, Held]) -> dict[str, Held]:
    """State of pytorch-fid's weight file under the names here; its classifier is left out."""
    renamed = {}
    for key, tensor in tensors.items():
        if key.startswith(("fc.", "AuxLogits.")):
            continue
        layer, _, rest = key.partition(".")
        renamed[f"{_PYTORCH_FID.get(layer, layer)}.{rest}"] = tensor
    return renamed


def _pool(x: Tensor, kind: Pool) -> Tensor:
    if kind == "average":
        return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
    if kind == "maximum":
        return F.max_pool2d(x, 3, stride=1, padding=1)
    return F.max_pool2d(x, 3, stride=2)


def _sequence(
    channels: int, blocks: list[tuple[tuple[Branch, ...], Pool, int | None]]
) -> tuple[nn.Sequential, int]:
    made = nn.Sequential()
    for branches, pool, projected in blocks:
        block = Mixed(channels, branches, pool, projected)
        made.append(block)
        channels = block.channels
    return made, channels


def _chain(name: str, *layers: tuple[str, int, Kernel], last_stride: int = 1) -> Branch:
    """A branch of single convolutions; a layer is its suffix, channels and kernel."""
    strides = [1] * (len(layers) - 1) + [last_stride]
    return tuple((_Conv(f"{name}{suffix}", channels, kernel, stride),)
                 for (suffix, channels, kernel), stride in zip(layers, strides, strict=True))  # fmt: skip


def _large(projected: int) -> tuple[tuple[Branch, ...], Pool, int | None]:
    branches = (
        _chain("branch1x1", ("", 64, 1)),
        _chain("branch5x5", ("_1", 48, 1), ("_2", 64, 5)),
        _chain("branch3x3dbl", ("_1", 64, 1), ("_2", 96, 3), ("_3", 96, 3)),
    )
    return branches, "average", projected


def _middle(width: int) -> tuple[tuple[Branch, ...], Pool, int | None]:
    row, column = (1, 7), (7, 1)
    branches = (
        _chain("branch1x1", ("", 192, 1)),
        _chain("branch7x7", ("_1", width, 1), ("_2", width, row), ("_3", 192, column)),
        _chain("branch7x7dbl", ("_1", width, 1), ("_2", width, column), ("_3", width, row), ("_4", width, column),
               ("_5", 192, row)),
    )  # fmt: skip
    return branches, "average", 192


def _small(pool: Pool) -> tuple[tuple[Branch, ...], Pool, int | None]:
    def fork(name: str) -> Stage:
        return (_Conv(f"{name}a", 384, (1, 3)), _Conv(f"{name}b", 384, (3, 1)))

    branches = (
        _chain("branch1x1", ("", 320, 1)),
        (*_chain("branch3x3", ("_1", 384, 1)), fork("branch3x3_2")),
        (*_chain("branch3x3dbl", ("_1", 448, 1), ("_2", 384, 3)), fork("branch3x3dbl_3")),
    )
    return branches, pool, 192


_LARGE = [_large(32), _large(64), _large(64)]
_MIDDLE = [_middle(128), _middle(160), _middle(160), _middle(192)]
_SMALL = [_small("average"), _small("maximum")]
_SHRINK_LARGE: tuple[tuple[Branch, ...], Pool, int | None] = (
    (
        _chain("branch3x3", ("", 384, 3), last_stride=2),
        _chain("branch3x3dbl", ("_1", 64, 1), ("_2", 96, 3), ("_3", 96, 3), last_stride=2),
    ),
    "shrink",
    None,
)
_SHRINK_MIDDLE: tuple[tuple[Branch, ...], Pool, int | None] = (
    (
        _chain("branch3x3", ("_1", 192, 1), ("_2", 320, 3), last_stride=2),
        _chain(
            "branch7x7x3",
            ("_1", 192, 1),
            ("_2", 192, (1, 7)),
            ("_3", 192, (7, 1)),
            ("_4", 192, 3),
            last_stride=2,
        ),
    ),
    "shrink",
    None,
)
_PYTORCH_FID = {
    "Conv2d_1a_3x3": "blocks.0.0",
    "Conv2d_2a_3x3": "blocks.0.1",
    "Conv2d_2b_3x3": "blocks.0.2",
    "Conv2d_3b_1x1": "blocks.1.0",
    "Conv2d_4a_3x3": "blocks.1.1",
    **{
        f"Mixed_{name}": f"blocks.2.{i}"
        for i, name in enumerate(("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e"))
    },
    **{f"Mixed_{name}": f"blocks.3.{i}" for i, name in enumerate(("7a", "7b", "7c"))},
}
