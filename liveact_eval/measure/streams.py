"""Derived streams: each size, colour and crop is made once per run of frames, however many metrics want it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from liveact_eval.clips.faces import FaceTrack, similarity
from liveact_eval.measure.needs import Colour, FrameNeed, Region

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class StreamKey:
    """What distinguishes one derived stream from another."""

    colour: Colour
    region: Region
    size: tuple[int, int] | None

    @classmethod
    def of(cls, need: FrameNeed) -> StreamKey:
        """The stream that a need takes its windows from."""
        return cls(need.colour, need.region, need.size)


class DerivedStreams:
    """All streams over one run of frames; nothing is made before it is asked for, nothing twice.

    Args:
        frames: (N, H, W, 3) uint8 RGB.
        start: index of the first of them in the clip.
        track: face track over the whole clip, for the regions `face` and `mouth`.
    """

    def __init__(self, frames: NDArray[np.uint8], start: int, track: FaceTrack | None) -> None:
        self._frames, self._start, self._track = frames, start, track
        self._made: dict[StreamKey, torch.Tensor] = {}

    def get(self, key: StreamKey) -> torch.Tensor:
        """(N, H, W, 3) or (N, H, W) in levels 0..255."""
        if key not in self._made:
            self._made[key] = self._make(key)
        return self._made[key]

    def _make(self, key: StreamKey) -> torch.Tensor:
        import torch

        if key.colour == "luma":
            return _luma(self.get(StreamKey("rgb", key.region, key.size)))
        if key.region == "frame":
            whole = torch.from_numpy(self._frames)
            return whole if key.size is None else _resize(whole, key.size)
        if self._track is None or key.size is None:
            raise ValueError(f"region {key.region!r} needs a face track and a size")
        span = slice(self._start, self._start + len(self._frames))
        pictures = torch.from_numpy(self._frames)
        if key.region == "mouth":
            return _crop(pictures, self._track.mouth_boxes[span], key.size)
        matrices = similarity(self._track.landmarks[span].astype(np.float64))
        return _warp(pictures, matrices, key.size)


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


def _warp(rgb: torch.Tensor, matrices: NDArray[np.float64], size: tuple[int, int]) -> torch.Tensor:
    """Crops of `size` by 2x3 matrices that map picture to crop; bilinear, black border."""
    import torch
    from torch.nn import functional as F

    count, height, width = rgb.shape[:3]
    full = np.tile(np.eye(3), (count, 1, 1))
    full[:, :2] = matrices
    inverse = torch.from_numpy(np.linalg.inv(full)[:, :2])
    x = torch.arange(size[0], dtype=torch.float64)
    y = torch.arange(size[1], dtype=torch.float64)[:, None]
    extent = torch.tensor([width, height], dtype=torch.float64)
    crops = torch.empty(count, 3, size[1], size[0])
    for picture, to_picture, out in zip(rgb, inverse, crops, strict=True):
        source = [row[0] * x + (row[1] * y + row[2]) for row in to_picture]
        # grid_sample counts from -1 to 1 between the outer edges of the outer pixels.
        grid = (2 * torch.stack(source, dim=-1) + 1) / extent - 1
        out[None] = F.grid_sample(
            _planes(picture), grid[None].float(), mode="bilinear", padding_mode="zeros", align_corners=False
        )
    return crops.permute(0, 2, 3, 1)
