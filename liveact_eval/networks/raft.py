"""RAFT: dense optical flow, behind VBench's dynamic degree.

    RGB (N, 3, H, W) in 0..255, consecutive frames  ->  N - 1 flows (2, H', W') in pixels, H' and W' multiples of 8

Source: princeton-vl/RAFT (BSD-3-Clause), paper arXiv:2003.12039; weights `raft-things.pth`, whose names are those of
this module behind `module.` (`official_weights` takes it off).

Shapes: N frames, P = N - 1 pairs, h = H' / 8, w = W' / 8.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from liveact_eval.networks.correlation import LEVELS, CorrelationPyramid, pad_to_multiple, pixel_grid

RADIUS = 4
"""Radius of the correlation squares."""
ITERATIONS = 20
"""Refinements that VBench asks for."""
_HIDDEN = 128


class Flow(NamedTuple):
    """Flows of P pairs of frames."""

    full: Tensor
    """(P, 2, 8 h, 8 w) x and y in pixels; of the padded frames, as VBench uses it."""
    low: Tensor
    """(P, 2, h, w) before upsampling, in eighths of the resolution."""


def build_raft() -> Raft:
    """The network without trained weights, in evaluation mode, frozen."""
    return Raft().eval().requires_grad_(False)


def official_weights(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The official file's tensors under the names of this module."""
    return {name.removeprefix("module."): tensor for name, tensor in state.items()}


def soften_seeded(network: Raft) -> None:
    """Second step of the rule of seeded weights: without it the flow of a random network explodes."""
    for parameter in network.update_block.flow_head.conv2.parameters():
        parameter.data.mul_(0.02)


class Raft(nn.Module):
    """Recurrent all-pairs field transforms."""

    def __init__(self) -> None:
        super().__init__()
        self.fnet = _Encoder(batch_norm=False)
        self.cnet = _Encoder(batch_norm=True)
        self.update_block = _Update()

    def forward(self, frames: Tensor, iterations: int = ITERATIONS) -> Flow:
        """Flow from each frame to the next; every frame is encoded once.

        Args:
            frames: (N, 3, H, W) in 0..255, N at least 2.
            iterations: refinements, at least 1.
        """
        padded, _ = pad_to_multiple(2 * (frames.float() / 255.0) - 1.0, 8)
        features = self.fnet(padded)
        pyramid = CorrelationPyramid(features[:-1], features[1:])
        state, context = self.cnet(padded[:-1]).split(_HIDDEN, dim=1)
        state, context = torch.tanh(state), F.relu(context)
        start = pixel_grid(state)
        flow = torch.zeros_like(start)
        for _ in range(iterations):
            around = pyramid.lookup(start + flow, RADIUS)
            state, change = self.update_block(state, context, around, flow)
            flow = flow + change
        return Flow(_upsample(flow, 0.25 * self.update_block.mask(state)), flow)


def _upsample(flow: Tensor, mask: Tensor) -> Tensor:
    """Eightfold, each fine pixel a learned convex combination of nine coarse ones."""
    pairs, _, height, width = flow.shape
    weights = mask.view(pairs, 1, 9, 8, 8, height, width).softmax(dim=2)
    neighbours = F.unfold(8 * flow, 3, padding=1).view(pairs, 2, 9, 1, 1, height, width)
    fine = (weights * neighbours).sum(dim=2)
    return fine.permute(0, 1, 4, 2, 5, 3).reshape(pairs, 2, 8 * height, 8 * width)


class _Encoder(nn.Module):
    def __init__(self, *, batch_norm: bool) -> None:
        super().__init__()
        self.norm1 = _norm(64, batch_norm=batch_norm)
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3)
        self.layer1 = _stage(64, 64, stride=1, batch_norm=batch_norm)
        self.layer2 = _stage(64, 96, stride=2, batch_norm=batch_norm)
        self.layer3 = _stage(96, 128, stride=2, batch_norm=batch_norm)
        self.conv2 = nn.Conv2d(128, 2 * _HIDDEN, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm1(self.conv1(x)))
        return self.conv2(self.layer3(self.layer2(self.layer1(x))))


def _norm(channels: int, *, batch_norm: bool) -> nn.Module:
    return nn.BatchNorm2d(channels) if batch_norm else nn.InstanceNorm2d(channels)


def _stage(given: int, made: int, *, stride: int, batch_norm: bool) -> nn.Sequential:
    return nn.Sequential(
        _Residual(given, made, stride=stride, batch_norm=batch_norm),
        _Residual(made, made, stride=1, batch_norm=batch_norm),
    )


class _Residual(nn.Module):
    def __init__(self, given: int, made: int, *, stride: int, batch_norm: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(given, made, 3, stride=stride, padding=1)
        self.conv2 = nn.Conv2d(made, made, 3, padding=1)
        self.norm1 = _norm(made, batch_norm=batch_norm)
        self.norm2 = _norm(made, batch_norm=batch_norm)
        self.downsample: nn.Module = nn.Identity()
        if stride > 1:
            # Official files hold this norm under both names.
            self.norm3 = _norm(made, batch_norm=batch_norm)
            self.downsample = nn.Sequential(nn.Conv2d(given, made, 1, stride=stride), self.norm3)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        y = F.relu(self.norm2(self.conv2(y)))
        return F.relu(self.downsample(x) + y)


class _Update(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = _MotionEncoder()
        self.gru = _SeparableGru()
        self.flow_head = _FlowHead()
        self.mask = nn.Sequential(nn.Conv2d(_HIDDEN, 256, 3, padding=1), nn.ReLU(), nn.Conv2d(256, 9 * 64, 1))

    def forward(self, state: Tensor, context: Tensor, around: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
        motion = self.encoder(around, flow)
        state = self.gru(state, torch.cat([context, motion], dim=1))
        return state, self.flow_head(state)


class _MotionEncoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convc1 = nn.Conv2d(LEVELS * (2 * RADIUS + 1) ** 2, 256, 1)
        self.convc2 = nn.Conv2d(256, 192, 3, padding=1)
        self.convf1 = nn.Conv2d(2, 128, 7, padding=3)
        self.convf2 = nn.Conv2d(128, 64, 3, padding=1)
        self.conv = nn.Conv2d(256, _HIDDEN - 2, 3, padding=1)

    def forward(self, around: Tensor, flow: Tensor) -> Tensor:
        seen = F.relu(self.convc2(F.relu(self.convc1(around))))
        moved = F.relu(self.convf2(F.relu(self.convf1(flow))))
        return torch.cat([F.relu(self.conv(torch.cat([seen, moved], dim=1))), flow], dim=1)


class _SeparableGru(nn.Module):
    """A gated unit along rows, then one along columns."""

    def __init__(self) -> None:
        super().__init__()
        for axis, kernel, padding in (("1", (1, 5), (0, 2)), ("2", (5, 1), (2, 0))):
            for gate in ("z", "r", "q"):
                self.add_module(f"conv{gate}{axis}", nn.Conv2d(3 * _HIDDEN, _HIDDEN, kernel, padding=padding))

    def forward(self, state: Tensor, given: Tensor) -> Tensor:
        for axis in ("1", "2"):
            both = torch.cat([state, given], dim=1)
            update = torch.sigmoid(self.get_submodule(f"convz{axis}")(both))
            reset = torch.sigmoid(self.get_submodule(f"convr{axis}")(both))
            proposed = self.get_submodule(f"convq{axis}")(torch.cat([reset * state, given], dim=1))
            state = (1 - update) * state + update * torch.tanh(proposed)
        return state


class _FlowHead(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(_HIDDEN, 256, 3, padding=1)
        self.conv2 = nn.Conv2d(256, 2, 3, padding=1)

    def forward(self, state: Tensor) -> Tensor:
        return self.conv2(F.relu(self.conv1(state)))
