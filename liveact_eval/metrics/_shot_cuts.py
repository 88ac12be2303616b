"""Where a video is cut: by how much hue, saturation and value of neighbouring frames differ.

The content detector of PySceneDetect. Hue is counted in 0..179, saturation and value in 0..255, as OpenCV does in whole
numbers; a change is the mean absolute difference of each over the picture, and the mean of the three. Hue is not taken
around the circle: two reds can count as far from each other.
Source: Breakthrough/PySceneDetect, scenedetect/detectors/content_detector.py and detector.py (BSD-3-Clause).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

if TYPE_CHECKING:
    from torch import Tensor

WIDTH = 256
"""Pixels to which wider frames are brought down before they are looked at."""
THRESHOLD = 27.0
"""Change from which on two frames belong to different shots."""
SHORTEST = 15
"""Frames of the shortest shot; cuts that follow each other faster are one cut."""
_FINE = 4096
"""OpenCV divides by a table of whole numbers that hold so many parts of one."""


def content_change(frames: Tensor) -> Tensor:
    """How much each frame differs from the one before it.

    Args:
        frames: (N, H, W, 3) RGB bytes that follow each other.

    Returns:
        (N - 1,) float64 in 0..255.
    """
    if frames.shape[2] > WIDTH:
        height = max(1, round(frames.shape[1] * WIDTH / frames.shape[2]))
        # Bilinear of four neighbours, as OpenCV does it: no antialiasing.
        frames = F.interpolate(frames.permute(0, 3, 1, 2), size=(height, WIDTH), mode="bilinear").permute(
            0, 2, 3, 1
        )
    changes = []
    before: Tensor | None = None
    # Frame by frame, so that what is made on the way stays in the processor's cache.
    for frame in frames:
        now = hue_saturation_value(frame)
        if before is not None:
            changes.append((now - before).abs().sum(dtype=torch.float64) / now.numel())
        before = now
    return torch.stack(changes) if changes else torch.zeros(0, dtype=torch.float64)


def hue_saturation_value(picture: Tensor) -> Tensor:
    """(..., 3) RGB bytes to hue 0..179, saturation and value 0..255, (3, ...) float32 in whole numbers, as OpenCV's."""
    red, green, blue = (plane.contiguous() for plane in picture.float().unbind(-1))
    value = torch.maximum(torch.maximum(red, green), blue)
    chroma = value - torch.minimum(torch.minimum(red, green), blue)
    turned = torch.where(
        value == red,
        green - blue,
        torch.where(value == green, blue - red + 2 * chroma, red - green + 4 * chroma),
    )
    hue = _fraction(turned, 30, chroma)
    saturation = _fraction(chroma, 255, value)
    return torch.stack([torch.where(hue < 0, hue + 180, hue), saturation, value])


def _fraction(part: Tensor, scale: int, whole: Tensor) -> Tensor:
    """`scale * part / whole` in whole numbers, by a reciprocal that is one too; 0 where both are 0."""
    reciprocal = (scale * _FINE / whole.clamp(min=1)).round_()
    return reciprocal.mul_(part).add_(_FINE // 2).div_(_FINE).floor_()


class CutFinder:
    """Finds cuts while changes come in, one per frame but the first.

    A cut counts if nothing changed that much in the frames before it. Of faster ones the last is the cut, once as many
    frames are calm; it is therefore known only so many frames later.

    Args:
        threshold: change from which on there is a cut.
        shortest: frames of the shortest shot.
    """

    def __init__(self, threshold: float = THRESHOLD, shortest: int = SHORTEST) -> None:
        self._threshold, self._shortest = threshold, shortest
        self._frame = self._latest = 0
        self._merging_from: int | None = None
        self._found = False

    def push(self, change: float) -> int | None:
        """Take the change of the next frame.

        Returns:
            First frame of a new shot: this one, or that of `shortest` frames ago; `None`: nothing new.
        """
        self._frame += 1
        was_calm = self._frame - self._latest >= self._shortest
        large = change >= self._threshold
        if large:
            self._latest = self._frame
        if self._merging_from is not None:
            if large or not was_calm or self._latest - self._merging_from < self._shortest:
                return None
            self._merging_from = None
            return self._latest
        if not large:
            return None
        if was_calm:
            self._found = True
            return self._frame
        if self._found:
            self._merging_from = self._frame
        return None


def cuts(changes: Iterable[float], threshold: float = THRESHOLD, shortest: int = SHORTEST) -> list[int]:
    """First frames of all shots but the first, from the changes of all frames but the first."""
    finder = CutFinder(threshold, shortest)
    return [cut for change in changes if (cut := finder.push(change)) is not None]
