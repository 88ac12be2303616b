"""Pictures as generators and codecs leave them: blurred, noisy, in blocks. For networks that are to judge such ones."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from liveact_eval.training.degradations import BLOCK, cosine_basis
from liveact_eval.training.draws import normal

_LARGEST_NOISE = 8.0
"""Deviation of noise in levels."""
_LARGEST_BLUR = 0.9
"""Deviation of the blur in pixels."""
_STEPS = (2.0, 12.0)
"""Least and largest step of quantisation of a block's lowest frequency, in levels; higher ones have larger steps."""
_LARGEST_GAIN, _LARGEST_LIFT = 0.15, 12.0
"""Contrast and brightness differ by as much to either side: a share, and levels."""


def roughened(pictures: Tensor, draws: torch.Generator) -> Tensor:
    """Pictures of one clip, all treated alike: contrast, blur, noise and blocks, each of a strength drawn for the clip.

    Args:
        pictures: (T, H, W, 3) float, levels 0..255; sides are multiples of 8.
        draws: source of the strengths and of noise.

    Returns:
        The same shape, in 0..255.
    """
    gain, lift, blur, noise, step = torch.rand(5, generator=draws).tolist()
    planes = pictures.permute(0, 3, 1, 2)
    middle = 127.5
    planes = (
        (planes - middle) * (1 + _LARGEST_GAIN * (2 * gain - 1)) + middle + _LARGEST_LIFT * (2 * lift - 1)
    )
    planes = blurred(planes, _LARGEST_BLUR * blur)
    planes = planes + _LARGEST_NOISE * noise * normal(planes.shape, draws, planes.device)
    # Steps are spread evenly by their logarithm.
    planes = quantised(planes, _STEPS[0] * (_STEPS[1] / _STEPS[0]) ** step)
    return planes.clamp(0, 255).permute(0, 2, 3, 1)


def blurred(planes: Tensor, deviation: float) -> Tensor:
    """Planes (N, C, H, W) after a Gaussian of 5 pixels; a deviation in pixels of 0 leaves them as they are."""
    if deviation < 0.1:
        return planes
    places = torch.arange(-2, 3, dtype=planes.dtype, device=planes.device)
    weights = torch.exp(-0.5 * (places / deviation) ** 2)
    weights = weights / weights.sum()
    rows = planes.flatten(0, 1)[:, None]
    rows = F.conv2d(F.pad(rows, (2, 2, 2, 2), mode="replicate"), weights.outer(weights)[None, None])
    return rows[:, 0].unflatten(0, planes.shape[:2])


def quantised(planes: Tensor, step: float) -> Tensor:
    """Planes (N, C, H, W) whose blocks of 8x8 were rounded in frequencies (DCT), as JPEG and video codecs do.

    Args:
        planes: sides are multiples of 8.
        step: of the lowest frequency, in levels; the highest has eight times as much.
    """
    basis = cosine_basis().to(planes)
    blocks = planes.unfold(2, BLOCK, BLOCK).unfold(3, BLOCK, BLOCK)
    order = torch.arange(BLOCK, dtype=planes.dtype, device=planes.device)
    steps = step * (1 + 0.5 * (order[:, None] + order))
    rounded = (basis @ blocks @ basis.T / steps).round() * steps
    back = basis.T @ rounded @ basis
    return back.permute(0, 1, 2, 4, 3, 5).reshape(planes.shape)
