"""Frames per second in the steady state, and what of the work is in them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from liveact_eval.efficiency.samples import BlockSample

VAE, HOST = "vae", "host"


def sustained_fps(
    blocks: Sequence[BlockSample], *, without: Sequence[str] = (), encoding: bool = False
) -> float:
    """Frames of all blocks over the seconds that they took, one after the other.

    Args:
        blocks: of the steady state.
        without: stages that are left out, for comparing with figures that leave them out.
        encoding: whether writing the video counts too.
    """
    seconds = sum(
        block.compute_s
        - sum(spent for name, spent in block.stages if name in without)
        + (block.encode_s if encoding else 0.0)
        for block in blocks
    )
    return sum(block.frames for block in blocks) / seconds


def real_time_factor(blocks: Sequence[BlockSample], fps: Fraction) -> float:
    """Seconds of computing per second of video; below 1 it keeps up."""
    return float(fps) / sustained_fps(blocks)


def has_stage(blocks: Sequence[BlockSample], name: str) -> bool:
    """Whether a stage was timed apart."""
    return any(stage == name for block in blocks for stage, _ in block.stages)
