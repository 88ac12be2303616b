"""What a program printed about its blocks: how long each took, how many frames it has, which of them warm up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from liveact_eval.efficiency.samples import BlockSample
from liveact_eval.efficiency.simulator import Timeline, timeline_of

PRINTED = "as printed"
"""Stage of a block whose time is the program's own word: what is in it nobody here has measured."""
NO_LINES = "its program printed no block lines that `timing` of its card describes"
NO_STATED_BLOCKS = "its function states no `blocks`"
SHARED = "clips share a process (`clips_per_process`), so that it is not known whose blocks are whose"
NO_FRAMES = "its block lines do not say how many frames a block has: give `frames` in `timing` of its card"
ALL_WARM_UP = "all of its blocks are warm-up by its card"
NO_SHOWN_FRAMES = "its blocks hold no frames"


@dataclass(frozen=True, kw_only=True)
class PrintedBlock:
    """One block, by its line."""

    seconds: float
    """What it took."""
    frames: int | None
    """`None`: not said."""


@dataclass(frozen=True, kw_only=True)
class PrintedVideo:
    """One video of a program that printed its blocks."""

    fps: float
    """Frames per second of the program's own video."""
    blocks: tuple[PrintedBlock, ...]
    """In order, one or more."""
    warm_up: int
    """Leading blocks that the card calls warm-up."""
    first_frame_s: float | None
    """Seconds to the first frame, where a line said so."""
    program_frames: int
    """Frames of its file."""

    @property
    def steady(self) -> tuple[PrintedBlock, ...]:
        """Blocks that do not warm up; without a last one that was cut."""
        blocks = self.blocks[self.warm_up :]
        if len(blocks) > 1 and (blocks[-1].frames or 0) < (blocks[-2].frames or 0):
            return blocks[:-1]
        return blocks

    @property
    def frames(self) -> int | None:
        """Frames of all blocks; `None` where some do not say."""
        known = [block.frames for block in self.blocks if block.frames is not None]
        return sum(known) if len(known) == len(self.blocks) else None

    @property
    def lacking(self) -> str | None:
        """Why nothing can be said beyond the time of blocks; `None`: all can."""
        played = self.blocks[self.warm_up :]
        if not played:
            return ALL_WARM_UP
        if any(block.frames is None for block in played):
            return NO_FRAMES
        return None if any(block.frames for block in self.steady) else NO_SHOWN_FRAMES

    def samples(self, *, steady: bool = False) -> tuple[BlockSample, ...]:
        """The blocks as samples; all sound was there before the first began.

        Args:
            steady: only those of the steady state.

        Raises:
            ValueError: one does not say how many frames it has.
        """
        last = self.warm_up + len(self.steady) if steady else len(self.blocks)
        first = self.warm_up if steady else 0
        return tuple(_sample(place, self.blocks[place]) for place in range(first, last))

    def timeline(self) -> Timeline:
        """When the blocks that do not warm up came, one after the other, in seconds since the first of them began."""
        at_s, came = 0.0, []
        for block in self.blocks[self.warm_up :]:
            at_s += block.seconds
            came.append((at_s, block.frames or 0))
        return timeline_of(came, self.fps)


def printed_video(details: Mapping[str, Any]) -> PrintedVideo | str:
    """What a video's details say of its blocks, or why they say nothing.

    Args:
        details: `Generation.details` of a system that is run as a program.
    """
    told, first = details.get("blocks"), details.get("first_frame_s")
    if told is None:
        if details.get("clips_in_process", 1) > 1:
            return SHARED
        # A function that stays loaded is started so and so often; a process is started for each clip.
        return NO_STATED_BLOCKS if "starts" in details else NO_LINES
    return PrintedVideo(
        fps=float(details["program_fps"]),
        blocks=tuple(PrintedBlock(seconds=float(s), frames=frames) for s, frames in json.loads(told)),
        warm_up=int(details["warm_up_blocks"]),
        # A function that stays loaded may call anything so.
        first_frame_s=float(first) if isinstance(first, int | float) else None,
        program_frames=int(details["program_frames"]),
    )


def _sample(place: int, block: PrintedBlock) -> BlockSample:
    if block.frames is None:
        raise ValueError(NO_FRAMES)
    return BlockSample(
        block=place,
        frames=block.frames,
        compute_s=block.seconds,
        stages=((PRINTED, block.seconds),),
        heard_s=0.0,
    )
