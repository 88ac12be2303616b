"""The frame network of the mini tier: one small look at a drawn head for FID, identity and the mouth.

Trained by this project on talkers (recipe `mini-frame`). A shared trunk gives features, which notice blur and noise as
much as faces; two heads are trained not to. Its numbers say nothing about photographs, and are never compared with
those of the networks of papers. Pictures are (N, 3, 64, 64) in -1..1: see `to_mini_frames`.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from liveact_eval.networks.seeded import fill_seeded
from liveact_eval.networks.trained_files import load_trained

SIDE = 64
"""Height and width of a picture in pixels."""
FEATURES = 128
"""Length of the features for FID."""
IDENTITY = 64
"""Length of an identity vector."""
MOUTH = 3
"""Opening, width and rounding."""
AT_ONCE = 32
"""Pictures per pass."""

_STEM, _FINE, _COARSE = 24, 48, 80
_SQUEEZED = 16
_GROUPS = 8
_LEAST_VARIANCE = 1e-4
"""Added to the variance of each feature: one that hardly moves on drawn pictures must not outweigh all others."""


class FrameReading(NamedTuple):
    """What the network sees in N pictures."""

    features: Tensor
    """(N, 128), for FID; of mean 0 and deviation 1 over drawn pictures of which half are degraded."""
    identity: Tensor
    """(N, 64), of length 1: its scalar product with another one is their cosine."""
    mouth: Tensor
    """(N, 3): opening, width and rounding of the mouth, 0..1."""


class MiniFrame(nn.Module):
    """Four stages from 64x64 to 8x8, 0.4 million parameters.

    Group norms between the stages: a training step shows few speakers, whose moments are not those of all.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, _STEM, 5, 2, 2, bias=False), nn.GroupNorm(_GROUPS, _STEM), nn.ReLU()
        )
        self.fine = _Residual(_STEM, _FINE, 2)
        self.coarse = nn.Sequential(_Residual(_FINE, _COARSE, 2), _Residual(_COARSE, _COARSE, 1))
        # Group norms leave little variance to means of maps: without this, readers of features would learn slowly.
        self.standard = nn.BatchNorm1d(FEATURES, eps=_LEAST_VARIANCE, affine=False)
        self.identity = _placed_head(96, IDENTITY)
        self.mouth = _placed_head(64, MOUTH)

    def forward(self, pictures: Tensor) -> FrameReading:
        """Pictures (N, 3, 64, 64) in -1..1."""
        fine = self.fine(self.stem(pictures))
        coarse = self.coarse(fine)
        # Means of the finer maps see grain and softness, those of the coarser ones see what is shown.
        features = self.standard(torch.cat([fine.mean(dim=(2, 3)), coarse.mean(dim=(2, 3))], dim=1).float())
        identity = F.normalize(self.identity(coarse).float(), dim=1)
        return FrameReading(features, identity, self.mouth(coarse).sigmoid())


def build_mini_frame() -> MiniFrame:
    """The network in evaluation mode, without gradients, with PyTorch's initial weights."""
    network: MiniFrame = MiniFrame().eval().requires_grad_(False)
    return network


def load_mini_frame(path: Path) -> nn.Module:
    """The network with the weights of a file, in float32.

    Raises:
        UserError: the file cannot be read, or holds another network.
    """
    return load_trained(build_mini_frame(), path)


def seeded_mini_frame() -> nn.Module:
    """The network with weights from a rule, which mean nothing as scores."""
    network = build_mini_frame()
    fill_seeded(network, "mini_frame")
    return network


def to_mini_frames(pictures: Tensor) -> Tensor:
    """Pictures as the networks of the mini tier take them.

    Args:
        pictures: (N, H, W, 3) RGB levels 0..255, uint8 or float. Other sizes than 64x64 are resized bilinearly with
            antialiasing, whatever their shape.

    Returns:
        (N, 3, 64, 64) float32 in -1..1.
    """
    planes = pictures.permute(0, 3, 1, 2).float()
    if planes.shape[2:] != (SIDE, SIDE):
        planes = F.interpolate(planes, (SIDE, SIDE), mode="bilinear", align_corners=False, antialias=True)
    return planes / 127.5 - 1


class _Residual(nn.Module):
    """Two 3x3 convolutions and a way past them."""

    def __init__(self, channels: int, wider: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, wider, 3, stride, 1, bias=False)
        self.first_norm = nn.GroupNorm(_GROUPS, wider)
        self.second = nn.Conv2d(wider, wider, 3, 1, 1, bias=False)
        self.second_norm = nn.GroupNorm(_GROUPS, wider)
        self.past = (
            nn.Identity()
            if stride == 1 and channels == wider
            else nn.Conv2d(channels, wider, 1, stride, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu(self.first_norm(self.first(x)))
        return F.relu(self.second_norm(self.second(inner)) + self.past(x))


def _placed_head(width: int, out: int) -> nn.Sequential:
    """A head that knows where in the picture something is: the map is not averaged but squeezed."""
    return nn.Sequential(
        nn.Conv2d(_COARSE, _SQUEEZED, 1),
        nn.Flatten(),
        nn.ReLU(),
        nn.Linear(_SQUEEZED * (SIDE // 8) ** 2, width),
        nn.ReLU(),
        nn.Linear(width, out),
    )
