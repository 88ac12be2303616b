"""What a measurement gives: one sample per block and repeat. Means are made later, by whoever wants one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

SOUND = "sound"
"""Stage: taking sound, resampling and stretching it."""
ENCODE = "video encoding"
"""Stage: writing frames to a file. It is measured beside the block, and is no part of it."""


@dataclass(frozen=True, kw_only=True)
class BlockSample:
    """One block of frames that were made together."""

    block: int
    """Index in its video, from 0."""
    frames: int
    """Frames that it gave."""
    compute_s: float
    """Wall time from the start of its work to its frames on the host, in seconds."""
    stages: tuple[tuple[str, float], ...]
    """(stage, seconds); what they leave of `compute_s` was claimed by none."""
    heard_s: float
    """Seconds of sound that the generator had been given when it began."""
    encode_s: float = 0.0
    """Seconds of writing its frames to a video file, after `compute_s`."""
    model_calls: int | None = None
    """Calls of the denoising network; `None`: not known."""
    device_bytes: int | None = None
    """Most device memory in use so far in this repeat."""
    host_bytes: int | None = None
    """Memory of the process behind this block."""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One video that was made and timed."""

    fps: Fraction
    """Frames per second at which it is played."""
    open_s: float
    """Seconds from the request, all static inputs at hand, until sound was taken."""
    blocks: tuple[BlockSample, ...]
    """In order."""
    settling: int
    """Leading blocks that are not steady yet: of other size, or slower by compiling and recording."""
    kv_bytes: int | None = None
    """Bytes of keys and values held at the end."""
    energy_j: float | None = None
    """Energy of the device over the whole video, in joules."""
    device_peak_bytes: int | None = None
    """Most device memory in use at once."""
    host_peak_bytes: int | None = None
    """Most memory of the process at once."""

    @property
    def steady(self) -> tuple[BlockSample, ...]:
        """Blocks of the steady state: without the leading ones, and without a last one that was cut."""
        blocks = self.blocks[self.settling :]
        if len(blocks) > 1 and blocks[-1].frames < blocks[-2].frames:
            return blocks[:-1]
        return blocks

    @property
    def warm_up(self) -> tuple[BlockSample, ...]:
        """The leading blocks."""
        return self.blocks[: self.settling]


def percentile(samples: Sequence[float], q: float) -> float:
    """The smallest sample that `q` per cent of all do not exceed.

    Raises:
        ValueError: there is no sample.
    """
    if not samples:
        raise ValueError("a percentile of nothing")
    return sorted(samples)[max(0, math.ceil(len(samples) * q / 100 - 1e-9) - 1)]
