"""Samples as they are written to the result file."""

from __future__ import annotations

from collections.abc import Sequence

from liveact_eval.efficiency.live import LiveCall
from liveact_eval.efficiency.samples import BlockSample, Recording
from liveact_eval.efficiency.schema import BlockRecord, LiveBlock
from liveact_eval.efficiency.summary import simulated


def block_records(cold: Recording, recordings: Sequence[Recording]) -> list[BlockRecord]:
    """Every block of the cold video, as repeat 0, and of all repeats."""
    records = [_record(0, block, steady=False) for block in cold.blocks]
    for repeat, recording in enumerate(recordings, 1):
        steady = {block.block for block in recording.steady}
        records += [_record(repeat, block, steady=block.block in steady) for block in recording.blocks]
    return records


def live_records(recordings: Sequence[Recording], calls: Sequence[LiveCall] | None) -> list[LiveBlock]:
    """Every block of the live calls of all repeats, simulated and, where there was one, in real time."""
    records = []
    for place, recording in enumerate(recordings):
        worked_out = simulated(recording).timeline.emissions
        real = (
            [None] * len(worked_out) if calls is None else [e.at_s for e in calls[place].timeline.emissions]
        )
        records += [
            LiveBlock(
                repeat=place + 1,
                block=block,
                frames=emission.frames,
                simulated_ms=1000 * emission.at_s,
                real_ms=None if at_s is None else 1000 * at_s,
            )
            for block, (emission, at_s) in enumerate(zip(worked_out, real, strict=True))
        ]
    return records


def _record(repeat: int, block: BlockSample, *, steady: bool) -> BlockRecord:
    stages: dict[str, float] = {}
    for name, seconds in block.stages:
        stages[name] = stages.get(name, 0.0) + 1000 * seconds
    return BlockRecord(
        repeat=repeat,
        block=block.block,
        frames=block.frames,
        steady=steady,
        compute_ms=1000 * block.compute_s,
        encode_ms=1000 * block.encode_s,
        heard_s=block.heard_s,
        model_calls=block.model_calls,
        stages_ms=stages,
        device_mib=None if block.device_bytes is None else block.device_bytes / 2**20,
        host_mib=None if block.host_bytes is None else block.host_bytes / 2**20,
    )
