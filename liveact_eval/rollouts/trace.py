"""What a rollout did, model call by model call, as the run itself reports it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

KeyKind = Literal["own", "held", "clean", "noisy", "folded", "sink", "anchor", "reference"]
"""What is looked at: the call's own frames, which it denoises or holds as they are; the past, computed at timestep 0 or
above it, or folded from several frames; frames that are kept from the beginning, moved with the block, or not of the
video."""
OWN: tuple[KeyKind, ...] = ("own", "held")
"""Kinds of a call's own frames."""


@dataclass(frozen=True, kw_only=True)
class TracedKey:
    """Keys and values of one latent frame that a call looked at."""

    frames: tuple[int, ...]
    """Latent frame; oldest and newest where a memory folded several; -1 is the reference picture."""
    position: int
    """Temporal RoPE position."""
    kind: KeyKind
    """What it is to the call."""
    timestep: float | None
    """Level at which it was computed; `None` where several were folded."""


@dataclass(frozen=True, kw_only=True)
class TracedCall:
    """One model call."""

    number: int
    """Model call of the video, from 0."""
    block: int
    """Block that was being made."""
    turn: int
    """Block or slide that the strategy was in."""
    purpose: str
    """`denoise`, or why else it was made."""
    heard: bool
    """Whether it is the one with speech; guidance makes another without."""
    frames: tuple[int, ...]
    """Own latent frames."""
    timesteps: tuple[float, ...]
    """Level of each."""
    positions: tuple[int, ...]
    """Temporal RoPE position of each."""
    keys: tuple[TracedKey, ...]
    """All that is looked at, own frames included, in the order of the memory."""
    mask: tuple[tuple[bool, ...], ...] | None
    """Rows of own frames, columns of keys; `None`: everything is seen."""
    written: tuple[int, ...]
    """Own latent frames whose keys and values stay behind the call."""
    held: int
    """Latent frames in the memories after the call, folded ones as one."""

    def sees(self, row: int, column: int) -> bool:
        """Whether own frame `row` looks at key `column`."""
        return self.mask is None or self.mask[row][column]

    @property
    def own(self) -> tuple[TracedKey, ...]:
        """The call's own frames."""
        return tuple(key for key in self.keys if key.kind in OWN)

    @property
    def past(self) -> tuple[TracedKey, ...]:
        """What it looks at besides."""
        return tuple(key for key in self.keys if key.kind not in OWN)

    def as_json(self) -> dict[str, Any]:
        """Plain types."""
        return asdict(self)


Tracer = Callable[[TracedCall], None]
"""Is told of every model call after it was made."""
