"""A window of blocks that grow cleaner from right to left and slide by one block: Rolling Forcing and AvatarForcing.

One pass denoises the whole window without a mask, so that a block sees blocks of its future, noisier than itself;
behind it, one pass at timestep 0 puts the left-most block into the cache. A block enters at the right at full
noise, moves one place (and `passes` levels) per slide, and leaves at the left. The window grows at the start of a
video and shrinks at its end, where that is known beforehand; a live source has no known end, and the window stays
full.

A pass looks at a sink (first frames, or the given picture), at the newest finished frames behind which the window
stands, and at itself. Index arithmetic follows the official cache code.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from liveact_eval.liveact.errors import LiveActError
from liveact_eval.rollouts.strategy import Entry, Look, Pass, Role, Seen, Strategy


@dataclass(frozen=True, kw_only=True)
class WindowConfig:
    """Sizes of a sliding window, in latent frames."""

    block: int
    """Of a block."""
    window: int
    """Blocks of a full window (W, or L)."""
    levels: tuple[float, ...]
    """Timesteps that a block goes through, `passes` for each place of the window."""
    sink_frames: int
    """Kept from the beginning; 0: none."""
    cache_frames: int
    """Room of the cache, sink included."""
    budget_frames: int
    """Seen by a pass at most, own ones included."""
    passes: int = 1
    """Joint passes per slide (N)."""
    prefix: bool = False
    """Whether latent frame 0 is the reference picture, given and not made; it is then the sink."""
    reindex: bool = True
    """Whether the sink moves with the window, to the positions before the oldest finished frame that is seen."""
    working: bool = True
    """Whether finished frames behind the window are seen."""

    def __post_init__(self) -> None:
        if min(self.block, self.window, self.passes) < 1 or self.sink_frames < 0:
            raise LiveActError(
                f"block {self.block}, window {self.window}, passes {self.passes}, sink_frames {self.sink_frames}: "
                "expected 1 or more of the first three, and no fewer than 0 of the last"
            )
        if len(self.levels) != self.window * self.passes:
            raise LiveActError(
                f"{len(self.levels)} levels for a window of {self.window} blocks and {self.passes} passes per slide; "
                f"expected {self.window * self.passes}"
            )
        full = self.sink_frames + self.window * self.block
        if self.budget_frames < full or self.cache_frames < self.sink_frames + self.block:
            raise LiveActError(
                f"budget_frames {self.budget_frames} and cache_frames {self.cache_frames}: expected at least {full} "
                f"and {self.sink_frames + self.block}, for a sink of {self.sink_frames} and blocks of {self.block}"
            )


class SlidingWindow(Strategy):
    """The slides of a window; a turn is one slide."""

    sink_role: Role = "sink"

    def __init__(self, config: WindowConfig) -> None:
        self.config = config
        self.slots = config.cache_frames
        self.turns_in_flight = config.window
        self.prefix = config.prefix
        self._first = int(config.prefix)
        self._blocks: int | None = None

    def begin(self, latents: int | None) -> None:
        """See `Strategy.begin`; the end of the video decides when the window shrinks."""
        self._blocks = None if latents is None else max(1, -(-(latents - self._first) // self.config.block))

    def emit(self, block: int) -> range:
        """The frames of a block; the given picture leaves with the first."""
        frames = self._of(block)
        return range(0 if block == 0 else frames.start, frames.stop)

    def turns(self, block: int) -> range:
        """The window fills before the first block leaves; each later one leaves with a slide."""
        last = block + self.config.window
        return range(0 if block == 0 else last - 1, last)

    def levels(self, turn: int) -> tuple[Pass, ...]:
        """The joint passes of a slide, and the pass that leaves its left-most block in the cache."""
        blocks, chosen = self._inside(turn), self.config
        frames = tuple(f for b in blocks for f in self._of(b))
        ends = (*chosen.levels, 0.0)
        passes = []
        if self.prefix and chosen.sink_frames and turn == 0:
            passes.append(Pass(purpose="cache", frames=(0,), timesteps=(0.0,)))
        if not blocks:
            return ()
        for number in range(chosen.passes):
            # A block has been in the window for as many slides as it stands from the right.
            at = [(turn - b) * chosen.passes + number for b in blocks for _ in range(chosen.block)]
            passes.append(
                Pass(
                    purpose="denoise",
                    frames=frames,
                    timesteps=tuple(ends[index] for index in at),
                    following=tuple(ends[index + 1] for index in at),
                )
            )
        left = tuple(self._of(blocks.start))
        return (*passes, Pass(purpose="cache", frames=left, timesteps=(0.0,) * len(left)))

    def context(self, turn: int, step: int) -> Look:
        """Sink, finished frames, and the pass's own."""
        part = self.levels(turn)[step]
        if part.frames == (0,) and self.prefix:
            return Look((0,))
        seen = self._main(part.frames) if part.purpose == "denoise" else self._cache(part.frames)
        return Look(part.frames, seen)

    def write(self, turn: int, step: int) -> tuple[Entry, ...]:
        """The left-most block, finished or, while the window fills, as it is estimated so far."""
        part = self.levels(turn)[step]
        return tuple(Entry(f) for f in part.frames) if part.purpose == "cache" else ()

    def keep(self, turn: int) -> Collection[Entry] | None:
        """The sink, and as many finished frames as leave room for another block."""
        start = self._of(self._inside(turn + 1).start).start
        return {Entry(f) for f in (*self._sink(start), *self._local(start))}

    def oldest(self, turn: int) -> int:
        """Of finished blocks, keys and values alone are needed."""
        return self._of(self._inside(turn + 1).start).start

    def _inside(self, turn: int) -> range:
        """Blocks in the window of a slide."""
        last = turn if self._blocks is None else min(self._blocks - 1, turn)
        return range(max(0, turn - self.config.window + 1), last + 1)

    def _of(self, block: int) -> range:
        start = self._first + block * self.config.block
        return range(start, start + self.config.block)

    def _sink(self, start: int) -> range:
        """Frames of the sink that stand before a window."""
        return range(self.config.sink_frames) if start >= self.config.sink_frames else range(0)

    def _local(self, start: int) -> range:
        """Finished frames in the cache once there is room for the block at `start`."""
        room = self.config.cache_frames - self.config.sink_frames - self.config.block
        return range(max(self.config.sink_frames, self._first, start - room), start)

    def _main(self, frames: tuple[int, ...]) -> tuple[Seen, ...]:
        start = frames[0]
        sink, local = self._sink(start), self._local(start)
        working = range(0)
        if self.config.working:
            left = self.config.budget_frames - self.config.sink_frames - len(frames)
            working = local[max(0, len(local) - left) :]
        shift = start - len(working) - len(sink) if self.config.reindex else 0
        return (
            *(Seen(Entry(f), shift + f, self.sink_role) for f in sink),
            *(Seen(Entry(f), f) for f in working),
        )

    def _cache(self, frames: tuple[int, ...]) -> tuple[Seen, ...]:
        """The whole cache at the positions of its frames, or the newest of it where it is larger than the budget."""
        start = frames[0]
        sink, local = self._sink(start), self._local(start)
        held = [Seen(Entry(f), f, self.sink_role) for f in sink] + [Seen(Entry(f), f) for f in local]
        return tuple(held[max(0, len(held) + len(frames) - self.config.budget_frames) :])
