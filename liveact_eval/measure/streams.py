"""Derived streams: each size, colour and crop is made once per run of frames, however many metrics want it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from liveact_eval.clips.faces import FaceTrack, similarity
from liveact_eval.measure.box_crops import lone_boxes
from liveact_eval.measure.head_crops import head_crops, head_squares
from liveact_eval.measure.needs import Colour, FrameNeed, Matrix, Region
from liveact_eval.measure.set_crops import area_crops, clean_crops
from liveact_eval.metrics._csim import template_for
from liveact_eval.metrics._lpips import smooth_landmarks, smoothing_radius
from liveact_eval.metrics._sync_crops import CROP, LOOK_AHEAD, Square, crop_faces, smoothed

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class StreamKey:
    """What distinguishes one derived stream from another."""

    colour: Colour
    region: Region
    size: tuple[int, int] | None
    smooth: bool = False
    matrix: Matrix = "stated"

    @classmethod
    def of(cls, need: FrameNeed, *, bt601: bool = False) -> StreamKey:
        """The stream that a need takes its windows from.

        Args:
            need: of a metric.
            bt601: whether the video's frames by BT.601 differ from those by its stated matrix.
        """
        matrix = need.matrix if bt601 else "stated"
        return cls(need.colour, need.region, need.size, need.smooth, matrix)


class DerivedStreams:
    """All streams over one run of frames; nothing is made before it is asked for, nothing twice.

    Args:
        frames: (N, H, W, 3) uint8 RGB, by the matrix that the streams to be made are of.
        start: index of the first of them in the clip.
        track: face track over the whole clip, for the regions `face` and `mouth`.
        fps: frames per second of the clip, for faces with smoothed landmarks.
    """

    def __init__(
        self, frames: NDArray[np.uint8], start: int, track: FaceTrack | None, fps: float | None = None
    ) -> None:
        self._frames, self._start, self._track, self._fps = frames, start, track, fps
        self._made: dict[StreamKey, torch.Tensor] = {}

    def get(self, key: StreamKey) -> torch.Tensor:
        """(N, H, W, 3) or (N, H, W) in levels 0..255."""
        if key not in self._made:
            self._made[key] = self._make(key)
        return self._made[key]

    def _make(self, key: StreamKey) -> torch.Tensor:
        import torch

        if key.colour == "luma":
            return _luma(self.get(StreamKey("rgb", key.region, key.size, key.smooth)))
        if key.region == "frame":
            whole = torch.from_numpy(self._frames)
            return whole if key.size is None else _resize(whole, key.size)
        if self._track is None:
            raise ValueError(f"region {key.region!r} needs a face track")
        span = slice(self._start, self._start + len(self._frames))
        return self._followed(key, self._track, span)

    def _followed(self, key: StreamKey, track: FaceTrack, span: slice) -> torch.Tensor:
        """What follows the face; here the regions that have a size of their own."""
        import torch

        if key.region == "sync":
            return _sync_squares(self._frames, track, self._start)
        if key.region == "head":
            return head_crops(self._frames, head_squares(track.boxes[span]))
        if key.region == "head_square":
            return torch.from_numpy(head_squares(track.boxes[span]))
        if key.region == "box_clean":
            return clean_crops(self._frames, track.boxes[span])
        if key.size is None:
            raise ValueError(f"region {key.region!r} needs a size")
        return self._sized(key, key.size, track, span)

    def _sized(self, key: StreamKey, size: tuple[int, int], track: FaceTrack, span: slice) -> torch.Tensor:
        import torch

        pictures = torch.from_numpy(self._frames)
        if key.region == "box_area":
            return area_crops(self._frames, track.boxes[span], size)
        if key.region == "box":
            return lone_boxes(pictures, track.lone_boxes()[span], size)
        if key.region == "mouth":
            return _crop(pictures, track.mouth_boxes[span], size)
        if size[0] != size[1]:
            raise ValueError(f"aligned faces are square; got a size of {size}")
        landmarks = self._smoothed(track, span) if key.smooth else track.landmarks[span]
        return _warp(pictures, _alignment(landmarks.astype(np.float64), size[0]), size)

    def _smoothed(self, track: FaceTrack, span: slice) -> NDArray[np.float64]:
        """Landmarks of a run as smoothing the whole clip would give them; only what is in reach is smoothed."""
        if self._fps is None:
            raise ValueError("smoothed landmarks need the frame rate of the clip")
        radius = smoothing_radius(self._fps)
        first = max(0, span.start - radius)
        around = smooth_landmarks(track.landmarks[first : span.stop + radius], self._fps)
        return around[span.start - first : span.stop - first]


def _luma(rgb: torch.Tensor) -> torch.Tensor:
    import torch

    weights = torch.tensor([0.299, 0.587, 0.114])
    luma = torch.empty(rgb.shape[:-1])
    for picture, out in zip(rgb, luma, strict=True):
        torch.mv(picture.reshape(-1, 3).float(), weights, out=out.view(-1))
    return luma


def _planes(picture: torch.Tensor) -> torch.Tensor:
    """One picture as (1, 3, H, W) float32. A whole run at once would not fit the caches, and its memory
    would be mapped anew each time: the page faults cost more than the arithmetic."""
    return picture.permute(2, 0, 1)[None].float()


def _resize(rgb: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    from torch.nn import functional as F

    # On bytes, rounded: five times as fast as on floats, and what image libraries do.
    planes = rgb.permute(0, 3, 1, 2)
    small = F.interpolate(
        planes, size=(size[1], size[0]), mode="bilinear", antialias=True, align_corners=False
    )
    return small.permute(0, 2, 3, 1)


def _crop(rgb: torch.Tensor, boxes: NDArray[np.float32], size: tuple[int, int]) -> torch.Tensor:
    """Boxes (x0, y0, x1, y1), rounded to whole pixels and resized; black where they leave the picture."""
    import torch
    from torch.nn import functional as F

    crops = torch.empty(len(rgb), size[1], size[0], 3, dtype=rgb.dtype)
    height, width = rgb.shape[1:3]
    for picture, box, out in zip(rgb, np.rint(boxes).astype(int).tolist(), crops, strict=True):
        x0, y0, x1, y1 = box
        inside = picture[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)]
        around = (0, 0, max(0, -x0), max(0, x1 - width), max(0, -y0), max(0, y1 - height))
        whole = F.pad(inside, around) if any(around) else inside
        out.copy_(_resize(whole[None], size)[0])
    return crops


def _sync_squares(frames: NDArray[np.uint8], track: FaceTrack, start: int) -> torch.Tensor:
    """(N, 224, 224, 3) float32, in whole levels; NaN where a frame has no face."""
    import torch

    first = max(0, start - LOOK_AHEAD)
    boxes = track.boxes[first : start + len(frames) + LOOK_AHEAD].astype(np.float64)
    seen: NDArray[np.bool_] = np.asarray(np.isfinite(boxes).all(axis=1))
    series = np.full((3, len(boxes)), np.nan)
    edges = [0, *(np.flatnonzero(np.diff(seen)) + 1), len(seen)]
    for a, b in itertools.pairwise(edges):
        # Of fewer boxes the median, with zeros beyond the ends, would be zero.
        if b - a > LOOK_AHEAD and seen[a]:
            series[:, a:b] = smoothed(boxes[a:b])
    mine = series[:, start - first : start - first + len(frames)]
    crops = torch.full((len(frames), CROP, CROP, 3), torch.nan)
    shown = np.flatnonzero(np.isfinite(mine[0]))
    if len(shown):
        cut = crop_faces([frames[n] for n in shown], Square(*mine[:, shown]))
        crops[torch.from_numpy(shown)] = torch.from_numpy(cut).float()
    return crops


def _alignment(landmarks: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """The 2x3 matrices from picture to crop, (N, 2, 3); NaN where a frame has no face."""
    matrices = np.full((len(landmarks), 2, 3), np.nan)
    seen = np.asarray(np.isfinite(landmarks).all(axis=(1, 2)))
    if seen.any():
        matrices[seen] = similarity(landmarks[seen], template_for(side))
    return matrices


def _warp(rgb: torch.Tensor, matrices: NDArray[np.float64], size: tuple[int, int]) -> torch.Tensor:
    """Crops of `size` by 2x3 matrices that map picture to crop; bilinear, black border, NaN for a matrix of NaN."""
    import torch
    from torch.nn import functional as F

    count, height, width = rgb.shape[:3]
    full = np.tile(np.eye(3), (count, 1, 1))
    seen = np.asarray(np.isfinite(matrices).all(axis=(1, 2)))
    full[seen, :2] = matrices[seen]
    inverse = torch.from_numpy(np.linalg.inv(full)[:, :2])
    x = torch.arange(size[0], dtype=torch.float64)
    y = torch.arange(size[1], dtype=torch.float64)[:, None]
    extent = torch.tensor([width, height], dtype=torch.float64)
    crops = torch.empty(count, 3, size[1], size[0])
    for picture, to_picture, there, out in zip(rgb, inverse, seen, crops, strict=True):
        if not there:
            out.fill_(torch.nan)
            continue
        source = [row[0] * x + (row[1] * y + row[2]) for row in to_picture]
        # grid_sample counts from -1 to 1 between the outer edges of the outer pixels.
        grid = (2 * torch.stack(source, dim=-1) + 1) / extent - 1
        out[None] = F.grid_sample(
            _planes(picture), grid[None].float(), mode="bilinear", padding_mode="zeros", align_corners=False
        )
    return crops.permute(0, 2, 3, 1)
