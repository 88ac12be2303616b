"""What a forcing strategy decides, in numbers of latent frames: it sees neither model, nor memory, nor tensor.

A *turn* is a group of model calls (*passes*) after which the memory moves on: a block of a strategy that goes block
by block, a slide of one that goes by overlapping windows. For every pass the strategy says at which level each
latent frame is, what the pass looks at and at which RoPE position, and what of it is kept.
`liveact_eval.rollouts.forced` carries it out.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from liveact_eval.rollouts.draws import FrameDraws

REFERENCE = -1
"""The latent of the reference picture, as a latent frame beside the video."""
LEVELS = (1000.0, 937.5, 2500 / 3, 625.0)
"""Timesteps of Self Forcing and what follows it: 1000, 750, 500, 250 under shift 5."""

SolverKind = Literal["renoise", "euler", "unipc"]
"""`renoise`: estimate the clean latent, add fresh noise (few steps). `euler`: along the ODE. `unipc`: likewise, with a
corrector of second order, for many steps."""
STEADY = 20
"""A block by which every published strategy has filled its window and its cache."""
Role = Literal["past", "sink", "anchor", "reference"]
"""Why a latent frame is looked at."""
FirstAudio = Literal["muted", "silence", "heard"]
"""Speech of latent frame 0: left out of it, that of silence, or its own."""


class Entry(NamedTuple):
    """Name of the keys and values of one latent frame."""

    frame: int
    step: int = 0
    """Denoising step that it belongs to, where each has a past of its own."""


class Seen(NamedTuple):
    """A latent frame that a pass looks at besides its own."""

    entry: Entry
    position: int
    """Temporal RoPE position of its keys."""
    role: Role = "past"


@dataclass(frozen=True)
class Look:
    """What a pass looks at."""

    positions: tuple[int, ...]
    """Temporal RoPE positions of the pass's own frames."""
    seen: tuple[Seen, ...] = ()
    """Latent frames of the past, in the order of keys; the pass's own follow them."""
    mask: tuple[tuple[bool, ...], ...] | None = None
    """Rows of own frames, columns of keys, true where a frame may look; `None`: everywhere."""


@dataclass(frozen=True, kw_only=True)
class Pass:
    """One model call."""

    purpose: Literal["denoise", "cache", "reference", "recache"]
    """Why it is made; all but the first only leave keys and values."""
    frames: tuple[int, ...]
    """Latent frames, consecutive."""
    timesteps: tuple[float, ...]
    """Level of each, 0 to 1000."""
    following: tuple[float, ...] | None = None
    """`denoise`: the level that each goes on to, 0 where it is finished."""
    given: tuple[int, ...] = ()
    """Frames whose latent of an earlier turn stands in their condition, marked as known (a knot)."""
    fuse: bool = False
    """Whether the `given` frames become the mean of that latent and the new one."""
    held: tuple[int, ...] = ()
    """Frames that stay what they are and enter clean, whatever level they are said to have."""


class Shown(NamedTuple):
    """What of the encoded reference picture stands beside a latent frame."""

    source: int
    """Latent frame of the condition."""
    known: bool | None = None
    """Whether the mask says that it is the picture; `None`: as in the condition."""


class Strategy(ABC):
    """A forcing strategy for one video."""

    slots: int | None = None
    """Latent frames that the memory has room for; `None`: it grows."""
    turns_in_flight: int = 1
    """Turns in a row that denoise a latent frame until it is finished."""
    period: int = 1
    """Blocks after which what calls look at repeats, once the memory is full."""
    solver: SolverKind = "renoise"
    """How a latent goes on to its next level."""
    shift: float = 5.0
    """Shift of the levels; a solver that works them out by itself needs it."""
    guidance: float = 1.0
    """Guidance towards the speech where none is asked for; 1 is off, else every pass is made twice."""
    condition_latents: int = 14
    """Latent frames of the encoded reference picture."""
    prefix: bool = False
    """Whether latent frame 0 is the reference picture itself, given and not made."""
    first_audio: FirstAudio = "muted"
    """Speech of latent frame 0."""

    def begin(self, latents: int | None) -> None:  # noqa: B027
        """Start a video.

        Args:
            latents: its latent frames, where that is known.
        """

    def draw_from(self, draws: FrameDraws) -> None:  # noqa: B027
        """Where numbers of chance come from, for strategies that have any."""

    @abstractmethod
    def emit(self, block: int) -> range:
        """Latent frames that leave as block `block`."""

    def turns(self, block: int) -> range:
        """Turns that are made before block `block` leaves and after the one before has left."""
        return range(block, block + 1)

    @abstractmethod
    def levels(self, turn: int) -> tuple[Pass, ...]:
        """The passes of a turn, in order."""

    @abstractmethod
    def context(self, turn: int, step: int) -> Look:
        """What pass `step` of a turn looks at."""

    @abstractmethod
    def write(self, turn: int, step: int) -> tuple[Entry, ...]:
        """Own frames of pass `step` whose keys and values are kept, by name."""

    def keep(self, turn: int) -> Collection[Entry] | None:
        """What the memory still holds after a turn; `None`: everything."""
        return None

    @abstractmethod
    def oldest(self, turn: int) -> int:
        """The first latent frame whose latent is needed after a turn."""

    def condition(self, turn: int, frame: int) -> Shown:
        """What stands beside a frame; by default what the official LiveAct shows: 6 frames, then 8 again and again."""
        return Shown(frame if frame < 6 else 6 + (frame - 6) % 8)

    def switch(self, turn: int) -> None:  # noqa: B027
        """The prompt is another one from this turn on."""


def flat(frames: range, timestep: float) -> tuple[float, ...]:
    """The same level for all frames."""
    return (timestep,) * len(frames)


def warp(label: float, shift: float = 5.0) -> float:
    """Timestep of a label from 0 to 1000 under a shift: S u / (1 + (S - 1) u) with u = label / 1000."""
    u = label / 1000
    return 1000 * shift * u / (1 + (shift - 1) * u)


def uniform_levels(steps: int, shift: float = 5.0) -> tuple[float, ...]:
    """Labels 1000, 1000 (n-1)/n, ..., 1000/n under a shift."""
    return tuple(warp(1000 * (steps - i) / steps, shift) for i in range(steps))


def count_passes(strategy: Strategy, *, denoising: bool) -> int:
    """Passes of a steady block that denoise, or that only leave something, without guidance."""
    passes = [part for turn in strategy.turns(STEADY) for part in strategy.levels(turn)]
    return sum((part.purpose == "denoise") == denoising for part in passes)
