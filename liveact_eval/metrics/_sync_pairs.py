"""Embeddings of mouths and of sound, which arrive as two streams, met in one table of distances."""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from liveact_eval.metrics._sync_curve import SHIFTS, DistanceStream

Rows = NDArray[np.float32]


class Counts(NamedTuple):
    """What a clip held, in windows."""

    video: int
    """Windows of the video."""
    seen: int
    """Those with a face in every frame."""
    sound: int
    """Windows of the sound."""
    first: int
    """Window with which the measured stretch begins."""


class SyncPairs:
    """Distances of the longest stretch of windows that have both a face and sound.

    A stretch counts for itself: beyond its ends the sound is zero, as for a face track in the reference. Of two equally
    long ones the first is taken. What is held: 31 numbers per window of two stretches, and the embeddings (4 KB each)
    of the stream that is ahead. In a file whose sound lies beside the pictures that is a second or two; in one that has
    no sound beside them, all of one stream.
    """

    def __init__(self) -> None:
        self.video = _VideoEnd(self)
        """Collector of the video's embeddings; rows of NaN where a frame has no face. Its table: distances (W, 31)."""
        self.sound = _SoundEnd(self)
        """Collector of the sound's embeddings. Its table: one row of `Counts`."""
        self._waiting: tuple[deque[Rows], deque[Rows]] = (deque(), deque())
        self._counts = [0, 0]
        self._seen = 0
        self._met = 0
        self._stream: DistanceStream | None = None
        self._made: list[Rows] = []
        self._began = 0
        self._longest: Rows = np.zeros((0, SHIFTS), np.float32)
        self._first = 0

    @property
    def distances(self) -> Rows:
        """Distances of the longest stretch, (W, 31)."""
        self._end()
        return self._longest

    @property
    def counts(self) -> Counts:
        """What there was."""
        self._end()
        return Counts(self._counts[0], self._seen, self._counts[1], self._first)

    def add(self, side: int, rows: NDArray[Any]) -> None:
        """Take (n, d) embeddings: of the video, 0, or of the sound, 1."""
        narrow = np.asarray(rows, dtype=np.float32)
        self._counts[side] += len(narrow)
        if side == 0:
            self._seen += int(np.isfinite(narrow).all(axis=1).sum())
        self._waiting[side].append(narrow)
        while self._waiting[0] and self._waiting[1]:
            count = min(len(waiting[0]) for waiting in self._waiting)
            self._meet(*(_taken(waiting, count) for waiting in self._waiting))

    def _meet(self, video: Rows, sound: Rows) -> None:
        """Take as many rows of both, of the same windows."""
        seen: NDArray[np.bool_] = np.asarray(np.isfinite(video).all(axis=1))
        edges = np.flatnonzero(np.diff(seen)) + 1
        for a, b in zip([0, *edges], [*edges, len(seen)], strict=True):
            if a == b:
                continue
            if not seen[a]:
                self._end()
                continue
            if self._stream is None:
                self._stream, self._began = DistanceStream(), self._met + int(a)
            self._made += [self._stream.push_video(video[a:b]), self._stream.push_audio(sound[a:b])]
        self._met += len(seen)

    def _end(self) -> None:
        """The stretch ends here."""
        if self._stream is None:
            return
        table = np.concatenate([*self._made, self._stream.finish()])
        if len(table) > len(self._longest):
            self._longest, self._first = table, self._began
        self._stream, self._made = None, []


class _VideoEnd:
    def __init__(self, pairs: SyncPairs) -> None:
        self._pairs = pairs

    def append(self, rows: NDArray[Any]) -> None:
        self._pairs.add(0, rows)

    @property
    def table(self) -> NDArray[Any]:
        return self._pairs.distances


class _SoundEnd:
    def __init__(self, pairs: SyncPairs) -> None:
        self._pairs = pairs

    def append(self, rows: NDArray[Any]) -> None:
        self._pairs.add(1, rows)

    @property
    def table(self) -> NDArray[Any]:
        return np.array([self._pairs.counts], dtype=np.float64)


def _taken(waiting: deque[Rows], count: int) -> Rows:
    rows = waiting.popleft()
    if len(rows) > count:
        waiting.appendleft(rows[count:])
    return rows[:count]
