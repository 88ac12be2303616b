"""How far a live video is behind its sound."""

from __future__ import annotations

from collections.abc import Sequence

from liveact_eval.efficiency.samples import BlockSample
from liveact_eval.efficiency.simulator import Emission

_STEP_S = 0.01
"""Distance of the moments at which speech is taken to begin."""


def frame_delays_s(emissions: Sequence[Emission], fps: float) -> list[float]:
    """Seconds from the arrival of a frame's sound to the frame's coming out, for each frame of some blocks.

    A frame's sound has arrived when the frame would end: frame t at (t + 1) / fps. Look-ahead, waiting for the rest
    of the block, queueing and computing are all in it.
    """
    return [
        emission.at_s - (emission.first_frame + offset + 1) / fps
        for emission in emissions
        for offset in range(emission.frames)
    ]


def reactions_s(emissions: Sequence[Emission], fps: float) -> list[float]:
    """Seconds from the start of speech after silence to the first frame that shows it.

    Speech may begin at any moment of these blocks; every hundredth of a second of them is tried.
    The first frame that shows it is the one during which it begins.
    """
    found = []
    for emission in emissions:
        start = emission.first_frame / fps
        moments = round(emission.frames / fps / _STEP_S)
        found += [emission.at_s - (start + moment * _STEP_S) for moment in range(moments)]
    return found


def look_ahead_s(sample: BlockSample, emission: Emission, fps: float) -> float:
    """Sound that a block takes beyond the end of its last frame, in seconds, as feeding it bit by bit has shown."""
    return sample.heard_s - (emission.first_frame + emission.frames) / fps


def block_wait_s(emission: Emission, fps: float) -> float:
    """How much earlier than the last frame's sound that of a block's first frame has arrived, in seconds."""
    return (emission.frames - 1) / fps
