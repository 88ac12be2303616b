"""AMT-S: the frame half-way between two others, behind VBench's motion smoothness.

    RGB (B, 3, H, W) in 0..1, twice  ->  (B, 3, H, W) in 0..1

Sides are multiples of 16 (`pad_to_multiple`). Source: MCG-NKU/AMT (CC BY-NC 4.0: the trained weights are for research
only), paper arXiv:2304.09790; weights `amt-s.pth`, whose `state_dict` has the names of this module.

Both flows start at the frame that is made and end in the given frames; they are refined from an eighth of the size to
a half (three updates), and three of them are combined at full size.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from liveact_eval.networks._amt_encoder import CorrelationEncoder
from liveact_eval.networks.correlation import LEVELS, CorrelationPyramid, pixel_grid, sample

MULTIPLE = 16
"""Of which both sides must be multiples."""
RADIUS = 3
"""Radius of the correlation squares."""
_CHANNELS = (20, 32, 44, 56)
_SIDE = 20
_FLOWS = 3
_HIDDEN = 76


def build_amt_s() -> AmtS:
    """The network without trained weights, in evaluation mode, frozen."""
    return AmtS().eval().requires_grad_(False)


def soften_seeded(network: AmtS) -> None:
    """Second step of the rule of seeded weights: without it the flows of a random network explode."""
    for name, part in network.named_children():
        if name.startswith(("decoder", "update", "comb_block")):
            for parameter in part.parameters():
                if parameter.dim() >= 2:
                    parameter.data.mul_(0.3)


class AmtS(nn.Module):
    """All-pairs multi-field transforms, small."""

    def __init__(self) -> None:
        super().__init__()
        first, second, third, fourth = _CHANNELS
        self.feat_encoder = CorrelationEncoder()
        self.encoder = _Pyramid()
        self.decoder4 = _Decoder(2 * fourth + 1, 2 * fourth, third + 4)
        self.decoder3 = _Decoder(3 * third + 4, 3 * third, second + 4)
        self.decoder2 = _Decoder(3 * second + 4, 3 * second, first + 4)
        self.decoder1 = _Decoder(3 * first + 4, 3 * first, 8 * _FLOWS)
        self.update4 = _Update(third, shrink=1)
        self.update3 = _Update(second, shrink=2)
        self.update2 = _Update(first, shrink=4)
        self.comb_block = nn.Sequential(
            nn.Conv2d(3 * _FLOWS, 6 * _FLOWS, 3, padding=1),
            nn.PReLU(6 * _FLOWS),
            nn.Conv2d(6 * _FLOWS, 3, 3, padding=1),
        )

    def forward(self, before: Tensor, after: Tensor, time: float = 0.5) -> Tensor:
        """The frame at `time` between 0 (`before`) and 1 (`after`), both excluded.

        Raises:
            ValueError: sides that are no multiples of 16.
        """
        if before.shape[-1] % MULTIPLE or before.shape[-2] % MULTIPLE:
            raise ValueError(f"frames of {tuple(before.shape[-2:])}; multiples of {MULTIPLE} are expected")
        mean = torch.stack([before, after]).mean(dim=(0, 2, 3, 4))[:, None, None, None]
        before, after = before - mean, after - mean
        # Both frames in one batch: half the calls, and instance norms do not mix them.
        both = torch.cat([before, after])
        sides = [torch.chunk(level, 2) for level in self.encoder(both)]
        here, there = torch.chunk(self.feat_encoder(both), 2)
        look = _Look(here, there, time)

        instant = before.new_full((1, 1, 1, 1), time).expand(len(before), 1, *sides[3][0].shape[-2:])
        made = self.decoder4(torch.cat([*sides[3], instant], dim=1))
        flows, state = made.split([4, made.shape[1] - 4], dim=1)
        flows, state = self.update4(state, flows, look)
        for decoder, update, level in ((self.decoder3, self.update3, 2), (self.decoder2, self.update2, 1)):
            made = decoder(_warped(state, sides[level], flows))
            change, state = made.split([4, made.shape[1] - 4], dim=1)
            flows, state = update(state, change + 2 * _resize(flows, 2), look)
        made = self.decoder1(_warped(state, sides[0], flows))
        return self._combine(before, after, mean, made, 2 * _resize(flows, 2)).clamp(0, 1)

    def _combine(self, before: Tensor, after: Tensor, mean: Tensor, made: Tensor, flows: Tensor) -> Tensor:
        """Three candidates by three pairs of flows, each blended by its mask; their mean and a correction."""
        batch, _, height, width = before.shape
        to_before, to_after, mask, rest = (
            part.reshape(batch * _FLOWS, -1, height, width)
            for part in made.split([2 * _FLOWS, 2 * _FLOWS, _FLOWS, 3 * _FLOWS], dim=1)
        )
        flow_before, flow_after = flows.repeat_interleave(_FLOWS, 0).chunk(2, dim=1)
        from_before = _warp(before.repeat_interleave(_FLOWS, 0), to_before + flow_before)
        from_after = _warp(after.repeat_interleave(_FLOWS, 0), to_after + flow_after)
        mask = torch.sigmoid(mask)
        candidates = mask * from_before + (1 - mask) * from_after + mean.repeat_interleave(_FLOWS, 0) + rest
        candidates = candidates.view(batch, _FLOWS, 3, height, width)
        return candidates.mean(dim=1) + self.comb_block(candidates.flatten(1, 2))


class _Look:
    """Correlations around the ends of both flows, in both directions."""

    def __init__(self, before: Tensor, after: Tensor, time: float) -> None:
        self._forward = CorrelationPyramid(before, after)
        self._backward = CorrelationPyramid(after, before)
        self._grid = pixel_grid(before)
        self._time = time

    def around(self, flows: Tensor) -> Tensor:
        """Flows (B, 4, h, w) at the correlation's size, to before and to after."""
        to_before, to_after = flows.chunk(2, dim=1)
        # Motion is taken as even: from the made frame to one end, stretched to the way from end to end.
        ahead = self._forward.lookup(self._grid + to_after / (1 - self._time), RADIUS)
        back = self._backward.lookup(self._grid + to_before / self._time, RADIUS)
        return torch.cat([ahead, back], dim=1)


def _resize(x: Tensor, factor: float) -> Tensor:
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


def _warp(pictures: Tensor, flow: Tensor) -> Tensor:
    """Pictures sampled where the flow points to, the border repeated."""
    return sample(pictures, (pixel_grid(flow) + flow).permute(0, 2, 3, 1), padding="border")


def _warped(state: Tensor, sides: tuple[Tensor, Tensor], flows: Tensor) -> Tensor:
    to_before, to_after = flows.chunk(2, dim=1)
    return torch.cat([state, _warp(sides[0], to_before), _warp(sides[1], to_after), flows], dim=1)


def _conv_prelu(given: int, made: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(given, made, 3, stride=stride, padding=1), nn.PReLU(made))


class _Pyramid(nn.Module):
    """Features at a half, a quarter, an eighth and a sixteenth of the size."""

    def __init__(self) -> None:
        super().__init__()
        for level, (given, made) in enumerate(zip((3, *_CHANNELS), _CHANNELS, strict=False), start=1):
            stage = nn.Sequential(_conv_prelu(given, made, stride=2), _conv_prelu(made, made))
            self.add_module(f"pyramid{level}", stage)

    def forward(self, x: Tensor) -> list[Tensor]:
        levels = []
        for stage in self.children():
            x = stage(x)
            levels.append(x)
        return levels


class _Decoder(nn.Module):
    """Doubles the resolution."""

    def __init__(self, given: int, inside: int, made: int) -> None:
        super().__init__()
        self.convblock = nn.Sequential(
            _conv_prelu(given, inside),
            _Residual(inside),
            nn.ConvTranspose2d(inside, made, 4, stride=2, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.convblock(x)


class _Residual(nn.Module):
    """Five convolutions; two of them see the last channels only."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = _conv_prelu(channels, channels)
        self.conv2 = _conv_prelu(_SIDE, _SIDE)
        self.conv3 = _conv_prelu(channels, channels)
        self.conv4 = _conv_prelu(_SIDE, _SIDE)
        self.conv5 = nn.Conv2d(channels, channels, 3, padding=1)
        self.prelu = nn.PReLU(channels)

    def forward(self, x: Tensor) -> Tensor:
        y = self._side(self.conv1(x), self.conv2)
        y = self._side(self.conv3(y), self.conv4)
        return self.prelu(x + self.conv5(y))

    def _side(self, x: Tensor, conv: nn.Module) -> Tensor:
        return torch.cat([x[:, :-_SIDE], conv(x[:, -_SIDE:])], dim=1)


class _Update(nn.Module):
    """Refines flows and features at one level by correlations at an eighth of the size."""

    def __init__(self, channels: int, *, shrink: int) -> None:
        super().__init__()
        self._shrink = shrink
        self.convc1 = nn.Conv2d(2 * LEVELS * (2 * RADIUS + 1) ** 2, 64, 1)
        self.convf1 = nn.Conv2d(4, 40, 7, padding=3)
        self.convf2 = nn.Conv2d(40, 20, 3, padding=1)
        self.conv = nn.Conv2d(84, 68, 3, padding=1)
        self.gru = _two_convs(68 + 4 + channels, _HIDDEN)
        self.feat_head = _two_convs(_HIDDEN, channels)
        self.flow_head = _two_convs(_HIDDEN, 4)

    def forward(self, state: Tensor, flows: Tensor, look: _Look) -> tuple[Tensor, Tensor]:
        """Refined flows (B, 4, ...) and features."""
        small_state, small_flows = state, flows
        if self._shrink > 1:
            small_state = _resize(state, 1 / self._shrink)
            small_flows = _resize(flows, 1 / self._shrink) / self._shrink
        seen = _leaky(self.convc1(look.around(small_flows)))
        moved = _leaky(self.convf2(_leaky(self.convf1(small_flows))))
        joined = _leaky(self.conv(torch.cat([seen, moved], dim=1)))
        hidden = self.gru(torch.cat([joined, small_flows, small_state], dim=1))
        state_change, flow_change = self.feat_head(hidden), self.flow_head(hidden)
        if self._shrink > 1:
            state_change = _resize(state_change, self._shrink)
            flow_change = self._shrink * _resize(flow_change, self._shrink)
        return flows + flow_change, state + state_change


def _leaky(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.1)


def _two_convs(given: int, made: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(given, _HIDDEN, 3, padding=1), nn.LeakyReLU(0.1), nn.Conv2d(_HIDDEN, made, 3, padding=1)
    )
