"""The clip network of the mini tier: features of 16 frames of a drawn head, for FVD.

Trained by this project on talkers (recipe `mini-clip`) to tell what needs time: how mouth and head move, and whether
frames were held, blended, shuffled, or made to jump or flicker. Its numbers are never compared with those of I3D.
Windows are (N, 3, 16, 64, 64) in -1..1: see `to_mini_clips`.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn

from liveact_eval.networks.mini_frame import to_mini_frames
from liveact_eval.networks.seeded import fill_seeded
from liveact_eval.networks.trained_files import load_trained

WINDOW = 16
"""Frames of a window."""
FEATURES = 96
"""Length of the features."""
AT_ONCE = 8
"""Windows per pass."""

_STEM = 16
_CHANNELS = (_STEM, 32, 64, FEATURES)
_SLOWER = (1, 2, 2)
"""Of how many moments each stage makes one."""
_GROUPS = 8
_LEAST_VARIANCE = 1e-4
"""Added to the variance of each feature: one that hardly moves on drawn windows must not outweigh all others."""
_STEPS_TIMES = 4.0
"""What changes from frame to frame is shown beside each frame, so much larger, as most of it is small."""


class MiniClip(nn.Module):
    """Four stages from 16 frames of 64x64 to 4 moments of 4x4, 0.2 million parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(6, _STEM, 5, 2, 2, bias=False)
        self.stem_norm = nn.GroupNorm(_GROUPS, _STEM)
        self.stages = nn.Sequential(
            *(
                _Stage(channels, wider, slower)
                for (channels, wider), slower in zip(pairwise(_CHANNELS), _SLOWER, strict=True)
            )
        )
        self.standard = nn.BatchNorm1d(FEATURES, eps=_LEAST_VARIANCE, affine=False)

    def forward(self, windows: Tensor) -> Tensor:
        """Windows (N, 3, 16, 64, 64) in -1..1 to features (N, 96).

        They have mean 0 and deviation 1 over drawn windows of which half are changed.
        """
        # Folded into pictures: PyTorch has no fast convolution of so few channels over volumes.
        steps = _STEPS_TIMES * windows.diff(dim=2, prepend=windows[:, :, :1])
        maps = self.stem(torch.cat([windows, steps], dim=1).transpose(1, 2).flatten(0, 1))
        clips = maps.unflatten(0, (len(windows), -1)).transpose(1, 2)
        means = self.stages(torch.relu(self.stem_norm(clips))).mean(dim=(2, 3, 4))
        features: Tensor = self.standard(means.float())
        return features


def build_mini_clip() -> MiniClip:
    """The network in evaluation mode, without gradients, with PyTorch's initial weights."""
    network: MiniClip = MiniClip().eval().requires_grad_(False)
    return network


def load_mini_clip(path: Path) -> nn.Module:
    """The network with the weights of a file, in float32.

    Raises:
        UserError: the file cannot be read, or holds another network.
    """
    return load_trained(build_mini_clip(), path)


def seeded_mini_clip() -> nn.Module:
    """The network with weights from a rule, which mean nothing as scores."""
    network = build_mini_clip()
    fill_seeded(network, "mini_clip")
    return network


def to_mini_clips(windows: Tensor) -> Tensor:
    """Windows (N, 16, H, W, 3) of RGB levels 0..255 to (N, 3, 16, 64, 64) in -1..1; see `to_mini_frames`."""
    frames = to_mini_frames(windows.flatten(0, 1))
    return frames.unflatten(0, tuple(windows.shape[:2])).transpose(1, 2)


class _Stage(nn.Module):
    """Space halved by a two-dimensional convolution, then time looked at by a one-dimensional one."""

    def __init__(self, channels: int, wider: int, slower: int) -> None:
        super().__init__()
        self.space = nn.Conv3d(channels, wider, (1, 3, 3), (1, 2, 2), (0, 1, 1), bias=False)
        self.space_norm = nn.GroupNorm(_GROUPS, wider)
        self.time = nn.Conv3d(wider, wider, (3, 1, 1), (slower, 1, 1), (1, 0, 0), bias=False)
        self.time_norm = nn.GroupNorm(_GROUPS, wider)

    def forward(self, x: Tensor) -> Tensor:
        placed = torch.relu(self.space_norm(self.space(x)))
        moved = self.time_norm(self.time(placed))
        # What stands still goes past: every second moment of it where the stage makes one of two.
        return torch.relu(moved + placed[:, :, :: self.time.stride[0]])
