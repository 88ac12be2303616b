"""FAN, the landmark network: four stacked hourglasses give a heat map for each of 68 points.

Input: RGB pictures (N, 3, 256, 256) in 0..1, cut around a face (`measure/head_crops.py`). Output: heat maps
(N, 68, 64, 64) of the last hourglass, highest where a point lies. Source: Bulat and Tzimiropoulos, "How far are we from
solving the 2D & 3D face alignment problem?", ICCV 2017; layer names as in face-alignment 1.5.0 (BSD-3-Clause). Weights:
`2DFAN4-11f355bf06.pth.tar`, a plain state dict under these very names.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIDE = 256
"""Side of the pictures that it takes, in pixels."""
MAP_SIDE = 64
"""Side of a heat map."""
POINTS = 68
"""Landmarks of a face, in the order of iBUG 300-W."""
STACKS = 4
"""Hourglasses of the published network."""
DEPTH = 4
"""How often an hourglass halves its picture."""

_WIDTH = 256
_NUDGE = 0.25


class Block(nn.Module):
    """Three convolutions, each of the one before, side by side in half, a quarter and a quarter of the channels."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        widths = (channels, out // 2, out // 4, out // 4)
        for n in (1, 2, 3):
            self.add_module(f"bn{n}", nn.BatchNorm2d(widths[n - 1]))
            self.add_module(f"conv{n}", nn.Conv2d(widths[n - 1], widths[n], 3, padding=1, bias=False))
        self.downsample: nn.Sequential | None = None
        if channels != out:
            self.downsample = nn.Sequential(
                nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, out, 1, bias=False)
            )

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) to (N, out, H, W)."""
        found, parts = x, []
        for n in (1, 2, 3):
            found = self.get_submodule(f"bn{n}")(found).relu()
            found = self.get_submodule(f"conv{n}")(found)
            parts.append(found)
        return torch.cat(parts, dim=1) + (x if self.downsample is None else self.downsample(x))


class Hourglass(nn.Module):
    """A picture halved again and again and brought back, with what each size has seen added on the way."""

    def __init__(self, depth: int, width: int) -> None:
        super().__init__()
        self.depth = depth
        for level in range(depth, 0, -1):
            for part in ("b1", "b2", "b3"):
                self.add_module(f"{part}_{level}", Block(width, width))
        self.b2_plus_1 = Block(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, H, W) to the same; sides are multiples of 2 to the depth."""
        return self._level(x, self.depth)

    def _level(self, x: Tensor, level: int) -> Tensor:
        small = self.get_submodule(f"b2_{level}")(F.avg_pool2d(x, 2))
        small = self._level(small, level - 1) if level > 1 else self.b2_plus_1(small)
        small = self.get_submodule(f"b3_{level}")(small)
        beside: Tensor = self.get_submodule(f"b1_{level}")(x)
        return beside + F.interpolate(small, scale_factor=2, mode="nearest")


class FAN(nn.Module):
    """The network alone: no face finding, no crops, no points."""

    def __init__(self, stacks: int = STACKS, width: int = _WIDTH, depth: int = DEPTH) -> None:
        super().__init__()
        self.stacks = stacks
        self.conv1 = nn.Conv2d(3, width // 4, 7, stride=2, padding=3)
        self.bn1 = nn.BatchNorm2d(width // 4)
        self.conv2 = Block(width // 4, width // 2)
        self.conv3 = Block(width // 2, width // 2)
        self.conv4 = Block(width // 2, width)
        for n in range(stacks):
            self.add_module(f"m{n}", Hourglass(depth, width))
            self.add_module(f"top_m_{n}", Block(width, width))
            self.add_module(f"conv_last{n}", nn.Conv2d(width, width, 1))
            self.add_module(f"bn_end{n}", nn.BatchNorm2d(width))
            self.add_module(f"l{n}", nn.Conv2d(width, POINTS, 1))
            if n < stacks - 1:
                self.add_module(f"bl{n}", nn.Conv2d(width, width, 1))
                self.add_module(f"al{n}", nn.Conv2d(POINTS, width, 1))

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures (N, 3, 256, 256) in 0..1 to heat maps (N, 68, 64, 64), not normalised."""
        x = self.bn1(self.conv1(pictures)).relu()
        x = self.conv4(self.conv3(F.avg_pool2d(self.conv2(x), 2)))
        for n in range(self.stacks):
            seen = self.get_submodule(f"top_m_{n}")(self.get_submodule(f"m{n}")(x))
            seen = self.get_submodule(f"bn_end{n}")(self.get_submodule(f"conv_last{n}")(seen)).relu()
            maps: Tensor = self.get_submodule(f"l{n}")(seen)
            if n < self.stacks - 1:
                x = x + self.get_submodule(f"bl{n}")(seen) + self.get_submodule(f"al{n}")(maps)
        return maps


def build_fan() -> FAN:
    """The network in evaluation mode, without gradients, with PyTorch's initial weights."""
    network: FAN = FAN().eval().requires_grad_(False)
    return network


def normalise(rgb: Tensor) -> Tensor:
    """RGB levels (N, H, W, 3), any type, to the network's input (N, 3, H, W)."""
    return rgb.permute(0, 3, 1, 2).float() / 255


def points_of(maps: Tensor, *, fine: bool = False) -> Tensor:
    """Where heat maps are highest, (N, K, 2) x, y as shares of the map, 0..1 from its outer edges.

    The highest cell's middle, moved a quarter of a cell towards the higher neighbour along each axis, as face-alignment
    does; a cell at the edge of the map is not moved. So points come in steps of half a cell.

    Args:
        maps: (N, K, H, W).
        fine: move to the top of the bell through the cell and its two neighbours instead, a parabola of the logarithms,
            where all three are above 0 (after Zhang et al., "Distribution-aware coordinate representation for human
            pose estimation", CVPR 2020).
    """
    height, width = maps.shape[-2:]
    flat = maps.flatten(2)
    best = flat.argmax(dim=2)
    column, row = best % width, best.div(width, rounding_mode="floor")
    inside = (column > 0) & (column < width - 1) & (row > 0) & (row < height - 1)
    at = best.where(inside, width + 1)
    found = []
    for cell, step, length in ((column, 1, width), (row, width, height)):
        before, here, after = (flat.gather(2, (at + move)[..., None])[..., 0] for move in (-step, 0, step))
        moved = (after - before).sign() * _NUDGE
        if fine:
            moved = _bell_top(before, here, after, moved)
        found.append((cell + 0.5 + moved.where(inside, moved.new_zeros(()))) / length)
    return torch.stack(found, dim=-1)


def _bell_top(before: Tensor, here: Tensor, after: Tensor, otherwise: Tensor) -> Tensor:
    """Top of the bell through three neighbouring values from the middle one, in -0.5..0.5, where there is one."""
    least = torch.minimum(before, after)
    a, b, c = (value.where(least > 0, 1.0).log() for value in (before, here, after))
    curvature = a - 2 * b + c
    fits = (least > 0) & (curvature < 0)
    top = (a - c) / (2 * curvature.where(fits, -1.0))
    return top.clamp(-0.5, 0.5).where(fits, otherwise)
