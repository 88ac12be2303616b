"""What generators do to pictures, on purpose: blur, grain, lost resolution, shifted colours, blocks of compression."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from liveact_eval.training.draws import normal

Degrade = Callable[[Tensor, Tensor, torch.Generator], Tensor]

_BLUR_PX = (0.4, 1.6)
"""Deviation of the lightest and of the strongest blur, in pixels of the picture."""
_NOISE = (0.015, 0.12)
"""Deviation of the grain, where black is -1 and white 1."""
_SHRUNK = (0.85, 0.35)
"""Side of the picture on its way down and up, as a share of its own."""
_COLOUR = 0.12
"""Largest gain or offset of a colour channel, either way."""
_QUANTUM = (0.08, 0.6)
"""Step to which the coefficients of a block are rounded."""
BLOCK = 8
"""Side of a block in pixels."""


def degrade(
    pictures: Tensor, draws: torch.Generator, kinds: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Each picture degraded in one way.

    Args:
        pictures: (N, 3, H, W) in -1..1, sides multiples of 8.
        draws: source of kinds, strengths and noise.
        kinds: (N,) index in `DEGRADATIONS` of what is done to each picture; drawn where it is not given.

    Returns:
        The pictures in -1..1, the kinds (N,) int64, and the strengths (N,) 0..1.
    """
    count = len(pictures)
    drawn = torch.randint(len(DEGRADATIONS), (count,), generator=draws)
    strengths = torch.rand(count, generator=draws).to(pictures.device)
    kinds = (drawn if kinds is None else kinds).to(pictures.device)
    made = pictures.clone()
    for index, change in enumerate(DEGRADATIONS.values()):
        chosen = kinds == index
        if chosen.any():
            made[chosen] = change(pictures[chosen], strengths[chosen], draws).to(made.dtype)
    return made.clamp(-1, 1), kinds, strengths


def _between(limits: tuple[float, float], strengths: Tensor) -> Tensor:
    """From the first limit at strength 0 to the second at 1."""
    return limits[0] + (limits[1] - limits[0]) * strengths


def _blur(pictures: Tensor, strengths: Tensor, _draws: torch.Generator) -> Tensor:
    """Gaussian blur of each picture's own width."""
    reach = math.ceil(3 * _BLUR_PX[1])
    places = torch.arange(-reach, reach + 1, device=pictures.device)
    kernels = torch.exp(-0.5 * (places / _between(_BLUR_PX, strengths)[:, None]).square())
    kernels = (kernels / kernels.sum(dim=1, keepdim=True)).repeat_interleave(3, dim=0)[:, None, None]
    planes = F.pad(pictures, (reach,) * 4, mode="replicate").flatten(0, 1)[None]
    planes = F.conv2d(planes, kernels, groups=planes.shape[1])
    planes = F.conv2d(planes, kernels.transpose(2, 3), groups=planes.shape[1])
    return planes[0].unflatten(0, (-1, 3))


def _noise(pictures: Tensor, strengths: Tensor, draws: torch.Generator) -> Tensor:
    noise = normal(pictures.shape, draws, pictures.device)
    return pictures + noise * _between(_NOISE, strengths).view(-1, 1, 1, 1)


def _resample(pictures: Tensor, strengths: Tensor, _draws: torch.Generator) -> Tensor:
    """Smaller with antialiasing, and back."""
    size = pictures.shape[2:]
    made = []
    for picture, share in zip(pictures.split(1), _between(_SHRUNK, strengths).tolist(), strict=True):
        small = [max(1, round(side * share)) for side in size]
        down = F.interpolate(picture, small, mode="bilinear", align_corners=False, antialias=True)
        made.append(F.interpolate(down, size, mode="bilinear", align_corners=False))
    return torch.cat(made)


def _colour(pictures: Tensor, strengths: Tensor, draws: torch.Generator) -> Tensor:
    """Contrast and level of each channel."""
    drawn = torch.rand(len(pictures), 3, 2, generator=draws).to(pictures.device)
    change = _COLOUR * strengths.view(-1, 1, 1) * (2 * drawn - 1)
    return pictures * (1 + change[..., :1, None]) + change[..., 1:, None]


def _blocks(pictures: Tensor, strengths: Tensor, _draws: torch.Generator) -> Tensor:
    """Cosine coefficients of 8x8 blocks rounded, high ones more coarsely, as JPEG and video codecs do."""
    basis = cosine_basis().to(pictures.device)
    rows, columns = (side // BLOCK for side in pictures.shape[2:])
    blocks = pictures.unflatten(3, (columns, BLOCK)).unflatten(2, (rows, BLOCK)).transpose(3, 4)
    order = torch.arange(BLOCK, device=pictures.device)
    coarser = 0.25 + (order[:, None] + order) / BLOCK
    quantum = _between(_QUANTUM, strengths).view(-1, 1, 1, 1, 1, 1) * coarser
    coefficients = basis @ blocks @ basis.T
    rounded = (coefficients / quantum).round() * quantum
    back = (basis.T @ rounded @ basis).transpose(3, 4)
    return back.flatten(4, 5).flatten(2, 3)


def cosine_basis() -> Tensor:
    """The orthonormal cosine transform of eight values, (8, 8)."""
    order = torch.arange(BLOCK)
    basis = torch.cos(math.pi * (order + 0.5) * order[:, None] / BLOCK) * math.sqrt(2 / BLOCK)
    basis[0] /= math.sqrt(2)
    return basis


DEGRADATIONS: dict[str, Degrade] = {
    "blur": _blur,
    "noise": _noise,
    "resample": _resample,
    "colour": _colour,
    "blocks": _blocks,
}
"""What can be done to pictures (N, 3, H, W), with strengths (N,) of 0..1, by name."""
