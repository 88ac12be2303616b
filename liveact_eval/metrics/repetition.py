"""Frozen and looping video: output that stopped without saying so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from liveact_eval.measure.needs import FrameNeed
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Metric, Missing, Output, Rows
from liveact_eval.metrics.registry import register

if TYPE_CHECKING:
    import torch

GRID = 16
"""Cells per side over which a picture is averaged; codec noise vanishes in a cell, motion does not."""
STILL_LEVELS = 0.75
"""Two pictures are the same if no cell differs by more than this many levels."""
FREEZE_S = 0.4
"""A standstill counts from this length on: people hold still for a moment too."""
LOOP_S = (0.4, 10.0)
"""Shortest and longest period that is searched for."""
LOOP_STEP_S = 0.12
"""Time over which a picture's usual change is taken, against which a repetition is judged."""
LOOP_CHANGE = 0.2
"""A picture repeats another if no cell differs by more than this share of the usual change: what a codec
adds to a repeated picture grows with compression, and stays far below what motion changes."""
LOOP_SHARE = 0.9
"""Share of the moving frames that must repeat for a period to count."""
_BLOCK = 64


@register
class Repetition(Metric):
    """Share of frozen frames, longest standstill, and share of frames that repeat with a fixed period."""

    name = "repetition"
    outputs = (
        Output(name="frozen_share", title="Frozen", direction="down", digits=3, best=0.0, range=(0.0, 1.0)),
        Output(
            name="longest_freeze_s",
            title="Longest freeze",
            direction="down",
            unit="s",
            digits=2,
            best=0.0,
            range=(0.0, None),
        ),
        Output(name="loop_share", title="Looping", direction="down", digits=3, best=0.0, range=(0.0, 1.0)),
    )
    needs = {"frames": FrameNeed(colour="luma", size=(GRID * 4, GRID * 4))}
    recipe = "repetition-grid16-0.75levels@2"
    summary = (
        "Frozen: share of frames that stand still for 0.4 s or more. Looping: largest share of frames that "
        "repeat those of one fixed period (0.4 to 10 s) before; below 0.9 it counts as none."
    )
    source = "this project"

    def features(self, need: str, batch: Batch) -> torch.Tensor:
        """(N, 256): mean luma of the cells of a 16x16 grid, in half precision (1/8 level): the rows are wide."""
        from torch.nn import functional as F

        return F.avg_pool2d(batch.windows, 4).flatten(1).half()

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """Freeze and loop of the clip; the curve is the largest change of a cell from frame to frame."""
        cells = rows["frames"]
        names = [output.name for output in self.outputs]
        if len(cells) < 2:
            return ClipScore(values=dict.fromkeys(names, Missing("too_short", "one frame cannot repeat")))
        change = _change(cells, np.arange(1, len(cells)), 1)
        runs = _runs(change <= STILL_LEVELS)
        long_runs = runs[runs >= FREEZE_S * clip.fps]
        frozen = float(long_runs.sum()) / len(change)
        longest = float(long_runs.max(initial=0)) / clip.fps
        values = dict(zip(names, (frozen, longest, loop_share(cells, change, clip.fps)), strict=True))
        return ClipScore(values=values, curves={"largest_change_levels": change})


def loop_share(cells: Rows, change: Rows, fps: float) -> float:
    """Largest share, over periods, of moving frames that repeat the frame one period before; 0 if < 0.9.

    At least two whole periods must lie in the clip, or one repetition by chance would count.
    """
    moving = np.concatenate([[True], change > STILL_LEVELS])
    step = max(1, round(LOOP_STEP_S * fps))
    usual = _change(cells, np.flatnonzero(moving[step:]) + step, step)
    if not len(usual):
        return 0.0
    alike = max(STILL_LEVELS, LOOP_CHANGE * float(np.median(usual)))
    longest = min(round(LOOP_S[1] * fps), len(cells) // 2)
    best = 0.0
    for lag in range(max(1, round(LOOP_S[0] * fps)), longest + 1):
        # A picture that stands still equals itself at every lag: that is a freeze, not a loop.
        judged = np.flatnonzero(moving[lag:]) + lag
        if len(judged) >= fps * LOOP_S[0]:
            best = max(best, _share_repeating(cells, judged, lag, alike))
    return best


def _share_repeating(cells: Rows, judged: NDArray[np.intp], lag: int, alike: float) -> float:
    """Share of the judged frames that repeat the frame `lag` before; 0 as soon as 0.9 is out of reach."""
    allowed = len(judged) - LOOP_SHARE * len(judged)
    different = 0
    for start in range(0, len(judged), _BLOCK):
        different += int((_change(cells, judged[start : start + _BLOCK], lag) > alike).sum())
        if different > allowed:
            return 0.0
    return 1 - different / len(judged)


def _change(cells: Rows, frames: NDArray[np.intp], lag: int) -> Rows:
    """Largest change of any cell from `lag` frames before to each of some frames; block by block."""
    change = np.empty(len(frames))
    for start in range(0, len(frames), _BLOCK):
        some = frames[start : start + _BLOCK]
        before, now = cells[some - lag].astype(np.float32), cells[some].astype(np.float32)
        change[start : start + _BLOCK] = np.abs(now - before).max(axis=1)
    return change


def _runs(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Lengths of the runs of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return np.asarray(edges[1::2] - edges[::2], dtype=np.int64)
