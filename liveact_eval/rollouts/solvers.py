"""From one noise level to the next: three ways to use a predicted velocity.

Latents are [1, C, T, h, w]; each latent frame may be at a level of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from liveact_eval.liveact.sampler import STEPS_PER_UNIT, predict_clean, renoise
from liveact_eval.rollouts.strategy import SolverKind

if TYPE_CHECKING:
    from diffusers import UniPCMultistepScheduler

Fresh = Callable[[int], Tensor]
"""Fresh noise [1, C, 1, h, w] for the frame of that index."""


class Solved(NamedTuple):
    """Latents after a step."""

    latent: Tensor
    """At the following levels; where that is 0, clean."""
    clean: Tensor
    """Estimate of the clean latents."""


class Solver(Protocol):
    """Goes from level to level; one object makes one turn."""

    def step(
        self, x: Tensor, velocity: Tensor, now: Sequence[float], following: Sequence[float], fresh: Fresh
    ) -> Solved:
        """One step of latents x from timesteps `now` to `following`."""
        ...


class Renoise:
    """The consistency sampler of the few-step models."""

    def step(
        self, x: Tensor, velocity: Tensor, now: Sequence[float], following: Sequence[float], fresh: Fresh
    ) -> Solved:
        """See `Solver.step`."""
        frames, clean = [], []
        for index, (t, after) in enumerate(zip(now, following, strict=True)):
            frame = slice(index, index + 1)
            clean.append(predict_clean(x[:, :, frame], velocity[:, :, frame], t / STEPS_PER_UNIT))
            frames.append(
                renoise(clean[-1], fresh(index), after / STEPS_PER_UNIT) if after > 0 else clean[-1]
            )
        return Solved(torch.cat(frames, dim=2), torch.cat(clean, dim=2))


class Euler:
    """A straight step along the velocity; nothing is drawn."""

    def step(
        self, x: Tensor, velocity: Tensor, now: Sequence[float], following: Sequence[float], fresh: Fresh
    ) -> Solved:
        """See `Solver.step`."""
        del fresh
        # The frame is the third of five axes.
        t, after = (torch.tensor(level, device=x.device)[:, None, None] for level in (now, following))
        moved = x + ((after - t) / STEPS_PER_UNIT).to(x.dtype) * velocity
        return Solved(moved, x - (t / STEPS_PER_UNIT).to(x.dtype) * velocity)


class UniPC:
    """UniPC over a whole turn, whose frames share their level (diffusers' scheduler).

    Args:
        steps: model calls of the turn, at `strategy.uniform_levels(steps, shift)`.
        shift: of the levels.
    """

    def __init__(self, steps: int, shift: float) -> None:
        self._scheduler = _unipc(steps, shift)
        self._step = 0

    def step(
        self, x: Tensor, velocity: Tensor, now: Sequence[float], following: Sequence[float], fresh: Fresh
    ) -> Solved:
        """See `Solver.step`."""
        del following, fresh
        label = self._scheduler.timesteps[self._step]
        self._step += 1
        moved: Tensor = self._scheduler.step(velocity.float(), label, x.float(), return_dict=False)[0]
        return Solved(moved.to(x.dtype), predict_clean(x, velocity, now[0] / STEPS_PER_UNIT))


def solver_for(kind: SolverKind, steps: int, shift: float) -> Solver:
    """A solver for one turn.

    Args:
        kind: which one.
        steps: model calls of the turn.
        shift: of the levels, which UniPC works out by itself.
    """
    if kind == "unipc":
        return UniPC(steps, shift)
    return Renoise() if kind == "renoise" else Euler()


def _unipc(steps: int, shift: float) -> UniPCMultistepScheduler:
    # Importing diffusers takes seconds, and no other strategy needs it.
    from diffusers import UniPCMultistepScheduler

    scheduler = UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=shift
    )
    # Told here, as its own grid would end at label 1 instead of 0 and miss the levels that the model is told.
    scheduler.set_timesteps(sigmas=np.arange(steps, 0, -1) / steps)
    return scheduler
