"""How far a live video is behind its sound."""

from __future__ import annotations

from liveact_eval.efficiency.samples import Recording
from liveact_eval.efficiency.simulator import Emission, Timeline

_STEP_S = 0.01
"""Distance of the moments at which speech is taken to begin."""


def frame_delays_s(timeline: Timeline, first_block: int = 0) -> list[float]:
    """Seconds from the arrival of a frame's sound to the frame's coming out, for each frame from a block on.

    A frame's sound has arrived when the frame would end: frame t at (t + 1) / fps. Look-ahead, waiting for the rest
    of the block, queueing and computing are all in it.
    """
    return [
        emission.at_s - (emission.first_frame + offset + 1) / timeline.fps
        for emission in timeline.emissions[first_block:]
        for offset in range(emission.frames)
    ]


def reactions_s(timeline: Timeline, first_block: int = 0) -> list[float]:
    """Seconds from the start of speech after silence to the first frame that shows it.

    Speech may begin at any moment of the blocks from `first_block` on; every hundredth of a second of them is tried.
    The first frame that shows it is the one during which it begins.
    """
    found = []
    for emission in timeline.emissions[first_block:]:
        start = emission.first_frame / timeline.fps
        moments = round(emission.frames / timeline.fps / _STEP_S)
        found += [emission.at_s - (start + moment * _STEP_S) for moment in range(moments)]
    return found


def look_ahead_s(recording: Recording, block: int) -> float:
    """Sound that a block takes beyond the end of its last frame, in seconds, as feeding it bit by bit has shown."""
    frames = sum(sample.frames for sample in recording.blocks[: block + 1])
    return recording.blocks[block].heard_s - float(frames / recording.fps)


def block_wait_s(emission: Emission, fps: float) -> float:
    """How much earlier than the last frame's sound that of a block's first frame has arrived, in seconds."""
    return (emission.frames - 1) / fps
