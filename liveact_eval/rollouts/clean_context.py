"""Self Forcing and Teacher Forcing at inference: blocks look at what was made before, free of noise.

One memory, shared by all denoising steps. While a block is denoised, its own keys and values lie in its slots and each
model call writes over those of the call before. Then one more model call at timestep 0 takes the finished block and
leaves clean keys and values there (CausVid; Self Forcing, algorithm 1). The two strategies differ in how the weights
were trained: Teacher Forcing has seen true blocks as past, Self Forcing its own.

What follows from it: a block costs one call more than there are steps; memory is that of one step instead of all; and
each step looks at a past of another noise level than its own.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from liveact_eval.liveact.clock import stage
from liveact_eval.liveact.conditions import Context
from liveact_eval.liveact.memory import Memory, Positions
from liveact_eval.liveact.sampler import STEPS_PER_UNIT, Noise
from liveact_eval.rollouts.neighbor import NeighborForcing, Step


class CleanContext(NeighborForcing):
    """The steps of the official rollout over one memory, which an extra call per block fills.

    Blocks, steps, speech, guidance and the order of noise are those of `NeighborForcing`. Memory policies fold and move
    what the extra call has left.
    """

    context_level: float = 0.0
    """Share of noise of the past."""
    _places: dict[Memory, Positions]
    """Where the current block lies in the memories that it has been written to."""

    def begin(self, condition: Tensor, *, latents: int | None = None) -> None:
        """Start a video with empty memories; see `Rollout.begin`."""
        super().begin(condition, latents=latents)
        # One for all steps; the others were never written to.
        del self._memories[1:], self._null_memories[1:]

    @torch.no_grad()
    def steps(self, n: int, context: Context, audio: Tensor, noise: Noise) -> Iterator[Step]:
        """The model calls of block n one by one; behind the last one, the call that fills the memory."""
        self._places = {}
        last: Step | None = None
        for last in super().steps(n, context, audio, noise):
            yield last
        assert last is not None
        with stage("context_pass"):
            remembered = self._remembered(last.latent, noise)
            self._predict(n, self._memories[0], remembered, context, self._audio_tokens(n, audio))
            for memory in self._null_memories:
                silence = self._audio_tokens(n, torch.zeros_like(audio))
                self._predict(n, memory, remembered, context, silence)

    def _remembered(self, clean: Tensor, noise: Noise) -> Tensor:
        """What of a finished block goes into the memory."""
        return clean

    def _velocities(
        self, n: int, step: int, x: Tensor, context: Context, audio: Tensor, null: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        level = self.options.schedule.timesteps[step]
        silent = step < self.options.silent_steps
        heard = self._predict(n, self._memories[0], x, context, None if silent else audio, level)
        if silent or null is None:
            return heard, None
        return heard, self._predict(n, self._null_memories[0], x, context, null, level)

    def _predict(
        self,
        n: int,
        memory: Memory,
        x: Tensor,
        context: Context,
        audio: Tensor | None,
        timestep: float | None = None,
    ) -> Tensor:
        """Velocity at a timestep, by default that of the past; the block is written into its slots."""
        assert self._condition is not None
        if memory not in self._places:
            with stage("memory"):
                self._places[memory] = memory.begin_block(x.shape[2], self._kernels)
        level = self.context_level * STEPS_PER_UNIT if timestep is None else timestep
        velocity: Tensor = self.dit(
            torch.cat([x, self._condition[:, :, self._slice(n)]], dim=1),
            torch.tensor([level], device=self.dit.device),
            context,
            audio,
            positions=self._places[memory],
            memory=memory,
            mute_first=n == 0,
        )
        self._tell(
            n,
            memory,
            self._places[memory],
            level,
            past=self.context_level * STEPS_PER_UNIT,
            cache=timestep is None,
        )
        return velocity
