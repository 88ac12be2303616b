"""Neighbor Forcing (SoulX-LiveAct, section 2.1): each denoising step sees its own past, as noisy as itself.

One memory per denoising step holds the keys and values of earlier blocks' latents at that same step. There is no
pass over clean latents, so a block costs exactly as many model calls as there are steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from liveact_eval.liveact.attention import kernel_pair
from liveact_eval.liveact.clock import stage
from liveact_eval.liveact.compression import KernelPair
from liveact_eval.liveact.conditions import Context
from liveact_eval.liveact.dit import CausalDiT
from liveact_eval.liveact.errors import LiveActError
from liveact_eval.liveact.kv_store import StoreOptions
from liveact_eval.liveact.memory import Frame, Memory, Positions, SlotMemory
from liveact_eval.liveact.policies import MemoryPolicy, memory_policy
from liveact_eval.liveact.sampler import Noise, Schedule, predict_clean, renoise
from liveact_eval.rollouts.trace import KeyKind, TracedCall, TracedKey, Tracer


@dataclass(frozen=True, kw_only=True)
class NeighborOptions:
    """What can be chosen; the defaults are the official program's on one device."""

    memory: str = "convkv"
    """Memory policy, see `liveact_eval.liveact.policies`."""
    schedule: Schedule = field(default_factory=Schedule.shifted)
    """Timesteps of the model calls."""
    audio_guidance: float = 1.0
    """Guidance towards the speech; 1 is off, more costs a second model call and a second memory per guided step."""
    silent_steps: int = 1
    """Leading steps that leave speech out."""
    fp8_cache: bool = False
    """Keep keys and values in 8 bits."""
    offload_cache: bool = False
    """Keep keys and values in host memory."""

    @property
    def store(self) -> StoreOptions:
        """How keys and values are kept."""
        return StoreOptions(fp8=self.fp8_cache, host=self.offload_cache)


class Step(NamedTuple):
    """One model call of a block, and what became of the latent."""

    number: int
    """Denoising step."""
    velocity: Tensor
    """Prediction [1, out_dim, T, h, w], after guidance."""
    null_velocity: Tensor | None
    """Prediction without speech, where guidance made one."""
    latent: Tensor
    """The latent at the next level; after the last step the clean one."""


class NeighborForcing:
    """The official rollout: blocks of 6, then 8 latent frames; three steps with fresh noise between them."""

    def __init__(self, dit: CausalDiT, options: NeighborOptions | None = None) -> None:
        self.dit = dit
        self.options = options or NeighborOptions()
        self.policy: MemoryPolicy = memory_policy(self.options.memory)
        if self.options.audio_guidance < 0:
            raise LiveActError(f"audio_guidance {self.options.audio_guidance} must not be negative; 1 is off")
        self.tracer: Tracer | None = None
        """Is told of every model call."""
        self.name = "neighbor"
        """Name in results."""
        self._next = self._calls = 0
        self._condition: Tensor | None = None
        self._memories: list[Memory] = []
        self._null_memories: list[Memory] = []
        self._kernels: list[KernelPair] = []

    @property
    def condition_latents(self) -> int:
        """Latent frames of the condition: those of the first block and of one later block."""
        return self.policy.first + self.policy.current

    def begin(self, condition: Tensor, *, latents: int | None = None) -> None:
        """Start a video with empty memories; see `Rollout.begin`."""
        expected = (1, self.dit.config.in_dim - self.dit.config.out_dim, self.condition_latents)
        if condition.ndim != 5 or tuple(condition.shape[:3]) != expected:
            raise LiveActError(
                f"Condition of shape {tuple(condition.shape)}; expected {(*expected, 'h', 'w')}: mask and latent of "
                f"the reference image"
            )
        dit, exchange = self.dit, self.dit.exchange
        rows, columns = dit.config.patch_size[1:]
        if condition.shape[3] % rows or condition.shape[4] % columns:
            raise LiveActError(
                f"Latent size {condition.shape[4]}x{condition.shape[3]} is not a multiple of the patch {columns}x{rows}"
            )
        frame = Frame(
            batch=1,
            tokens=(condition.shape[3] // rows) * (condition.shape[4] // columns),
            heads=dit.config.num_heads // exchange.ranks,
            head_dim=dit.config.head_dim,
            dtype=dit.dtype,
            device=dit.device,
        )
        steps, layers = len(self.options.schedule), dit.config.num_layers
        self._condition = condition.to(device=dit.device, dtype=dit.dtype)
        self._memories = [self.policy.build(layers, frame, self.options.store) for _ in range(steps)]
        guided = steps - self.options.silent_steps if self._guided else 0
        self._null_memories = [self.policy.build(layers, frame, self.options.store) for _ in range(guided)]
        self._kernels = [
            kernel_pair(
                tuple(exchange.own_heads(kernel) for kernel in block.self_attn.kernels()),
                share=self.policy.share_kernel,
            )
            for block in dit.blocks
        ]
        self._next = self._calls = 0

    def block_latents(self, n: int) -> int:
        """Latent frames of block n: 6, then 8."""
        return self.policy.first if n == 0 else self.policy.current

    def audio_span(self, n: int) -> range:
        """Video frames of the speech windows of block n: the first two blocks share theirs."""
        stride = self.dit.config.temporal_stride
        start = stride * self.policy.current * max(0, n - 1)
        return range(start, start + 1 + stride * (self.condition_latents - 1))

    def block(self, n: int, context: Context, audio: Tensor, noise: Noise) -> Tensor:
        """Denoise block n; see `Rollout.block`."""
        *_, last = self.steps(n, context, audio, noise)
        return last.latent

    @torch.no_grad()
    def steps(self, n: int, context: Context, audio: Tensor, noise: Noise) -> Iterator[Step]:
        """The model calls of block n one by one, for who wants to look at them or time them."""
        if self._condition is None or n != self._next:
            raise LiveActError(
                f"Block {n} was asked for; the next one is {self._next}. Call begin() to start over"
            )
        schedule = self.options.schedule
        tokens = self._audio_tokens(n, audio)
        null = self._audio_tokens(n, torch.zeros_like(audio)) if self._guided else None
        shape = (1, self.dit.config.out_dim, self.block_latents(n), *self._condition.shape[3:])
        x = noise.draw(shape, self.dit.device, self.dit.dtype)
        for index in range(len(schedule)):
            with stage(f"step_{index}"):
                heard, unheard = self._velocities(n, index, x, context, tokens, null)
                velocity = heard
                if unheard is not None:
                    velocity = unheard + self.options.audio_guidance * (heard - unheard)
                clean = predict_clean(x, velocity, schedule.sigma(index))
                # Drawn after the last step too, where its weight is zero: the order of draws is part of a seed.
                fresh = noise.draw(shape, self.dit.device, self.dit.dtype)
                x = renoise(clean, fresh, schedule.sigma(index + 1))
            yield Step(index, velocity, unheard, x)
        self._next = n + 1

    def memory_bytes(self) -> int:
        """Bytes of keys and values held, over all steps."""
        return sum(memory.nbytes() for memory in (*self._memories, *self._null_memories))

    @property
    def settling(self) -> int:
        """The first block, of another size, and the second, behind which the memory is full."""
        return 2

    def describe(self) -> dict[str, str | int | float]:
        """See `Rollout.describe`."""
        return {
            "rollout": self.name,
            "steps": len(self.options.schedule),
            "memory": self.policy.name,
            "audio_guidance": self.options.audio_guidance,
        }

    @property
    def memories(self) -> tuple[Memory, ...]:
        """The memory of each denoising step."""
        return tuple(self._memories)

    @property
    def _guided(self) -> bool:
        return self.options.audio_guidance != 1.0

    def _slice(self, n: int) -> slice:
        """The latent frames of the condition, and of the audio tokens, that block n takes."""
        return slice(0, self.policy.first) if n == 0 else slice(self.policy.first, self.condition_latents)

    def _audio_tokens(self, n: int, windows: Tensor) -> Tensor:
        """Audio tokens [1, T, A, audio_dim] of block n from its windows."""
        projected: Tensor = self.dit.audio_proj(windows.to(device=self.dit.device, dtype=self.dit.dtype))
        return projected[:, self._slice(n)]

    def _velocities(
        self, n: int, step: int, x: Tensor, context: Context, audio: Tensor, null: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """Predictions with speech and, in guided steps, with silence; each writes the block into its own memory."""
        silent = step < self.options.silent_steps
        heard = self._call(n, step, self._memories[step], x, context, None if silent else audio)
        if silent or null is None:
            return heard, None
        past = self._null_memories[step - self.options.silent_steps]
        return heard, self._call(n, step, past, x, context, null)

    def _call(
        self, n: int, step: int, memory: Memory, x: Tensor, context: Context, audio: Tensor | None
    ) -> Tensor:
        assert self._condition is not None
        with stage("memory"):
            positions = memory.begin_block(x.shape[2], self._kernels)
        timestep = self.options.schedule.timesteps[step]
        velocity: Tensor = self.dit(
            torch.cat([x, self._condition[:, :, self._slice(n)]], dim=1),
            torch.tensor([timestep], device=self.dit.device),
            context,
            audio,
            positions=positions,
            memory=memory,
            mute_first=n == 0,
        )
        self._tell(n, memory, positions, timestep, past=timestep)
        return velocity

    def _tell(
        self,
        n: int,
        memory: Memory,
        positions: Positions,
        timestep: float,
        *,
        past: float,
        cache: bool = False,
    ) -> None:
        """Report a model call; its own frames lie in the last slots that it looked at."""
        self._calls += 1
        if self.tracer is None:
            return
        own = positions.query[0]
        frames = tuple(f for slot in memory.held[own : own + len(positions.query)] for f in slot)
        self.tracer(
            TracedCall(
                number=self._calls - 1,
                block=n,
                turn=n,
                purpose="cache" if cache else "denoise",
                heard=memory not in self._null_memories,
                frames=frames,
                timesteps=(timestep,) * len(frames),
                positions=positions.query,
                keys=tuple(
                    slot_key(slot, memory, timestep if slot >= own else past, own=slot >= own)
                    for slot in positions.key
                ),
                mask=None,
                written=frames,
                held=sum(bool(slot) for held in self._memories for slot in held.held),
            )
        )


def slot_key(slot: int, memory: Memory, timestep: float, *, own: bool) -> TracedKey:
    """A slot as a call looked at it; the two first of a fixed number are never let go."""
    held = memory.held[slot]
    folded, sinks = len(held) > 1, 2 if isinstance(memory, SlotMemory) else 0
    frames = (held[0], held[-1]) if folded else (held[0],)
    if own:
        return TracedKey(frames=frames, position=slot, kind="own", timestep=timestep)
    if folded:
        return TracedKey(frames=frames, position=slot, kind="folded", timestep=None)
    past: KeyKind = "clean" if timestep == 0 else "noisy"
    return TracedKey(frames=frames, position=slot, kind="sink" if slot < sinks else past, timestep=timestep)
