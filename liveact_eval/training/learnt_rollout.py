"""A published strategy's own rollout as a part of a loss: which of its model calls have a gradient, and what is judged.

The calls are those of `ForcedRollout`, over a batch. One of the denoising passes that a latent frame goes through is
its *exit*: it alone has a gradient, and its estimate of the clean frame is what leaves. Which one it is, is drawn once
for a clip:

- Blocks one after the other (Self Forcing, algorithm 1; LongLive, Causal Forcing, Knot Forcing): the same step in all
  blocks. A block ends there: its estimate is finished, goes into the cache and is what later blocks look at. Where the
  past is kept step by step (Live-Avatar), the steps behind the exit are made too, as later blocks look at them.
- Windows (Rolling Forcing, AvatarForcing): every K-th pass, K being the passes that a frame goes through. These do not
  overlap, so that each frame has a gradient once, at the level of its place. All other passes are made as ever.

Keys and values carry no gradient, nor do latents that go on to another pass, nor those that stand in a condition: a
backward pass stays inside the exits. A frame that is the mean of two estimates (a knot) has both exits behind it. Only
the newest frames of a clip are learnt, as in the published programs.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from liveact_eval.liveact.audio import audio_windows
from liveact_eval.liveact.conditions import Context
from liveact_eval.liveact.dit import CausalDiT
from liveact_eval.liveact.sampler import STEPS_PER_UNIT, Noise, predict_clean
from liveact_eval.rollouts.forced import ForcedRollout
from liveact_eval.rollouts.solvers import Solver
from liveact_eval.rollouts.strategy import STEADY, Pass, Strategy
from liveact_eval.rollouts.trace import Tracer
from liveact_eval.training.objectives.base import Batch
from liveact_eval.training.objectives.neighbor import Conditioned
from liveact_eval.training.training_memory import SlotOptions


def count_exits(strategy: Strategy) -> int:
    """Passes that a latent frame goes through, at most: so many exits there are to draw from."""
    return max(_passes_of_a_frame(strategy, turn) for turn in (0, STEADY))


def _passes_of_a_frame(strategy: Strategy, turn: int) -> int:
    return strategy.turns_in_flight * len(_denoising(strategy, turn))


def _denoising(strategy: Strategy, turn: int) -> list[int]:
    """Numbers of the denoising passes of a turn."""
    return [step for step, part in enumerate(strategy.levels(turn)) if part.purpose == "denoise"]


class LearntRollout(ForcedRollout):
    """A rollout whose exits have a gradient where gradients are on.

    Args:
        dit: the generator's transformer.
        strategy: for one clip; without guidance.
        tokens: tokens of a latent frame.
        chosen: number of the exit, below `count_exits(strategy)`.
        first_learnt: the first latent frame that is learnt.
        tracer: is told of every model call.
    """

    def __init__(
        self,
        dit: CausalDiT,
        strategy: Strategy,
        *,
        tokens: int,
        chosen: int,
        first_learnt: int,
        tracer: Tracer | None = None,
    ) -> None:
        super().__init__(dit, strategy, store=SlotOptions(tokens=tokens, detached=True), tracer=tracer)
        self._number, self._most, self._first_learnt = chosen, count_exits(strategy), first_learnt
        self._learning = torch.is_grad_enabled()
        self._estimates: dict[int, Tensor] = {}
        self._exits = False

    def exit_of(self, turn: int) -> int | None:
        """Number of the pass of a turn that is an exit; `None`: the turn has none."""
        denoising = _denoising(self.strategy, turn)
        all_of_a_frame = _passes_of_a_frame(self.strategy, turn)
        if not denoising:
            return None
        # A first block with more steps than the others has its exit at the same share of them.
        wanted = self._number * all_of_a_frame // self._most
        number = (wanted - turn * len(denoising)) % all_of_a_frame
        return denoising[number] if number < len(denoising) else None

    def _hear(self, latents: range, audio: Tensor) -> None:
        with torch.set_grad_enabled(self._learning):
            super()._hear(latents, audio)

    def _passes(self, turn: int) -> list[tuple[int, Pass]]:
        """Without steps behind the exit, where nothing but the estimate is left of them."""
        passes, ends = super()._passes(turn), self.exit_of(turn)
        if ends is None or self.strategy.turns_in_flight > 1:
            return passes
        behind = [step for step in _denoising(self.strategy, turn) if step > ends]
        if not behind or any(self.strategy.write(turn, step) for step in behind):
            return passes
        last = passes[behind[-1]][1]
        return [
            (step, replace(part, following=last.following, fuse=last.fuse) if step == ends else part)
            for step, part in passes
            if step not in behind
        ]

    def _pass(self, turn: int, step: int, part: Pass, context: Context, solver: Solver) -> None:
        self._exits = step == self.exit_of(turn)
        learnt = self._learning and self._exits and part.frames[-1] >= self._first_learnt
        with torch.set_grad_enabled(learnt):
            super()._pass(turn, step, part, context, solver)

    def _advance(
        self, part: Pass, following: tuple[float, ...], x: Tensor, velocity: Tensor, solver: Solver
    ) -> None:
        with torch.no_grad():
            super()._advance(part, following, x, velocity.detach(), solver)
        if not self._exits:
            return
        for index, (frame, timestep) in enumerate(zip(part.frames, part.timesteps, strict=True)):
            if frame in part.held:
                continue
            own = slice(index, index + 1)
            clean = predict_clean(x[:, :, own], velocity[:, :, own].float(), timestep / STEPS_PER_UNIT)
            if part.fuse and frame in part.given:
                clean = (self._estimates[frame] + clean) / 2
            self._estimates[frame] = clean if frame >= self._first_learnt else clean.detach()

    def _finished(self, frame: int) -> Tensor:
        # The given picture goes through no pass.
        return self._estimates.pop(frame) if frame in self._estimates else self._clean[frame]


def learnt_clips(
    module: Conditioned,
    strategy: Strategy,
    batch: Batch,
    draws: torch.Generator,
    *,
    latents: int,
    learnt_latents: int,
    tracer: Tracer | None = None,
) -> Tensor:
    """Clips [B, C, latents, h, w] of a strategy's rollout, with a gradient where gradients are on.

    Args:
        module: the generator.
        strategy: for one clip.
        batch: conditions, and the size of clips.
        draws: source of the seed and of the exit.
        latents: latent frames of a clip; windows shrink at its end.
        learnt_latents: so many of the newest have a gradient.
        tracer: is told of every model call.
    """
    seed = int(torch.randint(2**31, (1,), generator=draws))
    condition, features = batch["condition"].float(), batch["features"].float()
    rows, columns = module.config.dit.patch_size[1:]
    rollout = LearntRollout(
        module.dit,
        strategy,
        tokens=(condition.shape[3] // rows) * (condition.shape[4] // columns),
        chosen=int(torch.randint(count_exits(strategy), (1,), generator=draws)),
        first_learnt=latents - learnt_latents,
        tracer=tracer,
    )
    rollout.begin(condition, latents=latents)
    context, noise = module.context(batch["prompt"], batch["image"]), Noise(seed)
    made: list[Tensor] = []
    while sum(block.shape[2] for block in made) < latents:
        span = rollout.audio_span(len(made))
        windows = [
            audio_windows(row, span.start, len(span), module.config.dit.audio_window) for row in features
        ]
        made.append(rollout.block(len(made), context, torch.cat(windows), noise))
    return torch.cat(made, dim=2)[:, :, :latents]
