"""Rows that grow by half, so that a pass leaves no small blocks behind between its large ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_FIRST_CAPACITY = 1024


class RowBuffer:
    """An append-only table of rows: float16 where a metric gives that (for rows that are wide), else float64.

    A list of small arrays would do, but each would stay between two short-lived large blocks, and the C
    library could never join them again: memory would grow with the length of the video.
    """

    def __init__(self) -> None:
        self._table: NDArray[Any] | None = None
        self._used = 0

    def append(self, rows: NDArray[Any]) -> None:
        """Add (n, d) rows; d is that of the first call."""
        needed = self._used + len(rows)
        if self._table is None or needed > len(self._table):
            kind = np.float16 if rows.dtype == np.float16 else np.float64
            grown = np.empty((max(_FIRST_CAPACITY, needed * 3 // 2), rows.shape[1]), kind)
            if self._table is not None:
                grown[: self._used] = self.table
            self._table = grown
        self._table[self._used : needed] = rows
        self._used = needed

    @property
    def table(self) -> NDArray[Any]:
        """All rows so far, (T, d); (0, 1) before the first."""
        return np.zeros((0, 1)) if self._table is None else self._table[: self._used]
