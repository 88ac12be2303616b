"""A published strategy on true clips: its own model calls, behind the past that it would have if it made no mistakes.

For each batch a turn of the strategy and one of its denoising passes are drawn. The pass's latent frames are those of
the clip under the noise of the strategy's own levels (graded over a window, equal inside a block); what it looks at
are keys and values of the clip's earlier frames, made by the passes in which the strategy leaves them, at its own
positions. The loss is flow matching, and its gradient goes through those passes too: the past must be worth looking at.

So every strategy can be learnt from the same clips, batch, conditions and steps. The published trainings go on from
there by distribution matching over their rollouts; this stage is what comes before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from liveact_eval.liveact.conditions import Context
from liveact_eval.liveact.config import LiveActConfig
from liveact_eval.liveact.memory import LayerMemory, Past, Positions
from liveact_eval.liveact.sampler import STEPS_PER_UNIT, renoise
from liveact_eval.rollouts.draws import FrameDraws
from liveact_eval.rollouts.published import PUBLISHED
from liveact_eval.rollouts.strategy import REFERENCE, Entry, Look, Pass, Strategy
from liveact_eval.training.draws import normal
from liveact_eval.training.objectives.base import Batch, Losses, Objective
from liveact_eval.training.objectives.configs import ForcedChoice
from liveact_eval.training.objectives.neighbor import Conditioned, initialise, level_name
from liveact_eval.training.training_memory import SlotStore

if TYPE_CHECKING:
    from liveact_eval.training.judging import Judge

KeysValues = list[tuple[Tensor, Tensor]]
"""Keys before RoPE and values of one latent frame, one pair per layer."""


class Call(NamedTuple):
    """A model call of the strategy."""

    turn: int
    step: int
    part: Pass
    look: Look
    writes: tuple[Entry, ...]


def calls_up_to(strategy: Strategy, turn: int, step: int) -> list[Call]:
    """The pass of a turn, behind those whose keys and values it looks at, directly or through others."""
    made = [
        Call(t, s, part, strategy.context(t, s), strategy.write(t, s))
        for t in range(turn + 1)
        for s, part in enumerate(strategy.levels(t))
        if (t, s) <= (turn, step)
    ]
    needed = {seen.entry for seen in made[-1].look.seen}
    kept = [made[-1]]
    for call in reversed(made[:-1]):
        if needed.isdisjoint(call.writes):
            continue
        needed.difference_update(call.writes)
        needed.update(seen.entry for seen in call.look.seen)
        kept.append(call)
    return kept[::-1]


def turns_within(strategy: Strategy, latents: int) -> list[int]:
    """Turns whose latent frames all lie in clips of that length."""
    found = []
    for turn in range(latents):
        frames = [frame for part in strategy.levels(turn) for frame in part.frames]
        if frames and max(frames) < latents:
            found.append(turn)
    return found


@dataclass(frozen=True)
class _Clips:
    """A batch as the strategy looks at it."""

    latents: Tensor
    """True latents [B, C, T, h, w]; of a strategy that is given the picture, frame 0 is the picture."""
    condition: Tensor
    """Mask and condition latents [B, 20, 14, h, w]."""
    audio: Tensor
    """Audio tokens [B, T, A, audio_dim]."""
    context: Context
    """Text and image."""

    @property
    def picture(self) -> Tensor:
        """Latent of the reference picture [B, C, 1, h, w]."""
        return self.condition[:, self.condition.shape[1] - self.latents.shape[1] :, :1]


class ForcedObjective(Objective):
    """Flow matching of a strategy's denoising passes.

    Args:
        config: sizes.
        choice: the strategy.
        judge: says how good the transformer is; none: validation is empty.
    """

    def __init__(self, config: LiveActConfig, choice: ForcedChoice, judge: Judge | None = None) -> None:
        self._choice, self._judge = choice, judge
        self.module = Conditioned(config)
        initialise(self.module.dit)

    def players(self) -> Mapping[str, nn.Module]:
        """One: transformer, text and image encoder."""
        return {"dit": self.module}

    def loss(self, player: str, batch: Batch, draws: torch.Generator) -> Losses:
        """Weighted squared error of the velocity; see the module."""
        strategy = PUBLISHED[self._choice.rollout].strategy()
        strategy.draw_from(FrameDraws(int(torch.randint(2**31, (1,), generator=draws))))
        clips = self._clips(strategy, batch)
        turns = turns_within(strategy, clips.latents.shape[2])
        turn = turns[int(torch.randint(len(turns), (1,), generator=draws))]
        steps = [step for step, part in enumerate(strategy.levels(turn)) if part.purpose == "denoise"]
        step = steps[int(torch.randint(len(steps), (1,), generator=draws))]
        kept: dict[Entry, KeysValues] = {}
        *before, last = calls_up_to(strategy, turn, step)
        for call in before:
            self._velocity(strategy, call, self._input(call.part, clips, draws)[0], clips, kept)
        x, noise = self._input(last.part, clips, draws)
        velocity, part = self._velocity(strategy, last, x, clips, kept), last.part
        learnt = [index for index, frame in enumerate(part.frames) if frame not in part.held]
        frames = [part.frames[index] for index in learnt]
        target = (noise - clips.latents[:, :, list(part.frames)])[:, :, learnt]
        error = (velocity[:, :, learnt] - target).square()
        weight = 1 + self._choice.mouth_weight * batch["mouth"][:, None, frames].float()
        total = (error * weight).mean() / weight.mean()
        shares = [part.timesteps[index] / STEPS_PER_UNIT for index in learnt]
        return Losses(total, {"velocity": error.mean()} | _by_level(error, shares))

    def validate(self) -> Mapping[str, float]:
        """What the judge says."""
        return {} if self._judge is None else self._judge(self.module)

    def results(self) -> Mapping[str, nn.Module]:
        """Transformer, text and image encoder."""
        return {"dit": self.module.dit, "text": self.module.text, "image": self.module.image}

    def _clips(self, strategy: Strategy, batch: Batch) -> _Clips:
        latents, condition = batch["latents"].float(), batch["condition"].float()
        if strategy.prefix:
            picture = condition[:, condition.shape[1] - latents.shape[1] :, :1]
            latents = torch.cat([picture, latents[:, :, 1:]], dim=2)
        stride = self.module.config.dit.temporal_stride
        features = batch["features"].float()
        audio = self.module.audio(features, 1 + stride * (latents.shape[2] - 1))
        if strategy.first_audio == "silence":
            silence = self.module.audio(torch.zeros_like(features), 1 + stride)
            audio = torch.cat([silence[:, :1], audio[:, 1:]], dim=1)
        context = self.module.context(batch["prompt"], batch["image"])
        return _Clips(latents, condition, audio, context)

    @staticmethod
    def _input(part: Pass, clips: _Clips, draws: torch.Generator) -> tuple[Tensor, Tensor]:
        """Latents of a call at its levels, and the noise in them."""
        if part.frames[0] == REFERENCE:
            return clips.picture, torch.zeros_like(clips.picture)
        clean = clips.latents[:, :, list(part.frames)]
        noise = normal(clean.shape, draws, clean.device)
        shares = [
            0.0 if frame in part.held else timestep / STEPS_PER_UNIT
            for frame, timestep in zip(part.frames, part.timesteps, strict=True)
        ]
        frames = (
            renoise(clean[:, :, i : i + 1], noise[:, :, i : i + 1], share) for i, share in enumerate(shares)
        )
        return torch.cat(list(frames), dim=2), noise

    def _velocity(
        self, strategy: Strategy, call: Call, x: Tensor, clips: _Clips, kept: dict[Entry, KeysValues]
    ) -> Tensor:
        """Velocity of a call [B, C, T, h, w] in float32; what it leaves goes into `kept`."""
        dit, part, look = self.module.dit, call.part, call.look
        rows, columns = dit.config.patch_size[1:]
        tokens = (x.shape[3] // rows) * (x.shape[4] // columns)
        seen = [kept[seen.entry] for seen in look.seen]
        memory = _past(seen, dit.config.num_layers, len(part.frames), tokens)
        first = part.frames[0]
        positions = Positions(look.positions, (*(seen.position for seen in look.seen), *look.positions))
        velocity: Tensor = dit(
            torch.cat([x, self._beside(strategy, call, clips)], dim=1),
            torch.tensor([part.timesteps] * len(x), device=x.device),
            clips.context,
            None if first == REFERENCE else clips.audio[:, list(part.frames)],
            positions=positions,
            memory=memory,
            frame_mask=None if look.mask is None else torch.tensor(look.mask, device=x.device),
            mute_first=first == 0 and strategy.first_audio == "muted",
        )
        for entry in call.writes:
            place = len(look.seen) + part.frames.index(entry.frame)
            kept[entry] = [_frame(layer, place, tokens) for layer in memory.layers]
        return velocity.float()

    @staticmethod
    def _beside(strategy: Strategy, call: Call, clips: _Clips) -> Tensor:
        """Masks and condition latents of a call's frames; see `ForcedRollout`."""
        masks, rows = clips.condition.shape[1] - clips.latents.shape[1], []
        for frame in call.part.frames:
            if frame == REFERENCE or frame in call.part.given:
                latent = clips.picture if frame == REFERENCE else clips.latents[:, :, frame : frame + 1]
                known = torch.ones_like(latent[:, :1]).expand(-1, masks, -1, -1, -1)
                rows.append(torch.cat([known, latent], dim=1))
                continue
            shown = strategy.condition(call.turn, frame)
            found = clips.condition[:, :, shown.source : shown.source + 1]
            if shown.known is not None:
                known = torch.full_like(found[:, :masks], float(shown.known))
                found = torch.cat([known, found[:, masks:]], dim=1)
            rows.append(found)
        return torch.cat(rows, dim=2)


def _past(seen: list[KeysValues], layers: int, own: int, tokens: int) -> Past:
    """A past of single frames, and slots behind it for the call's own; a gradient can follow all of them."""
    memory = Past()
    memory.layers = []
    for number in range(layers):
        layer = LayerMemory(SlotStore(tokens), SlotStore(tokens))
        for slot, frame in enumerate(seen):
            keys, values = frame[number]
            layer.keys.write(slot * tokens, keys)
            layer.values.write(slot * tokens, values)
        layer.start, layer.stop = len(seen) * tokens, (len(seen) + own) * tokens
        memory.layers.append(layer)
    return memory


def _frame(layer: LayerMemory, place: int, tokens: int) -> tuple[Tensor, Tensor]:
    start, stop = place * tokens, (place + 1) * tokens
    return layer.keys.read(start, stop), layer.values.read(start, stop)


def _by_level(error: Tensor, shares: list[float]) -> dict[str, Tensor]:
    """Mean error of the latent frames whose level is in the same group."""
    groups: dict[str, list[Tensor]] = {}
    for index, share in enumerate(shares):
        groups.setdefault(level_name(share), []).append(error[:, :, index])
    return {name: torch.stack(parts).mean() for name, parts in groups.items()}
