"""S3FD, the face detector of the SyncNet tools: network, anchors, and what turns its maps into boxes.

Input: RGB pictures (N, 3, H, W), levels 0..255 less `MEAN_RGB`, of any size. Output: six pairs of maps at strides 4 to
128. Source: Zhang et al., "S3FD: Single Shot Scale-invariant Face Detector", ICCV 2017; layer names, pixel order and
thresholds as in joonson/syncnet_python (MIT). Weights: `sfd_face.pth`, a plain state dict under these very names.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

MEAN_RGB = (123.0, 117.0, 104.0)
"""Level subtracted from R, G and B."""
STRIDES = (4, 8, 16, 32, 64, 128)
ANCHORS = (16.0, 32.0, 64.0, 128.0, 256.0, 512.0)
"""Side of the square anchor of each map, in pixels of the network's input."""
CLASSES = 2
"""Background and face."""
MAX_FACES = 750
"""Faces per picture that survive the first suppression."""
CENTRE_VARIANCE, SIZE_VARIANCE = 0.1, 0.2
"""Scale of the offsets that the network gives."""

_VGG = (64, 64, "M", 128, 128, "M", 256, 256, 256, "C", 512, 512, 512, "M", 512, 512, 512, "M")
_SOURCES = (256, 512, 512, 1024, 512, 256)


class HeadMaps(NamedTuple):
    """What the network says, one entry per stride; maps are (N, channels, H / stride, W / stride)."""

    boxes: tuple[Tensor, ...]
    """Four channels: offsets of centre x, y and log size from the anchor."""
    classes: tuple[Tensor, ...]
    """Two channels, background and face, not normalised; the first map has three backgrounds and a face."""


class ChannelNorm(nn.Module):
    """Unit length over channels at every place, then a learned scale per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same."""
        length = x.square().sum(dim=1, keepdim=True).sqrt() + 1e-10
        return x / length * self.weight[:, None, None]


class S3FD(nn.Module):
    """The network alone: no thresholds, no anchors."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for item in _VGG:
            if isinstance(item, int):
                layers += [nn.Conv2d(channels, item, 3, padding=1), nn.ReLU(inplace=True)]
                channels = item
            else:
                layers.append(nn.MaxPool2d(2, 2, ceil_mode=item == "C"))
        layers += [nn.Conv2d(512, 1024, 3, padding=6, dilation=6), nn.ReLU(inplace=True)]
        layers += [nn.Conv2d(1024, 1024, 1), nn.ReLU(inplace=True)]
        self.vgg = nn.ModuleList(layers)
        self.L2Norm3_3 = ChannelNorm(256)
        self.L2Norm4_3 = ChannelNorm(512)
        self.L2Norm5_3 = ChannelNorm(512)
        self.extras = nn.ModuleList(
            [
                nn.Conv2d(1024, 256, 1),
                nn.Conv2d(256, 512, 3, stride=2, padding=1),
                nn.Conv2d(512, 128, 1),
                nn.Conv2d(128, 256, 3, stride=2, padding=1),
            ]
        )
        classes = (4, *(CLASSES for _ in _SOURCES[1:]))
        self.loc = nn.ModuleList([nn.Conv2d(source, 4, 3, padding=1) for source in _SOURCES])
        self.conf = nn.ModuleList(
            [nn.Conv2d(source, count, 3, padding=1) for source, count in zip(_SOURCES, classes, strict=True)]
        )

    def forward(self, pictures: Tensor) -> HeadMaps:
        """Maps of a batch, (N, 3, H, W) float, see `normalise`."""
        x = pictures
        sources = []
        norms = {15: self.L2Norm3_3, 22: self.L2Norm4_3, 29: self.L2Norm5_3}
        for index, layer in enumerate(self.vgg):
            x = layer(x)
            if index in norms:
                sources.append(norms[index](x))
        sources.append(x)
        for index, layer in enumerate(self.extras):
            x = torch.relu(layer(x))
            if index % 2 == 1:
                sources.append(x)
        return HeadMaps(
            tuple(head(source) for head, source in zip(self.loc, sources, strict=True)),
            tuple(head(source) for head, source in zip(self.conf, sources, strict=True)),
        )


def build_s3fd() -> S3FD:
    """The network in evaluation mode, without gradients, with PyTorch's initial weights."""
    network: S3FD = S3FD().eval().requires_grad_(False)
    return network


def normalise(rgb: Tensor) -> Tensor:
    """RGB levels (N, H, W, 3), any type, to the network's input (N, 3, H, W)."""
    mean = torch.tensor(MEAN_RGB, device=rgb.device)
    return (rgb.float() - mean).permute(0, 3, 1, 2)


def face_scores(classes: tuple[Tensor, ...]) -> Tensor:
    """Probability of a face at each anchor, (N, A): the largest of the backgrounds against the face."""
    flat = []
    for maps in classes:
        background = maps[:, :-1].amax(dim=1)
        flat.append((maps[:, -1] - background).sigmoid().flatten(1))
    return torch.cat(flat, dim=1)


def box_offsets(boxes: tuple[Tensor, ...]) -> Tensor:
    """The box maps in the order of the anchors, (N, A, 4)."""
    return torch.cat([maps.permute(0, 2, 3, 1).flatten(1, 2) for maps in boxes], dim=1)


def anchors(size: tuple[int, int], maps: list[tuple[int, int]]) -> Tensor:
    """Centre x, y, width and height of all anchors as shares of the picture, (A, 4) float32.

    Args:
        size: height and width of the network's input.
        maps: height and width of each map.
    """
    height, width = size
    found = []
    for (rows, columns), stride, side in zip(maps, STRIDES, ANCHORS, strict=True):
        y = (torch.arange(rows, dtype=torch.float64) + 0.5) / (height / stride)
        x = (torch.arange(columns, dtype=torch.float64) + 0.5) / (width / stride)
        centre_y, centre_x = torch.meshgrid(y, x, indexing="ij")
        sides = torch.tensor([side / width, side / height], dtype=torch.float64).expand(rows, columns, 2)
        found.append(torch.cat([centre_x[..., None], centre_y[..., None], sides], dim=-1).flatten(0, 1))
    return torch.cat(found).float()


def decode(offsets: Tensor, priors: Tensor) -> Tensor:
    """Offsets (..., 4) from anchors (..., 4) to boxes x0, y0, x1, y1 in shares of the picture."""
    centre = priors[..., :2] + offsets[..., :2] * CENTRE_VARIANCE * priors[..., 2:]
    size = priors[..., 2:] * torch.exp(offsets[..., 2:] * SIZE_VARIANCE)
    corner = centre - size / 2
    return torch.cat([corner, corner + size], dim=-1)


def suppress(boxes: Tensor, scores: Tensor, overlap: float) -> Tensor:
    """Non-maximum suppression: indices of the boxes that stay, best first.

    A box goes if a better one that stays overlaps it by more than `overlap` (intersection over union, no pixel added).
    Of equal scores the later box counts as better.

    Instead of walking through the boxes, the rule "stays unless a better one that stays overlaps it" is applied to all
    at once until nothing changes. Each round settles at least one more box, mostly nearly all, and what does not change
    is the result of the walk.

    Args:
        boxes: (K, 4) x0, y0, x1, y1.
        scores: (K,).
        overlap: largest overlap of two boxes that both stay, 0..1.
    """
    order = scores.argsort(stable=True).flip(0)
    ranked = boxes[order]
    better = (intersection_over_union(ranked, ranked) > overlap).tril(-1).float()
    stays = torch.ones(len(order), dtype=torch.bool, device=boxes.device)
    while True:
        settled = better @ stays.float() == 0
        if torch.equal(settled, stays):
            return order[stays]
        stays = settled


def intersection_over_union(a: Tensor, b: Tensor) -> Tensor:
    """(K, 4) and (L, 4) to (K, L); 0 where both boxes are empty."""
    corner = torch.maximum(a[:, None, :2], b[None, :, :2])
    opposite = torch.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = (opposite - corner).clamp(min=0).prod(dim=-1)
    area_a = (a[:, 2:] - a[:, :2]).prod(dim=-1)
    area_b = (b[:, 2:] - b[:, :2]).prod(dim=-1)
    return (shared / (area_a[:, None] + area_b[None] - shared)).nan_to_num(0.0)
