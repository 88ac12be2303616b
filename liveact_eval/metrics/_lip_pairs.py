"""Landmarks of paired frames and the places of their crops, which arrive as two streams, met in distances."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liveact_eval.measure.buffers import RowBuffer
from liveact_eval.measure.head_crops import in_picture
from liveact_eval.metrics._landmarks import Scheme, face_distance, lip_distance

Rows = NDArray[np.float64]


class LipPairs:
    """Distances of each frame; of the landmarks themselves only those that wait for their places are held.

    Args:
        scheme: of the landmarks.
    """

    def __init__(self, scheme: Scheme) -> None:
        self._scheme = scheme
        self._made = RowBuffer()
        self._waiting: tuple[deque[Rows], deque[Rows]] = (deque(), deque())
        self.points = _End(self, 0)
        """Collector of landmarks in shares of their crops, ours and then the real ones, (n, 2 * K * 2)."""
        self.squares = _End(self, 1)
        """Collector of the squares of these crops, (n, 2 * 3)."""

    @property
    def distances(self) -> Rows:
        """Per frame, (T, 3): lips in shares of the real eye distance, lips in pixels, the face in shares."""
        made: Rows = self._made.table
        return made

    def add(self, side: int, rows: NDArray[Any]) -> None:
        """Take rows of points, 0, or of squares, 1."""
        self._waiting[side].extend(rows.astype(np.float64))
        count = min(len(waiting) for waiting in self._waiting)
        if count:
            points, squares = (
                np.stack([waiting.popleft() for _ in range(count)]) for waiting in self._waiting
            )
            self._made.append(self._met(points.reshape(count, 2, -1, 2), squares.reshape(count, 2, 3)))

    def _met(self, points: Rows, squares: Rows) -> Rows:
        ours, real = (in_picture(points[:, n], squares[:, n]) for n in (0, 1))
        pixels, share = lip_distance(ours, real, self._scheme)
        return np.column_stack([share, pixels, face_distance(ours, real, self._scheme)])


class _End:
    """One of the two streams."""

    def __init__(self, pairs: LipPairs, side: int) -> None:
        self._pairs, self._side = pairs, side

    def append(self, rows: NDArray[Any]) -> None:
        """Add (n, d) rows."""
        self._pairs.add(self._side, rows)

    @property
    def table(self) -> Rows:
        """(T, 3): see `LipPairs.distances`."""
        return self._pairs.distances
