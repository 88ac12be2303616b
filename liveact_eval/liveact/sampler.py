"""The few-step sampler: predict the clean latent, add fresh noise of the next level. Not an ODE solver.

Flow matching: x_t = (1 - s) x0 + s e with s = t / 1000, and the model predicts v = e - x0.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

STEPS_PER_UNIT = 1000.0


@dataclass(frozen=True)
class Schedule:
    """Timesteps of the model calls, from noisy to clean; the level after the last one is 0."""

    timesteps: tuple[float, ...]
    """Timesteps in (0, 1000], falling."""

    def __post_init__(self) -> None:
        falling = all(a > b for a, b in pairwise((*self.timesteps, 0.0)))
        if not self.timesteps or not falling or self.timesteps[0] > STEPS_PER_UNIT:
            raise ValueError(f"timesteps must fall within (0, 1000], not {self.timesteps}")

    @classmethod
    def shifted(cls, steps: int = 3, grid: int = 4, shift: float = 5.0) -> Schedule:
        """The first `steps` nodes of a uniform grid of `grid` under `shift`; by default 1000, 937.5, 833.33.

        A node u becomes shift * u / (1 + (shift - 1) * u).
        """
        nodes = [1 - i / grid for i in range(steps)]
        return cls(tuple(STEPS_PER_UNIT * shift * u / (1 + (shift - 1) * u) for u in nodes))

    @classmethod
    def in_steps(cls, steps: int) -> Schedule:
        """As the program divides the range for three steps: a grid of one node more than there are steps."""
        return cls.shifted(steps, grid=steps + 1)

    def __len__(self) -> int:
        return len(self.timesteps)

    def sigma(self, step: int) -> float:
        """Share of noise before model call `step`; 0 after the last call."""
        return self.timesteps[step] / STEPS_PER_UNIT if step < len(self.timesteps) else 0.0


class Noise:
    """Gaussian draws from one explicit generator, in the order in which they are asked for.

    The generator lives on the CPU whatever the model's device, so that a seed means the same everywhere.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._generator = torch.Generator().manual_seed(seed)

    def draw(self, shape: tuple[int, ...], device: torch.device | str, dtype: torch.dtype) -> Tensor:
        """Standard normal numbers of that shape."""
        return torch.randn(shape, generator=self._generator).to(device=device, dtype=dtype)


def predict_clean(x: Tensor, velocity: Tensor, sigma: float) -> Tensor:
    """Estimate of the clean latent: x - sigma * v."""
    return x - sigma * velocity


def renoise(clean: Tensor, noise: Tensor, sigma: float) -> Tensor:
    """The latent at the next level: (1 - sigma) * clean + sigma * noise."""
    return (1 - sigma) * clean + sigma * noise
