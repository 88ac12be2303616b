"""Frames on their way to the streams, each run with the faces in it: known ones at once, unknown ones when found.

Where nobody knows the faces, frames are held back until these are decided and those around them are too, which crops
and smoothed landmarks reach out to: 35 frames at 25 per second. Nothing else is held, however long the video.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from liveact_eval.clips.faces import FaceTrack
from liveact_eval.measure.face_finding import (
    DETECTOR,
    FaceFinder,
    FaceSummary,
    find_faces,
    largest_face,
    mouth_boxes,
)
from liveact_eval.metrics._lpips import smoothing_radius
from liveact_eval.metrics._sync_crops import LOOK_AHEAD

if TYPE_CHECKING:
    from torch import nn

Frames = NDArray[np.uint8]


@dataclass(frozen=True)
class Shown:
    """Consecutive frames of one video, with the face in them."""

    frames: Frames
    """(N, H, W, 3)."""
    track: FaceTrack | None
    """Where the face is; `None` where no metric asks."""
    at: int
    """Index of the first frame in the track."""


@dataclass(frozen=True)
class Part:
    """Frames that are ready for the streams."""

    own: Shown
    """Of the measured video."""
    real: Shown | None
    """Those beside them of the real video, fewer at its end; the same object where it is the measured one."""


class FacePass:
    """Takes frames in order and gives them back in order, with their faces.

    Args:
        track: the face of the measured video, if it is known.
        real_track: that of the real video, if it is known.
        network: the detector, to find the face of the measured video; `None`: do not search.
        search_real: whether to search in the real video too.
        fps: frames per second.
    """

    def __init__(
        self,
        *,
        track: FaceTrack | None,
        real_track: FaceTrack | None,
        network: nn.Module | None,
        search_real: bool,
        fps: float,
    ) -> None:
        self._track, self._real_track = track, real_track
        self._reach = max(LOOK_AHEAD, smoothing_radius(fps))
        self._finder = None if network is None else FaceFinder(network, self._reach)
        self._real_finder = None if network is None or not search_real else FaceFinder(network, self._reach)
        self._held: list[Frames] = []
        self._held_real: list[Frames] = []
        self._same = False
        self._start = 0
        self._longest_run = 1

    @property
    def summary(self) -> FaceSummary | None:
        """What was found in the measured video, if it was searched."""
        return None if self._finder is None else self._finder.summary

    def push(self, run: Frames, real: Frames | None) -> Iterator[Part]:
        """Take the next frames and those beside them of the real video; `real is run` where it is the same video."""
        if self._finder is None:
            start, self._start = self._start, self._start + len(run)
            own = Shown(run, self._track, start)
            beside = None if real is None else own if real is run else Shown(real, self._real_track, start)
            yield Part(own, beside)
            return
        self._longest_run = max(self._longest_run, len(run))
        self._same = real is run
        # Held before they are searched: should that fail, they are not lost.
        self._held += list(run)
        if real is not None and not self._same:
            self._held_real += list(real)
        self._finder.push(run)
        if self._real_finder is not None and not self._same:
            if real is not None and len(real):
                self._real_finder.push(real)
            if real is None or len(real) < len(run):
                # The real video has ended: nothing more will be known of it.
                self._real_finder.finish()
        yield from self._release(self._finder.decided - self._reach)

    def finish(self) -> Iterator[Part]:
        """The frames that were held back."""
        if self._finder is not None:
            for finder in (self._finder, self._real_finder):
                if finder is not None:
                    finder.finish()
            yield from self._release(self._finder.decided)

    def give_up(self) -> Iterator[Part]:
        """The search failed: the frames that were held back, without their faces, as all that follow."""
        self._finder = self._real_finder = None
        self._track = self._real_track = None
        while self._held:
            count = min(len(self._held), self._longest_run)
            held, self._held = self._held[:count], self._held[count:]
            real, self._held_real = self._held_real[:count], self._held_real[count:]
            own = Shown(np.stack(held), None, 0)
            beside = own if self._same else Shown(np.stack(real), None, 0) if real else None
            self._start += count
            yield Part(own, beside)

    def _release(self, stop: int) -> Iterator[Part]:
        while self._finder is not None and self._start < stop:
            count = min(stop - self._start, self._longest_run)
            own_face = self._finder.around(self._start, self._start + count)
            held, self._held = self._held[:count], self._held[count:]
            own = Shown(np.stack(held), *own_face)
            real: Shown | None = own
            if not self._same:
                held, self._held_real = self._held_real[:count], self._held_real[count:]
                real = self._beside(held)
            yield Part(own, real)
            self._start += count

    def _beside(self, held: list[Frames]) -> Shown | None:
        if not held:
            return None
        if self._real_finder is None:
            return Shown(np.stack(held), self._real_track, self._start)
        return Shown(np.stack(held), *self._real_finder.around(self._start, self._start + len(held)))


def face_of(network: nn.Module, picture: Frames) -> FaceTrack:
    """The largest face of one picture (1, H, W, 3), as a track of one frame; of NaN where there is none."""
    (faces,) = find_faces(network, picture)
    found = largest_face(faces)
    landmarks = np.full((1, 5, 2), np.nan, np.float32) if found is None else found[None].astype(np.float32)
    box = np.concatenate([landmarks.min(axis=1), landmarks.max(axis=1)], axis=1)
    return FaceTrack(boxes=box, mouth_boxes=mouth_boxes(landmarks), landmarks=landmarks, source=DETECTOR)
