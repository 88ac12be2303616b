"""Small networks in place of large ones: they take and give tensors of the same shapes, and see all of the picture."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from liveact_eval.networks.provider import Networks

Made = Callable[[], nn.Module]


class _StandIn(nn.Module):
    """Something to ask for a device."""

    def __init__(self) -> None:
        super().__init__()
        self.anchor = nn.Parameter(torch.zeros(1), requires_grad=False)


class Pooled(_StandIn):
    """Features of (N, C, ..., H, W): each plane brought to 8x8, and mixed by a fixed matrix."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, pictures: Tensor) -> Tensor:
        planes = pictures.float().flatten(1, -3)
        small = F.adaptive_avg_pool2d(planes, 8).flatten(1)
        return small @ _mixture(small.shape[1], self.width)


class Flow(NamedTuple):
    """What RAFT gives, as far as it is read."""

    full: Tensor


class Moved(_StandIn):
    """Flow of N + 1 pictures, (N, 2, H, W): their difference."""

    def forward(self, pictures: Tensor) -> Flow:
        return Flow((pictures[1:].float() - pictures[:-1].float())[:, :2] / 16)


class Halfway(_StandIn):
    """The mean of two pictures."""

    def forward(self, before: Tensor, after: Tensor) -> Tensor:
        return (before + after) / 2


class Peaks(_StandIn):
    """Heat maps (N, 68, 64, 64) of pictures (N, 3, 256, 256), with a peak that the picture moves."""

    def forward(self, pictures: Tensor) -> Tensor:
        small = F.adaptive_avg_pool2d(pictures.float(), 64).mean(dim=1, keepdim=True)
        rows = torch.linspace(-1, 1, 64)
        angle = torch.arange(68) * (2 * math.pi / 68)
        x, y = 0.6 * angle.cos(), 0.6 * angle.sin()
        distance = (rows - x[:, None])[:, None, :].square() + (rows - y[:, None])[:, :, None].square()
        return (-8 * distance).exp()[None] * (1 + small)


class Level(_StandIn):
    """One mark per picture, (N,): its mean."""

    def forward(self, pictures: Tensor) -> Tensor:
        return pictures.float().flatten(1).mean(dim=1)


class Mouths(_StandIn):
    """SyncNet's two embeddings, (N, 1024)."""

    def embed_video(self, crops: Tensor) -> Tensor:
        small = F.adaptive_avg_pool2d(crops.float().permute(0, 3, 1, 2), 8).flatten(1)
        seen = small.unfold(0, 5, 1).flatten(1)
        return seen @ _mixture(seen.shape[1], 1024) / 255

    def embed_audio(self, steps: Tensor) -> Tensor:
        heard = steps.float().flatten(1)
        return heard @ _mixture(heard.shape[1], 1024) / 10


STAND_INS: dict[str, Made] = {
    "amt_s": Halfway,
    "clip_vitb32": lambda: Pooled(512),
    "clip_vitl14": lambda: Pooled(768),
    "dino_vitb16": lambda: Pooled(768),
    "fan": Peaks,
    "i3d": lambda: Pooled(24),
    "i3d_script": lambda: Pooled(24),
    "inception": lambda: Pooled(64),
    "inception_script": lambda: Pooled(64),
    "iresnet50": lambda: Pooled(512),
    "musiq": Level,
    "raft": Moved,
    "resnet_face18": lambda: Pooled(512),
    "syncnet": Mouths,
    "videomae_g": lambda: Pooled(24),
}
"""By the network's name; all others run with weights from a rule."""


@functools.cache
def stand_in(name: str) -> nn.Module:
    """The stand-in of that name, or the network itself with weights from a rule."""
    if name in STAND_INS:
        return STAND_INS[name]().eval()
    return Networks(mode="seeded").get(name)


def use_stand_ins() -> None:
    """Networks of this process come from here from now on: for a process that does nothing else."""
    patch = pytest.MonkeyPatch()
    install(patch)


def install(patch: pytest.MonkeyPatch) -> None:
    """Networks come from here while the patch lasts."""
    original = Networks.get

    def get(self: Networks, name: str) -> nn.Module:
        return stand_in(name) if name in STAND_INS else original(self, name)

    patch.setattr(Networks, "get", get)


@functools.cache
def _mixture(before: int, after: int) -> Tensor:
    generator = torch.Generator().manual_seed(before)
    return torch.randn(before, after, generator=generator) / math.sqrt(before)
