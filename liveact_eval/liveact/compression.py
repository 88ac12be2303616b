"""Ways to fold the tokens of several latent frames into those of one.

Shapes: B batch, K latent frames (equal to the kernel's taps), S tokens per latent frame, H heads, D head width.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

Compressor = Callable[[Tensor, Tensor | None], Tensor]
"""Takes frames [B, K, S, H, D] and a kernel [K, H, D] or `None`; gives one frame [B, S, H, D]."""


class KernelPair(NamedTuple):
    """ConvKV kernels of one layer, [K, H, D] each: one filter of K taps per channel."""

    key: Tensor | None
    """Applied to keys."""
    value: Tensor | None
    """Applied to values. The official program applies the key kernel here, and never uses the value kernel."""


def over_tokens(frames: Tensor, kernel: Tensor | None) -> Tensor:
    """The official rule: the filter runs over the raster sequence (frame, row, column) of all K frames.

    Stride equals taps, so each new token mixes K horizontal neighbours of (mostly) one frame, and the first
    1/K of the new frame describes the first frame.
    """
    taps, tokens = frames.shape[1:3]
    groups = frames.flatten(1, 2).unflatten(1, (tokens, taps))
    return _weighted(groups.unbind(2), _checked(kernel, taps))


def over_time(frames: Tensor, kernel: Tensor | None) -> Tensor:
    """The paper's text: K frames become one at equal places of the picture."""
    return _weighted(frames.unbind(1), _checked(kernel, frames.shape[1]))


def mean_over_tokens(frames: Tensor, kernel: Tensor | None = None) -> Tensor:  # noqa: ARG001
    """The mean of the same groups as `over_tokens`, without a kernel."""
    taps, tokens = frames.shape[1:3]
    return frames.flatten(1, 2).unflatten(1, (tokens, taps)).float().mean(2).to(frames.dtype)


def _checked(kernel: Tensor | None, taps: int) -> Tensor:
    if kernel is None or len(kernel) != taps:
        seen = "no kernel" if kernel is None else f"a kernel of {len(kernel)} taps"
        raise ValueError(
            f"{taps} latent frames are folded into one, which takes {taps} taps; there is {seen}"
        )
    return kernel


def _weighted(parts: tuple[Tensor, ...], kernel: Tensor) -> Tensor:
    """Sum of parts [B, S, H, D] times taps [H, D]; summed in float32, as a convolution does."""
    total = parts[0].float() * kernel[0].float()
    for part, tap in zip(parts[1:], kernel[1:], strict=True):
        total = torch.addcmul(total, part.float(), tap.float())
    return total.to(parts[0].dtype)
