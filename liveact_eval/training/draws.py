"""Random numbers of a step that depend on its number alone, so that an interruption changes none."""

from __future__ import annotations

import numpy as np
import torch


def generator_of(*key: int) -> torch.Generator:
    """A generator on the CPU for a key of whole numbers, such as (seed, step, rank).

    The key is hashed: torch's generator reads only the lower 32 bits of its seed.
    """
    (seed,) = np.random.SeedSequence(key).generate_state(1, np.uint32)
    return torch.Generator().manual_seed(int(seed))
