"""Kernels that compute softmax attention. The one that was asked for runs, or it is an error."""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from liveact_eval.liveact.errors import LiveActError

AttentionBackend = Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]
"""Takes q [B, Nq, H, D], k and v [B, Nk, H, D] and a mask [Nq, Nk] (true: attend) or `None`; gives [B, Nq, H, D]."""


def sdpa(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """PyTorch's scaled dot-product attention, with the kernel that PyTorch picks."""
    out = F.scaled_dot_product_attention(
        q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), attn_mask=mask
    )
    return out.transpose(1, 2)


def attention_backend(name: str) -> AttentionBackend:
    """The backend of that name.

    Raises:
        LiveActError: unknown, or not installed.
    """
    if name != "sdpa":
        raise LiveActError(f"No attention backend is named {name!r}; known: sdpa")
    return sdpa
