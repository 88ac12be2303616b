"""A tensor that is known by name and shape before it is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class LazyTensor:
    """A tensor in a file: what it is, and how to get it. Nothing is read before `get` is called."""

    shape: tuple[int, ...]
    """Its shape."""
    dtype: torch.dtype
    """Its dtype in the file."""
    get: Callable[[], Tensor]
    """Reads it to the CPU, each time anew: it is the caller's own."""
    origin: str
    """File and name of the tensor, for messages."""


def some(names: list[str], count: int = 3) -> str:
    """The first few of many names, for a message."""
    more = f", and {len(names) - count} more" if len(names) > count else ""
    return ", ".join(names[:count]) + more
