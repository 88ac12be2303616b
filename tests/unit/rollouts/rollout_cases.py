"""Runs of strategies over a small transformer, and the same videos made by hand, call by call, without their code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from liveact_eval.liveact.audio import audio_windows
from liveact_eval.liveact.dit import CausalDiT
from liveact_eval.liveact.kv_store import StoreOptions
from liveact_eval.liveact.memory import LayerMemory, Past, Positions
from liveact_eval.liveact.sampler import Noise
from liveact_eval.rollouts.draws import FrameDraws
from liveact_eval.rollouts.forced import ForcedRollout
from liveact_eval.rollouts.strategy import Strategy
from liveact_eval.rollouts.trace import TracedCall
from tests.unit.liveact.models import CONFIG, condition, small_dit, speech, text_and_image

SEED = 7
SIDE = 4
"""Height and width of latents: four tokens per latent frame."""
WARPED = [1000.0, 937.5, 833.3333333333334, 625.0]
GRADED = [1000.0, 952.3809523809523, 882.3529411764706, 769.2307692307692, 555.5555555555555]


@dataclass
class Made:
    """What a run gave."""

    blocks: list[Tensor] = field(default_factory=list)
    calls: list[TracedCall] = field(default_factory=list)
    bytes_held: list[int] = field(default_factory=list)

    @property
    def latents(self) -> Tensor:
        return torch.cat(self.blocks, dim=2)

    def of(self, *purposes: str) -> list[TracedCall]:
        """Calls with speech of these purposes."""
        return [call for call in self.calls if call.heard and call.purpose in purposes]


def make(
    strategy: Strategy,
    blocks: int,
    *,
    dit: CausalDiT | None = None,
    latents: int | None = None,
    side: int = SIDE,
    guidance: float | None = None,
    switch_at: int | None = None,
    seed: int = SEED,
    store: StoreOptions | None = None,
) -> Made:
    """A video of so many blocks."""
    made, dit = Made(), dit or small_dit(replace(CONFIG, num_layers=1))
    rollout = ForcedRollout(dit, strategy, store=store, guidance=guidance, tracer=made.calls.append)
    rollout.begin(condition(side, side, rollout.condition_latents), latents=latents)
    noise, heard = Noise(seed), speech(120)
    prompts = [dit.encode_context(*text_and_image()) for _ in range(2)]
    for n in range(blocks):
        span = rollout.audio_span(n)
        windows = audio_windows(heard, span.start, len(span), CONFIG.audio_window)
        prompt = prompts[switch_at is not None and n >= switch_at]
        made.blocks.append(rollout.block(n, prompt, windows, noise))
        made.bytes_held.append(rollout.memory_bytes())
    return made


def looked_at(call: TracedCall, *kinds: str) -> list[tuple[int, int]]:
    """(latent frame, position) of what a call looked at besides itself."""
    return [(key.frames[0], key.position) for key in call.past if not kinds or key.kind in kinds]


class _HandLayer(LayerMemory):
    """Gives a past that was put here, and keeps what the call brings."""

    def __init__(self) -> None:
        self.past: list[tuple[Tensor, Tensor]] = []
        self.own: tuple[Tensor, Tensor] | None = None

    def append(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        self.own = k.clone(), v.clone()
        return (
            torch.cat([*(past[0] for past in self.past), k], dim=1),
            torch.cat([*(past[1] for past in self.past), v], dim=1),
        )


class ByHand:
    """Model calls whose past is a list of single frames."""

    def __init__(self, dit: CausalDiT, frames: int, *, seed: int = SEED) -> None:
        self.dit, self.draws = dit, FrameDraws(seed)
        self.y = condition(SIDE, SIDE)
        self._context = dit.encode_context(*text_and_image())
        count = 4 * frames + 1
        self._audio: Tensor = dit.audio_proj(audio_windows(speech(120), 0, count, CONFIG.audio_window))
        self._layers = [_HandLayer() for _ in dit.blocks]
        self.silence: Tensor = dit.audio_proj(torch.zeros(1, 5, CONFIG.audio_window, 2, 10))
        self.kept: dict[int, list[tuple[Tensor, Tensor]]] = {}
        """Keys before RoPE and values by latent frame, one pair per layer."""

    def normal(self, kind: str, frame: int) -> Tensor:
        """Noise of one frame."""
        assert kind in ("begin", "between")
        shape = (1, 16, 1, SIDE, SIDE)
        if kind == "begin":
            return self.draws.normal("begin", frame, shape, torch.device("cpu"), torch.float32)
        return self.draws.normal("between", frame, shape, torch.device("cpu"), torch.float32)

    def beside(self, frames: Sequence[int]) -> Tensor:
        """The official condition: six latent frames, then eight again and again."""
        index = [f if f < 6 else 6 + (f - 6) % 8 for f in frames]
        return self.y[:, :, index]

    @torch.no_grad()
    def velocity(
        self,
        frames: Sequence[int],
        x: Tensor,
        levels: Sequence[float],
        past: Sequence[tuple[int, int]] = (),
        *,
        positions: Sequence[int] | None = None,
        keep: bool = False,
        beside: Tensor | None = None,
        audio: Tensor | None = None,
        deaf: bool = False,
        mute: bool = True,
    ) -> Tensor:
        """Velocity of frames behind (frame, position) pairs."""
        for number, layer in enumerate(self._layers):
            layer.past = [self.kept[frame][number] for frame, _ in past]
        memory = Past()
        memory.layers = list(self._layers)
        own = tuple(positions or frames)
        heard = self._audio[:, list(frames)] if audio is None and not deaf else audio
        out: Tensor = self.dit(
            torch.cat([x, self.beside(frames) if beside is None else beside], dim=1),
            torch.tensor([list(levels)]),
            self._context,
            heard,
            positions=Positions(own, (*(position for _, position in past), *own)),
            memory=memory,
            mute_first=mute and frames[0] == 0,
        )
        if keep:
            for index, frame in enumerate(frames):
                cut = slice(index * 4, index * 4 + 4)
                pairs = [layer.own for layer in self._layers if layer.own is not None]
                self.kept[frame] = [(k[:, cut], v[:, cut]) for k, v in pairs]
        return out
