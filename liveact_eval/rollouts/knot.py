"""Knot Forcing (2025, algorithm 1): chunks that overlap by a temporal knot, and a reference that runs ahead.

A chunk of c latent frames is denoised together with k frames of the next one. What it thinks of these, the knot,
stands in the condition of the next chunk's first frames, marked as known, and is averaged with what that chunk
makes of them. The reference picture is looked at from a position in the future, and moves on before the video
reaches it.

The paper leaves open what is a parameter here: the first position of the reference (the last frame of a training
clip, 20), by how much it moves, and the levels (those of Self Forcing). There is no code to compare with.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from liveact_eval.liveact.errors import LiveActError
from liveact_eval.rollouts.strategy import LEVELS, REFERENCE, Entry, Look, Pass, Seen, Strategy, flat


@dataclass(frozen=True, kw_only=True)
class KnotConfig:
    """What can be chosen; sizes are published."""

    chunk: int = 3
    """Latent frames that leave per chunk (c)."""
    window: int = 6
    """Finished frames and chunk together (L); L - c finished ones are looked at."""
    knot: int = 1
    """Frames of the next chunk that are denoised along (k); 0: none."""
    levels: tuple[float, ...] = LEVELS
    """Timesteps of the steps of a chunk; the paper says four and does not list them."""
    reference: bool = True
    """Whether the reference picture is looked at."""
    ahead: int = 20
    """First position of the reference (n): the last frame of a training clip of 21."""
    stride: int = 15
    """By how much the reference moves (s): the most whole chunks that keep it within `ahead` of the chunk."""
    running: bool = True
    """Whether it moves at all."""

    def __post_init__(self) -> None:
        if self.chunk < 1 or not 0 <= self.knot <= self.chunk or self.window < self.chunk:
            raise LiveActError(
                f"chunk {self.chunk}, knot {self.knot}, window {self.window}: expected a chunk of 1 or more, a knot no "
                "longer than it, and a window no shorter"
            )
        if self.reference and self.running and self.stride < self.chunk + self.knot:
            raise LiveActError(
                f"stride {self.stride}: expected at least {self.chunk + self.knot}, or the video overtakes the "
                "reference"
            )


class KnotForcing(Strategy):
    """A turn is a chunk."""

    def __init__(self, config: KnotConfig | None = None) -> None:
        self.config = config or KnotConfig()
        past = self.config.window - self.config.chunk
        # The finished frames of the chunk are written while those before it are still looked at.
        self.slots = int(self.config.reference) + past + max(past, 1)

    def emit(self, block: int) -> range:
        """The frames of a chunk without its knot."""
        start = block * self.config.chunk
        return range(start, start + self.config.chunk)

    def levels(self, turn: int) -> tuple[Pass, ...]:
        """The reference where it has moved, the steps of chunk and knot, and the pass over what is finished."""
        out = self.emit(turn)
        frames = range(out.start, out.stop + self.config.knot)
        given = tuple(frames[: self.config.knot]) if turn else ()
        passes = []
        if self.config.reference and (turn == 0 or self._position(turn) != self._position(turn - 1)):
            passes.append(Pass(purpose="reference", frames=(REFERENCE,), timesteps=(0.0,)))
        followers = (*self.config.levels[1:], 0.0)
        for level, after in zip(self.config.levels, followers, strict=True):
            passes.append(
                Pass(
                    purpose="denoise",
                    frames=tuple(frames),
                    timesteps=flat(frames, level),
                    following=flat(frames, after),
                    given=given,
                    fuse=after == 0 and bool(given),
                )
            )
        finished = self._finished(turn)
        if finished:
            passes.append(
                Pass(purpose="cache", frames=tuple(finished), timesteps=flat(finished, 0.0)),
            )
        return tuple(passes)

    def context(self, turn: int, step: int) -> Look:
        """The reference, the finished frames before the chunk, and the chunk, without a mask."""
        part = self.levels(turn)[step]
        if part.purpose == "reference":
            return Look((self._position(turn),))
        reference = [Seen(Entry(REFERENCE), self._position(turn), "reference")]
        past = [] if turn == 0 else [f for f in self._finished(turn - 1) if f not in part.frames]
        return Look(
            part.frames,
            (*(reference if self.config.reference else ()), *(Seen(Entry(f), f) for f in past)),
        )

    def write(self, turn: int, step: int) -> tuple[Entry, ...]:
        """The reference, and the newest finished frames."""
        part = self.levels(turn)[step]
        return () if part.purpose == "denoise" else tuple(Entry(f) for f in part.frames)

    def keep(self, turn: int) -> Collection[Entry] | None:
        """What the next chunk looks at."""
        return {Entry(REFERENCE), *(Entry(f) for f in self._finished(turn))}

    def oldest(self, turn: int) -> int:
        """The knot, and finished frames that are encoded once more where the window is long."""
        return min(self._finished(turn + 1).start, self.emit(turn).stop)

    def _finished(self, turn: int) -> range:
        """The newest finished frames after a chunk: i + 2c - L to i + c."""
        stop = self.emit(turn).stop
        return range(max(0, stop - (self.config.window - self.config.chunk)), stop)

    def _position(self, turn: int) -> int:
        """Position of the reference (n) during a chunk."""
        place, stride = self.config.ahead, self.config.stride
        if not self.config.running:
            return place
        # It moves once whenever the chunk and its knot would pass it, which is this many times so far.
        return place + stride * max(0, -(-(self.emit(turn).stop + self.config.knot - place) // stride))
