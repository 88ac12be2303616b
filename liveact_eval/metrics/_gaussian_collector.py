"""Gathers features of a clip of any length: the statistics of all of them, and a few of them as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from liveact_eval.metrics._frechet import GaussianStatistics, merge, summarise

_PENDING = 512
"""Rows that wait to be summarised."""


class GaussianCollector:
    """In memory that does not grow with the clip.

    Args:
        keep: features to keep as they are, at most. They lie evenly over the clip: whenever there are too many,
            every second one is dropped.
    """

    def __init__(self, keep: int = 0) -> None:
        self._keep = keep
        self._every = 1
        self._seen = 0
        self._kept: list[NDArray[np.float64]] = []
        self._pending: list[NDArray[np.float64]] = []
        self._waiting = 0
        self._statistics: GaussianStatistics | None = None

    def append(self, rows: NDArray[Any]) -> None:
        """Add (n, D) features."""
        wide = rows.astype(np.float64)
        self._pending.append(wide)
        self._waiting += len(wide)
        if self._waiting >= _PENDING:
            self._summarise()
        if self._keep:
            first = -self._seen % self._every
            self._kept += [row.copy() for row in wide[first :: self._every]]
            while len(self._kept) > self._keep:
                self._kept = self._kept[::2]
                self._every *= 2
        self._seen += len(wide)

    @property
    def table(self) -> NDArray[Any]:
        """One row [length, statistics of that length, kept features one after the other]; (0, 1) without any."""
        self._summarise()
        if self._statistics is None:
            return np.zeros((0, 1))
        vector = self._statistics.to_vector()
        return np.concatenate([[len(vector)], vector, *self._kept])[None]

    def _summarise(self) -> None:
        if self._pending:
            news = summarise(np.concatenate(self._pending))
            self._statistics = news if self._statistics is None else merge([self._statistics, news])
            self._pending, self._waiting = [], 0


def statistics_only(row: NDArray[np.float64]) -> NDArray[np.float64]:
    """A collector's row without its kept features."""
    return row[: 1 + int(row[0])]


def kept_only(row: NDArray[np.float64]) -> NDArray[np.float64]:
    """A collector's row without the root of its statistics, which is most of them; count and mean stay."""
    statistics, kept = unpack(row)
    bare = GaussianStatistics(statistics.n, statistics.mean, np.zeros((0, len(statistics.mean)))).to_vector()
    return np.concatenate([[len(bare)], bare, kept.ravel()])


def unpack(row: NDArray[np.float64]) -> tuple[GaussianStatistics, NDArray[np.float64]]:
    """Statistics and kept features (n, D) of a collector's row."""
    length = int(row[0])
    statistics = GaussianStatistics.from_vector(row[1 : 1 + length])
    return statistics, row[1 + length :].reshape(-1, len(statistics.mean))
