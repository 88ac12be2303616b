"""Noise by latent frame: strategies that call the model in another order still draw the same numbers for a frame.

`Noise` gives numbers in the order in which they are asked for, so that a strategy with one call more sees other
noise in all that follows. Here every latent frame has two sequences of its own, one for what it begins as and one
for what is added between steps. Two strategies over the same seed then differ by what they do alone.
"""

from __future__ import annotations

from collections import Counter
from typing import Literal

import numpy as np
import torch
from torch import Tensor

Kind = Literal["begin", "between", "place"]
"""What a latent frame begins as; what is added between steps or to a past; where a reference is put."""
_KINDS: tuple[Kind, ...] = ("begin", "between", "place")


class FrameDraws:
    """Gaussian numbers by kind, latent frame, and how often that frame has asked.

    Args:
        seed: of the video.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._asked: Counter[tuple[Kind, int]] = Counter()

    def normal(
        self, kind: Kind, frame: int, shape: tuple[int, ...], device: torch.device, dtype: torch.dtype
    ) -> Tensor:
        """Standard normal numbers; drawn on the CPU, so that a seed means the same on every device."""
        return torch.randn(shape, generator=self._generator(kind, frame)).to(device=device, dtype=dtype)

    def integer(self, kind: Kind, frame: int, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return int(torch.randint(low, high + 1, (1,), generator=self._generator(kind, frame)))

    @property
    def held(self) -> int:
        """Sequences that are remembered."""
        return len(self._asked)

    def forget(self, before: int) -> None:
        """Let go of latent frames that will not ask again."""
        for key in [key for key in self._asked if 0 <= key[1] < before]:
            del self._asked[key]

    def _generator(self, kind: Kind, frame: int) -> torch.Generator:
        number = self._asked[kind, frame]
        self._asked[kind, frame] += 1
        # A spawn key cannot be confused with a seed, and neighbouring ones give unrelated numbers.
        sequence = np.random.SeedSequence(self._seed, spawn_key=(_KINDS.index(kind), frame + 1, number))
        return torch.Generator().manual_seed(int(sequence.generate_state(1, np.uint64)[0] >> 1))
