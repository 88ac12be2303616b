"""Derived streams: each size, colour and crop is made once per run of frames, however many metrics want it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from liveact_eval.clips.faces import FaceTrack, box_to_crop, similarity
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
        if key.region == "face":
            matrices = similarity(self._track.landmarks[span].astype(np.float64))
        else:
            boxes = self._track.mouth_boxes[span].astype(np.float64)
            matrices = np.stack([box_to_crop(box, key.size) for box in boxes])
        return _warp(torch.from_numpy(self._frames), matrices, key.size)


def _luma(rgb: torch.Tensor) -> torch.Tensor:
    import torch

    weights = torch.tensor([0.299, 0.587, 0.114])
    return rgb.to(torch.float32) @ weights


def _resize(rgb: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    from torch.nn import functional as F

    planes = rgb.permute(0, 3, 1, 2).float()
    small = F.interpolate(
        planes, size=(size[1], size[0]), mode="bilinear", antialias=True, align_corners=False
    )
    return small.permute(0, 2, 3, 1)


def _warp(rgb: torch.Tensor, matrices: NDArray[np.float64], size: tuple[int, int]) -> torch.Tensor:
    """Crops of `size` by 2x3 matrices that map picture to crop; bilinear, black border."""
    import torch
    from torch.nn import functional as F

    count, height, width = rgb.shape[:3]
    full = np.tile(np.eye(3), (count, 1, 1))
    full[:, :2] = matrices
    inverse = torch.from_numpy(np.linalg.inv(full)[:, :2])
    x, y = torch.meshgrid(
        torch.arange(size[0], dtype=torch.float64), torch.arange(size[1], dtype=torch.float64), indexing="xy"
    )
    points = torch.stack([x, y, torch.ones_like(x)], dim=-1)
    source = torch.einsum("nij,hwj->nhwi", inverse, points)
    # grid_sample counts from -1 to 1 between the outer edges of the outer pixels.
    grid = (2 * source + 1) / torch.tensor([width, height], dtype=torch.float64) - 1
    planes = rgb.permute(0, 3, 1, 2).float()
    crops = F.grid_sample(planes, grid.float(), mode="bilinear", padding_mode="zeros", align_corners=False)
    return crops.permute(0, 2, 3, 1)
