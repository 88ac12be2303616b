"""From boxes in single frames to faces followed through a clip, by the rule of the SyncNet tools.

A face joins the track whose last box it overlaps by more than half, across gaps of up to 25 frames; what lies between
is interpolated. One frame at a time, in memory that does not grow with the clip, and with the same tracks as the
reference, which goes through all frames once for every track (joonson/syncnet_python, `track_shot`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class TrackRules:
    """When boxes are one face, and which tracks count."""

    overlap: float = 0.5
    """Two boxes are one face if they overlap by more (intersection over union)."""
    max_gap: int = 25
    """Most frames from one box of a track to the next."""
    min_detections: int = 101
    """Fewest frames in which the face was found; the reference keeps tracks of more than 100."""
    min_side: float = 100.0
    """The larger of mean width and mean height, in pixels, must exceed this."""


@dataclass(frozen=True, kw_only=True)
class BoxTrack:
    """One face through consecutive frames."""

    start: int
    """Its first frame."""
    boxes: Boxes
    """(T, 4) x0, y0, x1, y1 in pixels, without gaps."""
    detections: int
    """Frames in which it was found; the others are interpolated."""

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def side(self) -> float:
        """The larger of mean width and mean height, in pixels."""
        return float((self.boxes[:, 2:] - self.boxes[:, :2]).mean(axis=0).max())

    def counts(self, rules: TrackRules) -> bool:
        """Whether it is long and large enough."""
        return self.detections >= rules.min_detections and self.side > rules.min_side


class FaceTracker:
    """Says which track each box of a frame belongs to.

    Tracks choose in the order of their beginning, each the first box that fits; a box that no track takes begins one.
    """

    def __init__(self, rules: TrackRules) -> None:
        self._rules = rules
        self._open: dict[int, tuple[int, Boxes]] = {}
        self._begun = 0

    def push(self, frame: int, boxes: NDArray[Any]) -> dict[int, Boxes]:
        """Take the boxes of a later frame, (K, 4) in the detector's order; return box by number of the track."""
        for track in [track for track in self._open if self.over(track, frame)]:
            del self._open[track]
        left = list(np.asarray(boxes, dtype=np.float64).reshape(-1, 4))
        taken: dict[int, Boxes] = {}
        for track, (_, last) in self._open.items():
            match = next((i for i, box in enumerate(left) if overlap(box, last) > self._rules.overlap), None)
            if match is not None:
                taken[track] = left.pop(match)
        for box in left:
            taken[self._begun] = box
            self._begun += 1
        self._open |= {track: (frame, box) for track, box in taken.items()}
        return taken

    def over(self, track: int, frame: int) -> bool:
        """Whether a track can take no box of that frame or of a later one."""
        return track not in self._open or frame - self._open[track][0] > self._rules.max_gap

    def cut(self) -> None:
        """A new shot begins with the next frame: no track goes on."""
        self._open = {}


def track_faces(
    frames: Sequence[NDArray[Any]], rules: TrackRules, cuts: frozenset[int] = frozenset()
) -> list[BoxTrack]:
    """All tracks that count, in the order of their beginning.

    Args:
        frames: boxes (K, 4) of each frame, in the detector's order.
        rules: see `TrackRules`.
        cuts: frames with which a new shot begins.
    """
    tracker = FaceTracker(rules)
    found: dict[int, list[tuple[int, Boxes]]] = {}
    for index, boxes in enumerate(frames):
        if index in cuts:
            tracker.cut()
        for track, box in tracker.push(index, boxes).items():
            found.setdefault(track, []).append((index, box))
    tracks = [filled([frame for frame, _ in seen], [box for _, box in seen]) for seen in found.values()]
    return [track for track in tracks if track.counts(rules)]


def filled(frames: Sequence[int], boxes: Sequence[Boxes]) -> BoxTrack:
    """A track from boxes at increasing frames; between them boxes are interpolated linearly."""
    table = np.stack(boxes)
    every = np.arange(frames[0], frames[-1] + 1)
    columns = [np.interp(every, frames, column) for column in table.T]
    return BoxTrack(start=int(frames[0]), boxes=np.stack(columns, axis=1), detections=len(table))


def main_track(tracks: Sequence[BoxTrack]) -> BoxTrack | None:
    """The face that a clip is about: the longest track, of equal ones the largest face, of those the first."""
    return max(tracks, key=lambda track: (len(track), track.side), default=None)


def overlap(a: Boxes, b: Boxes) -> float:
    """Intersection over union of two boxes (4,); 0 where both are empty."""
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height
    return float(width * height / both) if both > 0 else 0.0
