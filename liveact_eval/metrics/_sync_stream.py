"""Crops and embeddings of faces while a video streams by, in memory that does not grow with it.

A crop at frame t needs boxes up to six frames on (median of 13), and a box that was missed needs the next one found, up
to 25 frames on. So crops come with a delay of at most 31 frames, and no more pictures than that are held. Whether a
track counts at all (long and large enough) is known only when it ends: crops of all tracks come out, and the rows made
of tracks that do not count are thrown away. A face seen in passing costs nothing: of tracks that never reach seven
boxes no crop comes before their end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from liveact_eval.clips.face_tracking import Boxes, FaceTracker, TrackRules, filled
from liveact_eval.metrics._sync_crops import (
    CROP,
    KERNEL,
    LOOK_AHEAD,
    Frames,
    Square,
    crop_faces,
    median,
    squares,
)

if TYPE_CHECKING:
    import torch

    from liveact_eval.networks.syncnet import SyncNet

_NO_CROPS = np.zeros((0, CROP, CROP, 3), np.uint8)


class SyncCropper:
    """Crops of one face, frame by frame; in all the same as `crop_track` over its frames and boxes.

    Args:
        max_gap: most frames from one box to the next, and so the most pictures that wait for a box.
    """

    def __init__(self, max_gap: int = 25) -> None:
        self._max_gap = max_gap
        self._waiting: list[Frames] = []
        self._last: tuple[int, Boxes] | None = None
        self._frame = -1
        # Half side, x, y of the boxes that medians still need; zeros before the beginning.
        self._series = np.zeros((3, LOOK_AHEAD))
        self.detections = 0
        """Frames with a box of their own."""
        self.length = 0
        """Frames from the first box to the last."""
        self._sides = np.zeros(2)

    @property
    def side(self) -> float:
        """The larger of mean width and mean height so far, in pixels."""
        return float(self._sides.max() / self.length) if self.length else 0.0

    def push(self, frame: Frames, box: NDArray[Any] | None) -> Frames:
        """Take the next frame (H, W, 3) and the face's box in it, if it was found; return crops (m, 224, 224, 3).

        Raises:
            ValueError: a box comes after a longer gap than tracks may have.
        """
        self._frame += 1
        if self._last is None and box is None:
            return _NO_CROPS
        gap = self._frame - self._last[0] if self._last else 0
        if box is None:
            if gap < self._max_gap:
                self._waiting.append(frame)
            return _NO_CROPS
        if gap > self._max_gap:
            raise ValueError(f"{gap} frames lie between two boxes of a track; at most {self._max_gap} may")
        self._waiting.append(frame)
        self._take(np.asarray(box, dtype=np.float64))
        return self._crops(self._series)

    def finish(self) -> Frames:
        """The last crops; frames after the last box have none."""
        return self._crops(np.pad(self._series, ((0, 0), (0, LOOK_AHEAD))))

    def _take(self, box: Boxes) -> None:
        new = box[None]
        if self._last is not None:
            new = filled([self._last[0], self._frame], [self._last[1], box]).boxes[1:]
        self._last = (self._frame, box)
        self.detections += 1
        self.length += len(new)
        self._sides += (new[:, 2:] - new[:, :2]).sum(axis=0)
        self._series = np.concatenate([self._series, np.stack(squares(new))], axis=1)

    def _crops(self, series: NDArray[np.float64]) -> Frames:
        count = series.shape[1] - KERNEL + 1
        if count < 1:
            return _NO_CROPS
        frames, self._waiting = self._waiting[:count], self._waiting[count:]
        self._series = series[:, count:]
        return crop_faces(frames, Square(*(median(values) for values in series)))


@dataclass(frozen=True)
class TrackCrops:
    """The next crops of one track."""

    track: int
    """Its number."""
    start: int
    """Frame of the track's first crop."""
    crops: Frames
    """(m, 224, 224, 3) of consecutive frames; may be none."""
    ended: bool
    """Whether these are its last."""
    counts: bool
    """Of an ended track: whether it is long and large enough."""
    detections: int = 0
    """Of an ended track: frames in which it was found."""


class CropStream:
    """Crops of all faces of a video, in the order in which they become known.

    Args:
        rules: what is one face, and which tracks count.
    """

    def __init__(self, rules: TrackRules) -> None:
        self._rules = rules
        self._tracker = FaceTracker(rules)
        self._croppers: dict[int, tuple[int, SyncCropper]] = {}
        self._frame = -1

    def push(self, frame: Frames, boxes: NDArray[Any] | None) -> list[TrackCrops]:
        """Take the next frame (H, W, 3) and the boxes found in it, (K, 4); `None` where nobody looked."""
        self._frame += 1
        taken = {} if boxes is None else self._tracker.push(self._frame, boxes)
        for track in taken.keys() - self._croppers.keys():
            self._croppers[track] = (self._frame, SyncCropper(self._rules.max_gap))
        made = []
        for track, (start, cropper) in list(self._croppers.items()):
            if track not in taken and self._tracker.over(track, self._frame):
                made.append(self._end(track))
                continue
            crops = cropper.push(frame, taken.get(track))
            if len(crops):
                made.append(TrackCrops(track, start, crops, ended=False, counts=False))
        return made

    def finish(self) -> list[TrackCrops]:
        """The last crops of all tracks that have not ended."""
        return [self._end(track) for track in list(self._croppers)]

    def _end(self, track: int) -> TrackCrops:
        start, cropper = self._croppers.pop(track)
        long = cropper.detections >= self._rules.min_detections
        counts = long and cropper.side > self._rules.min_side
        crops = cropper.finish() if counts else _NO_CROPS
        return TrackCrops(track, start, crops, ended=True, counts=counts, detections=cropper.detections)


class VideoEmbedder:
    """Embeddings of crops that arrive in runs of any length; keeps the few crops that later windows begin with.

    Args:
        network: on the device where it shall run.
        at_once: windows per pass.
    """

    def __init__(self, network: SyncNet, at_once: int) -> None:
        self._network, self._at_once = network, at_once
        self._kept: list[Frames] = []

    def push(self, crops: Sequence[Frames] | Frames) -> NDArray[np.float32]:
        """Take (m, 224, 224, 3) crops; return rows (k, 1024) of full passes."""
        from liveact_eval.networks.syncnet import WINDOW_FRAMES

        self._kept += list(crops)
        passes = (len(self._kept) - WINDOW_FRAMES + 1) // self._at_once
        return self._rows(max(0, passes) * self._at_once)

    def finish(self) -> NDArray[np.float32]:
        """The rows of the last windows."""
        from liveact_eval.networks.syncnet import WINDOW_FRAMES

        return self._rows(max(0, len(self._kept) - WINDOW_FRAMES + 1))

    def _rows(self, count: int) -> NDArray[np.float32]:
        from liveact_eval.networks.syncnet import EMBEDDING, WINDOW_FRAMES

        if not count:
            return np.zeros((0, EMBEDDING), np.float32)
        import torch

        crops = torch.from_numpy(np.stack(self._kept[: count + WINDOW_FRAMES - 1]))
        self._kept = self._kept[count:]
        with torch.inference_mode():
            rows: torch.Tensor = self._network.embed_video(crops.to(_device(self._network)), self._at_once)
        return np.asarray(rows.cpu())


def _device(network: SyncNet) -> torch.device:
    return next(network.parameters()).device
