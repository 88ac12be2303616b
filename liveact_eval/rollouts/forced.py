"""Carries a forcing strategy out: latents, noise, memory and model calls of one video.

The strategy (`liveact_eval.rollouts.strategy`) speaks of latent frames by number; this module has their latents. A
frame is in flight from its first noise to its last level, then clean, and forgotten when the strategy needs it no
longer, so that what is held is bounded wherever the strategy's memory is.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from liveact_eval.liveact.clock import stage
from liveact_eval.liveact.conditions import Context
from liveact_eval.liveact.dit import CausalDiT
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.frame_memory import FrameMemory
from liveact_eval.liveact.kv_store import StoreOptions
from liveact_eval.liveact.memory import Frame, Positions
from liveact_eval.liveact.sampler import STEPS_PER_UNIT, Noise, renoise
from liveact_eval.rollouts.draws import FrameDraws, Kind
from liveact_eval.rollouts.hearing import Hearing
from liveact_eval.rollouts.shape import settling_of
from liveact_eval.rollouts.solvers import Solver, solver_for
from liveact_eval.rollouts.strategy import REFERENCE, Entry, Look, Pass, Seen, Strategy, count_passes
from liveact_eval.rollouts.trace import KeyKind, TracedCall, TracedKey, Tracer


class ForcedRollout:
    """A `Rollout` that does what a strategy says.

    Args:
        dit: the transformer.
        strategy: for one video at a time.
        name: of the strategy, for results; empty: that of its class.
        chosen: options of it that are not as published, in words, for results.
        store: how keys and values are kept.
        guidance: towards the speech; `None`: what the strategy publishes. Other than 1, every call is made twice.
        tracer: is told of every model call.

    Raises:
        LiveActError: a guidance below 0.
    """

    def __init__(
        self,
        dit: CausalDiT,
        strategy: Strategy,
        *,
        name: str = "",
        chosen: str = "",
        store: StoreOptions | None = None,
        guidance: float | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        self.dit, self.strategy, self.tracer = dit, strategy, tracer
        self.guidance = strategy.guidance if guidance is None else guidance
        if self.guidance < 0:
            raise LiveActError(f"audio_guidance {self.guidance:g} must not be negative; 1 is off")
        self.name, self._chosen = name or type(strategy).__name__, chosen
        self._store = store or StoreOptions()
        self._condition: Tensor | None = None
        self._memories: list[FrameMemory] = []

    @property
    def condition_latents(self) -> int:
        """Latent frames of the condition that `begin` expects."""
        return self.strategy.condition_latents

    def begin(self, condition: Tensor, *, latents: int | None = None) -> None:
        """Start a video with an empty memory; see `Rollout.begin`."""
        dit = self.dit
        channels = dit.config.in_dim - dit.config.out_dim
        expected = (channels, self.condition_latents)
        rows, columns = dit.config.patch_size[1:]
        if condition.ndim != 5 or tuple(condition.shape[1:3]) != expected:
            raise LiveActError(
                f"Condition of shape {tuple(condition.shape)}; expected {('B', *expected, 'h', 'w')}: mask and latent "
                "of the reference image"
            )
        if condition.shape[3] % rows or condition.shape[4] % columns:
            raise LiveActError(
                f"Latent size {condition.shape[4]}x{condition.shape[3]} is not a multiple of the patch {columns}x{rows}"
            )
        frame = Frame(
            batch=len(condition),
            tokens=(condition.shape[3] // rows) * (condition.shape[4] // columns),
            heads=dit.config.num_heads // dit.exchange.ranks,
            head_dim=dit.config.head_dim,
            dtype=dit.dtype,
            device=dit.device,
        )
        self._condition = condition.to(device=dit.device, dtype=dit.dtype)
        picture = self._condition[:, channels - dit.config.out_dim :, :1]
        layers, branches = dit.config.num_layers, 1 if self.guidance == 1 else 2
        self._memories = [
            FrameMemory(self.strategy.slots, layers, frame, self._store) for _ in range(branches)
        ]
        self._hearing = Hearing(dit, self.strategy)
        self._levels: dict[Entry, float] = {}
        self._flying: dict[int, Tensor] = {}
        self._clean: dict[int, Tensor] = {REFERENCE: picture}
        if self.strategy.prefix:
            self._clean[0] = picture
        self._knots: dict[int, Tensor] = {}
        self._context: Context | None = None
        self._draws: FrameDraws | None = None
        self._next = self._calls = 0
        self.strategy.begin(latents)

    def block_latents(self, n: int) -> int:
        """Latent frames of block n."""
        return len(self.strategy.emit(n))

    def audio_span(self, n: int) -> range:
        """Video frames whose speech windows block n takes: those of all latent frames that its turns denoise."""
        # A stream asks once more behind the end of a video.
        latents = self._denoised(n) or self.strategy.emit(n)
        stride = self.dit.config.temporal_stride
        return range(stride * max(0, latents.start - 1), stride * (latents.stop - 1) + 1)

    def block(self, n: int, context: Context, audio: Tensor, noise: Noise) -> Tensor:
        """Denoised latents of block n; see `Rollout.block`.

        Raises:
            LiveActError: blocks out of order, or behind the end of the video.
        """
        if self._condition is None or n != self._next:
            raise LiveActError(
                f"Block {n} was asked for; the next one is {self._next if self._condition is not None else 0}. Call "
                "begin() to start over"
            )
        strategy, denoised = self.strategy, self._denoised(n)
        if not denoised:
            raise LiveActError(f"Block {n} lies behind the end of the video that begin() was told of")
        if self._draws is None:
            self._draws = FrameDraws(noise.seed)
            strategy.draw_from(self._draws)
        turns = strategy.turns(n)
        # The stream makes one context per prompt and hands it on as long as the prompt stays.
        if self._context is not None and context is not self._context:
            strategy.switch(turns.start)
            self._let_go(turns.start - 1)
        self._context = context
        with torch.no_grad():
            self._hear(denoised, audio)
            for turn in turns:
                self._turn(turn, context)
        made = torch.cat([self._finished(frame) for frame in strategy.emit(n)], dim=2)
        self._forget(strategy.oldest(turns[-1]))
        self._next = n + 1
        return made

    def memory_bytes(self) -> int:
        """Bytes of keys and values held."""
        return sum(memory.nbytes() for memory in self._memories)

    @property
    def settling(self) -> int:
        """Blocks until the memory is full; see `Rollout.settling`."""
        return settling_of(self.strategy)

    def describe(self) -> dict[str, str | int | float]:
        """See `Rollout.describe`."""
        slots = self.strategy.slots
        told: dict[str, str | int | float] = {
            "rollout": self.name,
            "steps": count_passes(self.strategy, denoising=True),
            "memory": "grows" if slots is None else f"{slots} latent frames",
            "audio_guidance": self.guidance,
        }
        return told | ({"rollout_options": self._chosen} if self._chosen else {})

    def _denoised(self, n: int) -> range:
        """Latent frames that the turns of block n denoise; they hear anew."""
        passes = [part for turn in self.strategy.turns(n) for part in self.strategy.levels(turn)]
        frames = [f for part in passes if part.purpose == "denoise" for f in part.frames]
        return range(min(frames), max(frames) + 1) if frames else range(0)

    def _hear(self, latents: range, audio: Tensor) -> None:
        self._hearing.hear(latents, audio)

    def _finished(self, frame: int) -> Tensor:
        """The latent of a frame as it leaves."""
        return self._clean[frame]

    def _passes(self, turn: int) -> list[tuple[int, Pass]]:
        """Number and passes of a turn, as they are made."""
        return list(enumerate(self.strategy.levels(turn)))

    def _turn(self, turn: int, context: Context) -> None:
        passes = self._passes(turn)
        steps = sum(part.purpose == "denoise" for part in self.strategy.levels(turn))
        solver = solver_for(self.strategy.solver, steps, self.strategy.shift)
        # What an earlier turn thought of these frames, before this one thinks of them anew.
        self._knots = {frame: self._clean[frame] for _, part in passes for frame in part.given}
        made = 0
        for step, part in passes:
            denoising = part.purpose == "denoise"
            with stage(f"step_{made}" if denoising else "context_pass"):
                self._pass(turn, step, part, context, solver)
            made += denoising
        self._let_go(turn)

    def _let_go(self, turn: int) -> None:
        """Forget what is not looked at after a turn."""
        kept = self.strategy.keep(turn)
        if kept is None:
            return
        for memory in self._memories:
            memory.keep(kept)
        self._levels = {entry: level for entry, level in self._levels.items() if entry in kept}

    def _pass(self, turn: int, step: int, part: Pass, context: Context, solver: Solver) -> None:
        look, kept = self.strategy.context(turn, step), self.strategy.write(turn, step)
        x = torch.cat([self._input(part, index) for index in range(len(part.frames))], dim=2)
        beside = torch.cat([self._beside(turn, part, frame) for frame in part.frames], dim=2)
        written = [(part.frames.index(entry.frame), entry) for entry in kept]
        mask = None if look.mask is None else torch.tensor(look.mask, device=x.device)
        velocities = []
        for branch, memory in enumerate(self._memories):
            memory.begin_call([seen.entry for seen in look.seen], written)
            velocity: Tensor = self.dit(
                torch.cat([x, beside], dim=1),
                torch.tensor([part.timesteps] * len(x), device=x.device),
                context,
                self._hearing.tokens(part.frames, silent=branch > 0),
                positions=Positions(
                    look.positions, (*(seen.position for seen in look.seen), *look.positions)
                ),
                memory=memory,
                frame_mask=mask,
                mute_first=part.frames[0] == 0 and self.strategy.first_audio == "muted",
            )
            velocities.append(velocity)
            self._tell(turn, part, look, kept, heard=branch == 0)
        self._levels |= {entry: part.timesteps[index] for index, entry in written}
        if part.following is not None:
            self._advance(part, part.following, x, self._guided(velocities), solver)

    def _guided(self, velocities: Sequence[Tensor]) -> Tensor:
        if len(velocities) == 1:
            return velocities[0]
        heard, unheard = velocities
        return unheard + self.guidance * (heard - unheard)

    def _advance(
        self, part: Pass, following: tuple[float, ...], x: Tensor, velocity: Tensor, solver: Solver
    ) -> None:
        """Bring every frame that is not held to its next level."""
        solved = solver.step(
            x, velocity, part.timesteps, following, lambda index: self._noise("between", part.frames[index])
        )
        for index, (frame, after) in enumerate(zip(part.frames, following, strict=True)):
            if frame in part.held:
                continue
            if after > 0:
                self._flying[frame] = solved.latent[:, :, index : index + 1]
                self._clean[frame] = solved.clean[:, :, index : index + 1]
            else:
                self._flying.pop(frame, None)
                self._clean[frame] = solved.latent[:, :, index : index + 1]
        if part.fuse:
            for frame in part.given:
                self._clean[frame] = (self._knots[frame] + self._clean[frame]) / 2

    def _input(self, part: Pass, index: int) -> Tensor:
        """The latent of a frame as it enters the model."""
        frame, timestep = part.frames[index], part.timesteps[index]
        if part.purpose != "denoise":
            clean = self._clean[frame]
            if timestep == 0:
                return clean
            return renoise(clean, self._noise("between", frame), timestep / STEPS_PER_UNIT)
        if frame in part.held:
            return self._clean[frame]
        if frame not in self._flying:
            self._flying[frame] = self._noise("begin", frame)
        return self._flying[frame]

    def _beside(self, turn: int, part: Pass, frame: int) -> Tensor:
        """Mask and condition latent of a frame."""
        assert self._condition is not None
        if frame == REFERENCE or frame in part.given:
            latent = self._clean[REFERENCE] if frame == REFERENCE else self._knots[frame]
            masks = self._condition.shape[1] - latent.shape[1]
            return torch.cat([torch.ones_like(latent[:, :1]).expand(-1, masks, -1, -1, -1), latent], dim=1)
        shown = self.strategy.condition(turn, frame)
        found = self._condition[:, :, shown.source : shown.source + 1]
        if shown.known is None:
            return found
        masks = self._condition.shape[1] - self.dit.config.out_dim
        return torch.cat([torch.full_like(found[:, :masks], float(shown.known)), found[:, masks:]], dim=1)

    def _noise(self, kind: Kind, frame: int) -> Tensor:
        assert self._draws is not None
        shape = tuple(self._clean[REFERENCE].shape)
        return self._draws.normal(kind, frame, shape, self.dit.device, self.dit.dtype)

    def _forget(self, oldest: int) -> None:
        for held in (self._flying, self._clean):
            for frame in [frame for frame in held if 0 <= frame < oldest]:
                del held[frame]
        self._hearing.forget(oldest)
        if self._draws is not None:
            self._draws.forget(oldest)

    def _tell(self, turn: int, part: Pass, look: Look, kept: tuple[Entry, ...], *, heard: bool) -> None:
        self._calls += 1
        if self.tracer is None:
            return
        own = [
            TracedKey(
                frames=(frame,),
                position=position,
                kind="held" if frame in part.held else "own",
                timestep=timestep,
            )
            for frame, position, timestep in zip(part.frames, look.positions, part.timesteps, strict=True)
        ]
        self.tracer(
            TracedCall(
                number=self._calls - 1,
                block=self._next,
                turn=turn,
                purpose=part.purpose,
                heard=heard,
                frames=part.frames,
                timesteps=part.timesteps,
                positions=look.positions,
                keys=(*(self._told(seen) for seen in look.seen), *own),
                mask=look.mask,
                written=tuple(entry.frame for entry in kept),
                held=len(self._memories[0].names),
            )
        )

    def _told(self, seen: Seen) -> TracedKey:
        timestep = self._levels[seen.entry]
        past: KeyKind = "clean" if timestep == 0 else "noisy"
        kind: KeyKind = past if seen.role == "past" else seen.role
        return TracedKey(frames=(seen.entry.frame,), position=seen.position, kind=kind, timestep=timestep)
