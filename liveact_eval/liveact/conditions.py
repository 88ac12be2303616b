"""What a prompt and a reference image become for the DiT: tokens, and each layer's keys and values of them.

Shapes: B batch, H heads, D head width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor


class ContextKV(NamedTuple):
    """Keys and values of one layer, [B, N, H, D] each."""

    text_key: Tensor
    text_value: Tensor
    image_key: Tensor
    image_value: Tensor


@dataclass(frozen=True)
class Context:
    """A prompt and a reference image, ready for every layer and every denoising step."""

    text: Tensor
    """Text tokens [B, text_len, dim]; padding included, since the official program attends to it."""
    image: Tensor
    """Image tokens [B, image_tokens, dim]."""
    layers: tuple[ContextKV, ...] | None
    """Each layer's keys and values, computed once; `None`: computed anew in every model call, as officially."""
