"""Random numbers of a step that depend on its number alone, so that an interruption changes none.

All of them are drawn on the CPU and then moved: a GPU's own generator gives other numbers, and other ones again on
another GPU. A run has the same noise wherever it computes, for the price of a small copy per step.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def generator_of(*key: int) -> torch.Generator:
    """A generator on the CPU for a key of whole numbers, such as (seed, step, rank).

    The key is hashed: torch's generator reads only the lower 32 bits of its seed.
    """
    (seed,) = np.random.SeedSequence(key).generate_state(1, np.uint32)
    return torch.Generator().manual_seed(int(seed))


def normal(shape: torch.Size, draws: torch.Generator, device: torch.device) -> Tensor:
    """Standard normal numbers, float32, drawn on the CPU and moved to a device."""
    return torch.randn(shape, generator=draws).to(device)
