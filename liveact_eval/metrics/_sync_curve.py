"""From SyncNet embeddings to Sync-C, Sync-D and offset: distances at every shift, their mean curve, its lowest point.

    video (W, d), audio (W, d) --distances--> table (W, 31) --mean over windows--> curve (31,) --scores--> numbers

Column j of the table holds the distance of video window i to audio window i + j - 15; beyond the ends of the clip the
audio counts as zero vectors. Equal to joonson/syncnet_python, `calc_pdist` and what follows it.

A table of a clip is small (31 numbers a frame), so that an hour needs no embeddings: see `DistanceStream`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import medfilt

MAX_SHIFT = 15
"""Largest shift that is searched, in frames to either side."""
SHIFTS = 2 * MAX_SHIFT + 1
EDGE_SHIFT = 14
"""From this |offset| on the lowest point is at the end of the search, where zero padding alone makes a dip: no sync."""
MIN_WINDOWS = 25
"""Fewest windows (30 frames, 1.2 s) for which there is a score. Below, most of the curve is padding: at 25 windows a
shift of 15 meets ten of them. The reference tool demands more than 100 frames."""
COMPARABLE_WINDOWS = 250
"""Below 10 s the padding lifts Sync-C by several tenths: such scores compare only with clips of the same length."""
RATE_FPS = 25
"""Frame rate that the network knows."""
WINDOW_S, HOP_S = 5.0, 2.5
"""Length and distance of the windows of the curve over time, in seconds."""

EPSILON = 1e-6
"""Added to each difference before the norm (PyTorch's pairwise distance)."""
_MEDIAN_KERNEL = 9
_BLOCK = 64
"""Windows compared at a time: what is held fits the caches."""

Table = NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True)
class SyncScores:
    """What a mean curve says."""

    offset: int
    """Shift of the lowest point, in frames of 40 ms; positive: the sound comes earlier than the mouth."""
    distance: float
    """Sync-D: the curve at its lowest point; lower is better."""
    confidence: float
    """Sync-C: median of the curve less its lowest point; higher is better."""
    distance_at_zero: float
    """The curve at shift 0: what a viewer meets, lag included."""
    windows: int
    """Windows that the curve is the mean of."""

    @property
    def at_edge(self) -> bool:
        """Whether the lowest point says nothing, since it lies at the end of the search."""
        return abs(self.offset) >= EDGE_SHIFT

    @property
    def short(self) -> bool:
        """Whether zero padding lifts the confidence noticeably (less than 10 s)."""
        return self.windows < COMPARABLE_WINDOWS


def usable_windows(frames: int, samples: int) -> int:
    """Windows of a clip: five fewer than the frames that have sound (640 samples each), as the reference counts."""
    return max(0, min(frames, samples // 640) - 5)


def distances(video: Table, audio: Table) -> NDArray[np.float32]:
    """Distance of each video window to the audio at each shift, (W, d) and (W, d) to (W, 31).

    Raises:
        ValueError: there are not as many rows of the one as of the other.
    """
    if video.shape != audio.shape:
        raise ValueError(f"video embeddings {video.shape} and audio embeddings {audio.shape} differ in shape")
    stream = DistanceStream()
    stream.push_video(video)
    return np.concatenate([stream.push_audio(audio), stream.finish()])


class DistanceStream:
    """The same over embeddings that arrive in runs of any length; keeps no more than what is still needed.

    Video and audio may come in any order; rows come out as soon as the sound 15 windows on is known.
    """

    def __init__(self) -> None:
        self._video: NDArray[np.float32] | None = None
        self._audio: NDArray[np.float32] | None = None
        self._first = 0
        """Index of the first video row that is held; the audio held starts 15 rows before it."""

    def push_video(self, rows: Table) -> NDArray[np.float32]:
        """Take (n, d) embeddings; return the table rows that are now complete."""
        self._video = _joined(self._video, rows)
        return self._complete()

    def push_audio(self, rows: Table) -> NDArray[np.float32]:
        """Take (n, d) embeddings; return the table rows that are now complete."""
        if self._audio is None:
            self._audio = np.zeros((MAX_SHIFT, rows.shape[1]), np.float32)
        self._audio = _joined(self._audio, rows)
        return self._complete()

    def finish(self, windows: int | None = None) -> NDArray[np.float32]:
        """The remaining rows, the end filled with zeros.

        Args:
            windows: number of windows of the clip, at most one fewer than were given of the stream that has fewer; what
                lies beyond is left out. Without it, as many as both have.

        Raises:
            ValueError: the clip ends before sound that rows have been compared with.
        """
        if self._video is None or self._audio is None:
            return np.zeros((0, SHIFTS), np.float32)
        known = min(len(self._video), len(self._audio) - MAX_SHIFT)
        rest = known if windows is None else min(known, windows - self._first)
        if self._first and rest < MAX_SHIFT:
            raise ValueError(
                f"the clip is said to have {windows} windows, but {self._first + known} have been given; "
                "at most one may lie beyond its end"
            )
        zeros = np.zeros((MAX_SHIFT, self._audio.shape[1]), np.float32)
        self._audio = np.concatenate([self._audio[: rest + MAX_SHIFT], zeros])
        return self._emit(max(0, rest))

    def _complete(self) -> NDArray[np.float32]:
        if self._video is None or self._audio is None:
            return np.zeros((0, SHIFTS), np.float32)
        # The last window of either may lie beyond the end of the clip, since the reference counts one fewer than fit.
        known = min(len(self._video), len(self._audio) - MAX_SHIFT) - 1
        return self._emit(max(0, known - MAX_SHIFT))

    def _emit(self, count: int) -> NDArray[np.float32]:
        if self._video is None or self._audio is None or not count:
            return np.zeros((0, SHIFTS), np.float32)
        now, self._video = self._video[:count], self._video[count:]
        made = []
        for start in range(0, count, _BLOCK):
            part = now[start : start + _BLOCK]
            columns = [_norms(part, self._audio[start + shift :][: len(part)]) for shift in range(SHIFTS)]
            made.append(np.stack(columns, axis=1))
        self._audio = self._audio[count:].copy()
        self._video = self._video.copy()
        self._first += count
        return np.concatenate(made)


def mean_curve(table: Table) -> NDArray[np.float64]:
    """Mean of a table over its windows, (W, 31) to (31,).

    In float32 and along contiguous columns, as the reference does: its rounding is as large as the tolerance of 1e-5
    to which the two agree.
    """
    import torch

    columns = torch.from_numpy(np.ascontiguousarray(table.T, dtype=np.float32))
    return np.asarray(columns.mean(dim=1), dtype=np.float64)


def scores(table: Table) -> SyncScores:
    """All scores of a table.

    Raises:
        ValueError: the table has no row.
    """
    if not len(table):
        raise ValueError("a table without windows has no scores")
    return curve_scores(mean_curve(table), len(table))


def curve_scores(curve: NDArray[np.float64], windows: int) -> SyncScores:
    """All scores of a mean curve of so many windows."""
    lowest = int(curve.argmin())
    return SyncScores(
        offset=MAX_SHIFT - lowest,
        distance=float(curve[lowest]),
        confidence=float(np.median(curve) - curve[lowest]),
        distance_at_zero=float(curve[MAX_SHIFT]),
        windows=windows,
    )


def framewise_confidence(table: Table) -> NDArray[np.float64]:
    """Median of the mean curve less each window's distance at the best shift, median-filtered over 9, (W,)."""
    curve = mean_curve(table)
    gain = np.median(curve) - table[:, int(curve.argmin())].astype(np.float64)
    return np.asarray(medfilt(gain, _MEDIAN_KERNEL), dtype=np.float64)


def over_time(table: Table) -> list[SyncScores]:
    """Scores of stretches of 5 s, one every 2.5 s (rounded down to frames); whole stretches only.

    Each stretch takes its rows from the table of the clip: its neighbours on either side are real sound, not padding,
    except at the ends of the clip.
    """
    length = round(WINDOW_S * RATE_FPS)
    total = np.concatenate([np.zeros((1, SHIFTS)), table.cumsum(axis=0, dtype=np.float64)])
    starts = [int(index * HOP_S * RATE_FPS) for index in range(len(table))]
    return [
        curve_scores((total[start + length] - total[start]) / length, length)
        for start in starts
        if start + length <= len(table)
    ]


def _joined(held: NDArray[np.float32] | None, rows: Table) -> NDArray[np.float32]:
    new = np.asarray(rows, dtype=np.float32)
    return new if held is None else np.concatenate([held, new])


def _norms(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    import torch
    from torch.nn import functional as F

    return np.asarray(F.pairwise_distance(torch.from_numpy(a), torch.from_numpy(b), eps=EPSILON))
