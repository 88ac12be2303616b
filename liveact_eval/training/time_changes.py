"""What generators do to time, on purpose: held, frozen, blended or shuffled frames, jumps, flicker, boiling grain."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from liveact_eval.training.degradations import DEGRADATIONS

Change = Callable[[Tensor, Tensor, torch.Generator], Tensor]

_MOST_HELD = 5
"""How often the same frame is shown at most."""
_BLENDED = (2.0, 7.0)
"""Frames that are averaged."""
_DISPLACED = 5.0
"""How many frames too late a shuffled frame comes at most."""
_JUMP_PX = (1.0, 3.4)
"""Farthest jump, either way."""
_FLICKER = (0.03, 0.25)
"""Largest change of contrast and level, either way."""


def change_time(
    clips: Tensor, draws: torch.Generator, kinds: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Each clip changed in one way.

    Args:
        clips: (N, 3, T, H, W) in -1..1, sides multiples of 8.
        draws: source of kinds, strengths and noise.
        kinds: (N,) index in `TIME_CHANGES` of what is done to each clip; drawn where it is not given.

    Returns:
        The clips in -1..1, the kinds (N,) int64, and the strengths (N,) 0..1.
    """
    count = len(clips)
    drawn = torch.randint(len(TIME_CHANGES), (count,), generator=draws)
    strengths = torch.rand(count, generator=draws)
    kinds = (drawn if kinds is None else kinds).to(clips.device)
    made = clips.clone()
    changes = list(TIME_CHANGES.values())
    for number, (kind, strength) in enumerate(zip(kinds.tolist(), strengths, strict=True)):
        made[number] = changes[kind](clips[number], strength, draws)
    return made.clamp(-1, 1), kinds, strengths.to(clips.device)


def _held(clip: Tensor, strength: Tensor, draws: torch.Generator) -> Tensor:
    """Fewer frames per second: each one is shown several times."""
    times = 2 + round(float(strength) * (_MOST_HELD - 2))
    order = torch.arange(clip.shape[1], device=clip.device)
    # Windows do not begin where a frame is new.
    late = int(torch.randint(times, (1,), generator=draws))
    return clip[:, ((order + late) // times * times - late).clamp(min=0)]


def _frozen(clip: Tensor, strength: Tensor, _draws: torch.Generator) -> Tensor:
    """From some frame on, nothing moves."""
    frames = clip.shape[1]
    last = round(frames / 2 * (1 - float(strength)))
    return clip[:, torch.arange(frames, device=clip.device).clamp(max=last)]


def _blended(clip: Tensor, strength: Tensor, _draws: torch.Generator) -> Tensor:
    """Means over neighbouring frames."""
    frames = clip.shape[1]
    width = _BLENDED[0] + float(strength) * (_BLENDED[1] - _BLENDED[0])
    places = torch.arange(frames, device=clip.device)
    apart = (places[:, None] - places).abs()
    weights = ((width + 1) / 2 - apart).clamp(0, 1)
    weights = weights / weights.sum(dim=1, keepdim=True)
    return torch.einsum("st,cthw->cshw", weights, clip)


def _shuffled(clip: Tensor, strength: Tensor, draws: torch.Generator) -> Tensor:
    """Frames change places with near ones."""
    frames = clip.shape[1]
    late = torch.rand(frames, generator=draws) * (1.5 + strength * (_DISPLACED - 1.5))
    return clip[:, (torch.arange(frames) + late).argsort().to(clip.device)]


def _jumping(clip: Tensor, strength: Tensor, draws: torch.Generator) -> Tensor:
    """The picture jumps from frame to frame."""
    reach = int(_JUMP_PX[0] + float(strength) * (_JUMP_PX[1] - _JUMP_PX[0]))
    height, width = clip.shape[2:]
    padded = F.pad(clip, (reach,) * 4, mode="replicate")
    places = torch.randint(2 * reach + 1, (clip.shape[1], 2), generator=draws).tolist()
    shown = [
        padded[:, frame, top : top + height, left : left + width] for frame, (top, left) in enumerate(places)
    ]
    return torch.stack(shown, dim=1)


def _flickering(clip: Tensor, strength: Tensor, draws: torch.Generator) -> Tensor:
    """Contrast and level change from frame to frame."""
    amount = _FLICKER[0] + strength * (_FLICKER[1] - _FLICKER[0])
    drawn = torch.rand(2, clip.shape[1], 1, 1, generator=draws)
    change = (amount * (2 * drawn - 1)).to(clip.device)
    return clip * (1 + change[0]) + change[1]


def _each_frame(name: str) -> Change:
    """A degradation of pictures, of all frames alike; what is random in it is new in each frame."""

    def change(clip: Tensor, strength: Tensor, draws: torch.Generator) -> Tensor:
        frames = clip.transpose(0, 1)
        strengths = strength.expand(len(frames)).to(clip.device)
        return DEGRADATIONS[name](frames, strengths, draws).transpose(0, 1)

    return change


TIME_CHANGES: dict[str, Change] = {
    "held": _held,
    "frozen": _frozen,
    "blended": _blended,
    "shuffled": _shuffled,
    "jumping": _jumping,
    "flickering": _flickering,
    "grain": _each_frame("noise"),
    "soft": _each_frame("blur"),
    "blocks": _each_frame("blocks"),
}
"""What can be done to a clip (3, T, H, W), with a strength of 0..1, by name."""
