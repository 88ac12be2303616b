"""Faces in videos of which nobody knows where they are: found in every frame, followed, and one of them chosen.

    frames --detector--> boxes and landmarks --tracker--> tracks --choice--> one face per frame, or none

The chosen face is kept for as long as its track lasts; then the largest one that is there. A track counts from seven
sightings and 50 pixels on. Missed frames are interpolated across gaps of up to 25 frames, so what a frame shows is
known 25 frames later: `FaceFinder` decides with that delay, one frame after the other, whatever the runs they come in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from liveact_eval.clips.face_tracking import Boxes, FaceTracker, TrackRules
from liveact_eval.clips.faces import FaceTrack, SeenFaces

if TYPE_CHECKING:
    from torch import nn

DETECTOR = "yunet"
"""Name of the detector in the catalogue of networks."""
RULES = TrackRules(min_detections=7, min_side=50.0)
"""Which tracks count; SyncNet's crops need seven boxes."""
LONGEST_SIDE = 512
"""Pictures are searched at this size, in pixels, if they are larger."""

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Faces:
    """The faces of one picture, the likeliest first, in its pixels."""

    boxes: Boxes
    """(K, 4) x0, y0, x1, y1."""
    landmarks: Points
    """(K, 5, 2) eyes (left in the picture first), nose tip, mouth corners."""


@dataclass(frozen=True, kw_only=True)
class FaceSummary:
    """What was found in a video."""

    frames: int
    """Frames decided."""
    seen: int
    """Those with the chosen face."""
    several: int
    """Those with another face beside it that counts."""

    @property
    def coverage(self) -> float:
        """Share of frames with a face, 0..1."""
        return self.seen / self.frames if self.frames else 0.0


def find_faces(network: nn.Module, frames: NDArray[np.uint8]) -> list[Faces]:
    """Faces of each picture.

    Args:
        network: YuNet, or what gives the same maps.
        frames: (N, H, W, 3) RGB.
    """
    import torch
    from torch.nn import functional as F

    from liveact_eval.networks.yunet import decode_faces, to_input

    height, width = frames.shape[1:3]
    pictures = torch.from_numpy(frames)
    ratio = min(1.0, LONGEST_SIDE / max(height, width))
    if ratio < 1:
        size = (max(1, round(height * ratio)), max(1, round(width * ratio)))
        planes = pictures.permute(0, 3, 1, 2)
        small = F.interpolate(planes, size=size, mode="bilinear", antialias=True, align_corners=False)
        pictures = small.permute(0, 2, 3, 1)
    scale = np.array([width / pictures.shape[2], height / pictures.shape[1]])
    device = next(network.parameters(), torch.zeros(0)).device
    made = to_input(pictures).to(device)
    with torch.inference_mode():
        found = decode_faces(network(made), (made.shape[2], made.shape[3]))
    return [
        Faces(
            boxes=face.boxes.cpu().double().numpy() * np.tile(scale, 2),
            landmarks=face.landmarks.cpu().double().numpy() * scale,
        )
        for face in found
    ]


def largest_face(faces: Faces) -> Points | None:
    """Landmarks (5, 2) of the largest face of a picture; `None`: there is none."""
    if not len(faces.boxes):
        return None
    return np.asarray(faces.landmarks[int(_area(faces.boxes).argmax())])


def mouth_boxes(landmarks: NDArray[np.floating]) -> NDArray[np.float32]:
    """Boxes that hold the mouth at every opening, (N, 4), from landmarks (N, 5, 2)."""
    left, right = landmarks[:, 3].astype(np.float64), landmarks[:, 4].astype(np.float64)
    middle, width = (left + right) / 2, np.linalg.norm(right - left, axis=1)
    x, y = middle[:, 0], middle[:, 1]
    return np.stack([x - 0.9 * width, y - 0.6 * width, x + 0.9 * width, y + width], axis=1).astype(np.float32)


@dataclass
class _Track:
    """One face as far as it still matters."""

    frames: list[int] = field(default_factory=list)
    boxes: list[Boxes] = field(default_factory=list)
    landmarks: list[Points] = field(default_factory=list)
    detections: int = 0
    sides: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))

    def add(self, frame: int, box: Boxes, landmarks: Points) -> None:
        self.frames.append(frame)
        self.boxes.append(box)
        self.landmarks.append(landmarks)
        self.detections += 1
        self.sides += box[2:] - box[:2]

    def counts(self) -> bool:
        large = self.sides.max() / self.detections > RULES.min_side
        return self.detections >= RULES.min_detections and bool(large)

    def shows(self, frame: int) -> bool:
        return self.frames[0] <= frame <= self.frames[-1]

    def at(self, frame: int) -> tuple[Boxes, Points]:
        """Box and landmarks of a frame, from those before and after it."""
        after = next(i for i, known in enumerate(self.frames) if known >= frame)
        if self.frames[after] == frame:
            return self.boxes[after], self.landmarks[after]
        begin, end = self.frames[after - 1], self.frames[after]
        share = (frame - begin) / (end - begin)
        both = [(1 - share) * rows[after - 1] + share * rows[after] for rows in (self.boxes, self.landmarks)]
        return both[0], both[1]

    def forget(self, frame: int) -> None:
        """Drop what only frames up to this one need."""
        while len(self.frames) > 1 and self.frames[1] <= frame:
            del self.frames[0], self.boxes[0], self.landmarks[0]


class FaceFinder:
    """The chosen face of each frame of a video, decided with a delay of 25 frames.

    Args:
        network: the detector.
        reach: decided frames that are kept on both sides of those asked for.
    """

    def __init__(self, network: nn.Module, reach: int) -> None:
        self._network, self._reach = network, reach
        self._tracker = FaceTracker(RULES)
        self._tracks: dict[int, _Track] = {}
        self._chosen: int | None = None
        self._pushed = 0
        self._boxes: list[Boxes] = []
        self._landmarks: list[Points] = []
        self._counts: list[int] = []
        self._lone: list[Boxes] = []
        self._first = 0
        """Frame of the first decision that is kept."""
        self._seen = self._several = 0

    @property
    def decided(self) -> int:
        """Frames of which the face is known."""
        return self._first + len(self._boxes)

    @property
    def summary(self) -> FaceSummary:
        """What was found so far."""
        return FaceSummary(frames=self.decided, seen=self._seen, several=self._several)

    def push(self, frames: NDArray[np.uint8]) -> None:
        """Take the next frames, (N, H, W, 3)."""
        for faces in find_faces(self._network, frames):
            for track, box in self._tracker.push(self._pushed, faces.boxes).items():
                index = int((faces.boxes == box).all(axis=1).argmax())
                self._tracks.setdefault(track, _Track()).add(self._pushed, box, faces.landmarks[index])
            self._counts.append(len(faces.boxes))
            self._lone.append(faces.boxes[0] if len(faces.boxes) == 1 else np.full(4, np.nan))
            self._pushed += 1
            # One by one, so that a decision never knows more than in another cut into runs.
            if self._pushed > self.decided + RULES.max_gap:
                self._decide(self.decided)

    def finish(self) -> None:
        """No frame follows: decide what waits."""
        while self.decided < self._pushed:
            self._decide(self.decided)

    def around(self, start: int, stop: int) -> tuple[FaceTrack, int]:
        """The face of decided frames, with its surroundings, and the index of frame `start` therein.

        Nothing that comes before these surroundings can be asked for later.
        """
        keep = max(self._first, start - self._reach)
        for kept in (self._boxes, self._landmarks, self._counts, self._lone):
            del kept[: keep - self._first]
        self._first = keep
        length = min(stop + self._reach, self.decided) - keep
        landmarks = np.stack(self._landmarks[:length]).astype(np.float32)
        track = FaceTrack(
            boxes=np.stack(self._boxes[:length]).astype(np.float32),
            mouth_boxes=mouth_boxes(landmarks),
            landmarks=landmarks,
            source=DETECTOR,
            seen=SeenFaces(
                counts=np.array(self._counts[:length], np.int64),
                lone=np.stack(self._lone[:length]).astype(np.float32),
            ),
        )
        return track, start - keep

    def _decide(self, frame: int) -> None:
        there = [track for track, known in self._tracks.items() if known.shows(frame) and known.counts()]
        before, self._chosen = self._chosen, self._choice(frame, there)
        if self._chosen is None:
            box, landmarks = np.full(4, np.nan), np.full((5, 2), np.nan)
        else:
            box, landmarks = self._tracks[self._chosen].at(frame)
            if before is not None and before != self._chosen:
                # A frame without a face between two faces, so that nobody takes them for one that moved.
                box, landmarks, self._chosen = np.full(4, np.nan), np.full((5, 2), np.nan), None
        self._boxes.append(box)
        self._landmarks.append(landmarks)
        self._seen += self._chosen is not None
        self._several += self._chosen is not None and len(there) > 1
        for track in list(self._tracks):
            self._tracks[track].forget(frame)
            if self._tracks[track].frames[-1] <= frame and self._tracker.over(track, self._pushed):
                del self._tracks[track]

    def _choice(self, frame: int, there: list[int]) -> int | None:
        if self._chosen in there:
            return self._chosen
        return max(there, key=lambda track: _area(self._tracks[track].at(frame)[0]), default=None)


def _area(boxes: Boxes) -> NDArray[np.float64]:
    area: NDArray[np.float64] = (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
    return area
