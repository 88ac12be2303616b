"""Consistency of a long video, scene by scene, while its frames stream by.

Features of frames and changes between them come from two needs of one metric and meet here. A cut can become known
fifteen frames late, so that the latest frames wait before they go to a scene. Held are these, and what one scene needs:
nothing grows with the length of the video but one row per clip of two seconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from liveact_eval.measure.buffers import RowBuffer
from liveact_eval.metrics._shot_cuts import SHORTEST, CutFinder
from liveact_eval.metrics._vbench_long import LongConsistency, LongConsistencyRun, clip_frames

THRESHOLD = 35.0
"""Change from which on VBench-Long begins a new scene."""


class Scenes:
    """The scenes of one video.

    Args:
        fps: frames per second.
    """

    def __init__(self, fps: float) -> None:
        self._length = clip_frames(fps)
        self._finder = CutFinder(THRESHOLD)
        self._waiting: deque[NDArray[np.float64]] = deque()
        self._cuts: deque[int] = deque()
        self._known = self._next = self._in_scene = self._scenes = 0
        self._run = LongConsistencyRun(self._length)
        self._rows = RowBuffer()
        self._finished = False
        self.frames = _End(self._push_features, self._finish)
        """Takes features of frames, (n, D); its table is (K, 3): of each clip the number of its scene, its score, and
        the clip-to-clip score of its scene, NaN where that has one clip."""
        self.changes = _End(self._push_changes, lambda: np.zeros((0, 1)))
        """Takes changes of frames, (n, 1); its table is empty."""

    def _push_features(self, rows: NDArray[Any]) -> None:
        self._waiting.extend(np.asarray(rows, np.float64))
        self._move(self._known + 1 - SHORTEST)

    def _push_changes(self, rows: NDArray[Any]) -> None:
        for change in rows[:, 0].tolist():
            cut = self._finder.push(change)
            self._known += 1
            if cut is not None:
                self._cuts.append(cut)
        self._move(self._known + 1 - SHORTEST)

    def _move(self, until: int) -> None:
        """Give the frames before `until`, for which all cuts are known, to their scenes."""
        while self._waiting and self._next < until:
            if self._cuts and self._cuts[0] == self._next:
                self._cuts.popleft()
                self._close()
            self._run.push(self._waiting.popleft()[None])
            self._in_scene += 1
            self._next += 1

    def _close(self) -> None:
        # A scene of one frame has nothing to be like.
        if self._in_scene > 1:
            found = self._run.finish()
            between = np.nan if found.clip_to_clip is None else found.clip_to_clip
            table = np.full((len(found.in_clip), 3), between)
            table[:, 0], table[:, 1] = self._scenes, found.in_clip
            self._rows.append(table)
            self._scenes += 1
        self._run, self._in_scene = LongConsistencyRun(self._length), 0

    def _finish(self) -> NDArray[Any]:
        if not self._finished:
            self._finished = True
            self._move(self._next + len(self._waiting))
            self._close()
        return self._rows.table


class _End(NamedTuple):
    """One of the two collectors of a video."""

    push: Callable[[NDArray[Any]], None]
    finish: Callable[[], NDArray[Any]]

    def append(self, rows: NDArray[Any]) -> None:
        """Add rows."""
        self.push(rows)

    @property
    def table(self) -> NDArray[Any]:
        """What the metric gets."""
        return self.finish()


def scenes_of(table: NDArray[Any]) -> list[LongConsistency]:
    """The scenes of the table that `Scenes.frames` gives, in order."""
    found = []
    for number in np.unique(table[:, 0]) if len(table) else ():
        clips = table[table[:, 0] == number]
        between = float(clips[0, 2])
        found.append(
            LongConsistency(in_clip=clips[:, 1], clip_to_clip=None if np.isnan(between) else between)
        )
    return found
