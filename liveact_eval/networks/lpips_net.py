"""LPIPS version 0.1: how different two pictures look, by weighted distances of deep features.

Input (N, 3, H, W) RGB in -1..1 (`scaled` makes it of levels 0..255), H and W at least 32; output one distance per pair,
0 for equal pictures, unbounded. Source: Zhang et al., CVPR 2018 (arXiv:1801.03924), package `lpips` 0.1.4 (BSD-2);
trunks of torchvision's AlexNet and VGG-16. AlexNet and VGG give different numbers; never mix them.

Weight files: `alexnet-owt-7be5be79.pth` or `vgg16-397923af.pth` (torchvision) for the trunk, `weights/v0.1/alex.pth`
or `vgg.pth` (6 kB, inside the package `lpips`) for the heads; `official_names` puts both under the names used here.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Trunk = Literal["alex", "vgg"]
Features = list[Tensor]
"""Unit-length features of a batch of pictures, one (N, C, h, w) per layer."""

LEAST_SIDE = 32
"""Least height and width: below, the last layers of the trunks have no pixel left."""

_EPSILON = 1e-10
_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)
# Indices are positions in torchvision's `features`, which the package keeps as names; pools have no weights.
_ALEX = (
    (("0", 3, 64, 11, 4, 2),),
    (("3", 64, 192, 5, 1, 2),),
    (("6", 192, 384, 3, 1, 1),),
    (("8", 384, 256, 3, 1, 1),),
    (("10", 256, 256, 3, 1, 1),),
)
_VGG = (
    (("0", 3, 64, 3, 1, 1), ("2", 64, 64, 3, 1, 1)),
    (("5", 64, 128, 3, 1, 1), ("7", 128, 128, 3, 1, 1)),
    (("10", 128, 256, 3, 1, 1), ("12", 256, 256, 3, 1, 1), ("14", 256, 256, 3, 1, 1)),
    (("17", 256, 512, 3, 1, 1), ("19", 512, 512, 3, 1, 1), ("21", 512, 512, 3, 1, 1)),
    (("24", 512, 512, 3, 1, 1), ("26", 512, 512, 3, 1, 1), ("28", 512, 512, 3, 1, 1)),
)
_SLICES = {"alex": _ALEX, "vgg": _VGG}
# Size of the pool before each slice, by trunk; 0: none. Strides are 2.
_POOLS = {"alex": (0, 3, 3, 0, 0), "vgg": (0, 2, 2, 2, 2)}


def scaled(pictures: Tensor) -> Tensor:
    """RGB levels 0..255 to -1..1, float32."""
    return pictures.float() / 127.5 - 1


class LPIPSTrunk(nn.Module):
    """Five slices of convolutions under the package's names, `slice1.0` to `slice5.10` (or `slice5.28`)."""

    def __init__(self, trunk: Trunk) -> None:
        super().__init__()
        self.pools = _POOLS[trunk]
        self.slice1, self.slice2, self.slice3, self.slice4, self.slice5 = (
            nn.ModuleDict(
                {name: nn.Conv2d(i, o, k, stride=s, padding=p) for name, i, o, k, s, p in convolutions}
            )
            for convolutions in _SLICES[trunk]
        )
        self.widths = [convolutions[-1][2] for convolutions in _SLICES[trunk]]

    def forward(self, x: Tensor) -> Features:
        """The activations after each slice, not normalised."""
        found = []
        slices = (self.slice1, self.slice2, self.slice3, self.slice4, self.slice5)
        for convolutions, pool in zip(slices, self.pools, strict=True):
            if pool:
                x = F.max_pool2d(x, kernel_size=pool, stride=2)
            for convolution in convolutions.values():
                x = F.relu(convolution(x))
            found.append(x)
        return found


class LPIPS(nn.Module):
    """The distance, in two steps, so that a picture compared twice goes through the trunk once."""

    def __init__(self, trunk: Trunk = "alex") -> None:
        super().__init__()
        self.net = LPIPSTrunk(trunk)
        self.lin0, self.lin1, self.lin2, self.lin3, self.lin4 = (_Head(width) for width in self.net.widths)

    def features(self, pictures: Tensor) -> Features:
        """Step 1: unit-length features of scaled pictures (N, 3, H, W)."""
        shift, scale = (pictures.new_tensor(values)[:, None, None] for values in (_SHIFT, _SCALE))
        maps: Features = self.net((pictures - shift) / scale)
        return [found / (found.square().sum(dim=1, keepdim=True).sqrt() + _EPSILON) for found in maps]

    def distance(self, a: Features, b: Features) -> Tensor:
        """Step 2: distances (N,) of two batches of features; one batch may hold a single picture."""
        heads = (self.lin0, self.lin1, self.lin2, self.lin3, self.lin4)
        terms = [head(x - y).mean(dim=(1, 2, 3)) for head, x, y in zip(heads, a, b, strict=True)]
        return torch.stack(terms).sum(dim=0)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Distances (N,) of scaled pictures."""
        return self.distance(self.features(a), self.features(b))


class _Head(nn.Module):
    """A weight per channel; the package has a dropout before it, hence the name `model.1`."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.model = nn.ModuleDict({"1": nn.Conv2d(channels, 1, kernel_size=1, bias=False)})

    def forward(self, difference: Tensor) -> Tensor:
        weighted: Tensor = self.model["1"](difference.square())
        return weighted


def build_lpips(trunk: Trunk = "alex") -> LPIPS:
    """The network, without weights, for inference."""
    network = LPIPS(trunk)
    network.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    return network


def official_names(
    trunk: Mapping[str, Tensor], heads: Mapping[str, Tensor], kind: Trunk
) -> dict[str, Tensor]:
    """Tensors of torchvision's trunk file and of the package's heads file under the names used here.

    The classifier of the trunk is left out. What is missing is found by the strict loading that follows.
    """
    slices = {name: f"slice{i}" for i, found in enumerate(_SLICES[kind], 1) for name, *_ in found}
    named = dict(heads)
    for key, tensor in trunk.items():
        part, _, rest = key.partition(".")
        index, _, parameter = rest.partition(".")
        if part == "features":
            named[f"net.{slices.get(index, 'unknown')}.{index}.{parameter}"] = tensor
    return named


def heads_in_package(trunk: Trunk) -> Path | None:
    """The heads file inside the package `lpips`, where that is installed; the package is not imported."""
    spec = importlib.util.find_spec("lpips")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "weights" / "v0.1" / f"{trunk}.pth"
        if path.is_file():
            return path
    return None


def neighbours(network: LPIPS, pictures: Tensor, *, batch: int = 8) -> Tensor:
    """Distances of neighbouring pictures; every picture goes through the trunk once.

    Args:
        network: the network.
        pictures: (N, H, W, 3) RGB levels 0..255 in order of time, on the network's device.
        batch: pictures taken at once, which bounds the memory: at 256x256 VGG needs about 100 MB for each.

    Returns:
        (N - 1,) float32.
    """
    found = []
    last: Features | None = None
    with torch.inference_mode():
        for part in pictures.split(batch):
            features = network.features(scaled(part).permute(0, 3, 1, 2))
            before = (
                features if last is None else [torch.cat(pair) for pair in zip(last, features, strict=True)]
            )
            found.append(network.distance([x[:-1] for x in before], [x[1:] for x in before]))
            last = [x[-1:] for x in features]
    return torch.cat(found) if found else torch.empty(0)
