"""Sizes: what a system is asked for, the picture that it gets, and how its frames come back to the clip's size.

Frames are (H, W, 3) RGB uint8; sizes are (width, height) in pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liveact_eval.cards.command_rules import PictureRule
from liveact_eval.errors import ClipError

Pixels = NDArray[np.uint8]
_ALIKE = 0.02
"""Two shapes are the same if their ratios of sides differ by no more than this share."""


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """Sizes of one clip."""

    clip: tuple[int, int] | None
    """Size of the video that is scored; `None`: as the system makes it."""
    asked: tuple[int, int]
    """Size that the system is asked for."""
    rule: PictureRule
    """How pictures are brought there and back."""

    def stage(self, picture: Pixels) -> Pixels:
        """The reference image as the system gets it."""
        if self.rule.fit == "as_is":
            return picture
        if self.rule.fit == "cover":
            return resize(crop_to_shape(picture, self.asked), self.asked)
        width, height = _inside(_size(picture), self.asked)
        small = resize(picture, (width, height))
        left, top = (self.asked[0] - width) // 2, (self.asked[1] - height) // 2
        below, right = self.asked[1] - height - top, self.asked[0] - width - left
        padded: Pixels = np.pad(small, ((top, below), (left, right), (0, 0)), mode="edge")
        return padded

    def restore(self, frame: Pixels) -> Pixels:
        """A frame of the system at the clip's size.

        Raises:
            ClipError: `wrong_size`: its shape is not the clip's, and the card does not say what to do then.
        """
        if self.clip is None:
            return frame
        if self.rule.fit == "pad":
            frame = self._cut_border(frame)
        if not _alike(_size(frame), self.clip):
            if self.rule.result == "same":
                raise ClipError(
                    "wrong_size",
                    f"the program made {_named(_size(frame))}, whose shape is not that of {_named(self.clip)}. Say in "
                    "the card what is to be done: `picture.result: crop` or `stretch`, or `picture.fit: pad`",
                )
            if self.rule.result == "crop":
                frame = crop_to_shape(frame, self.clip)
        return resize(frame, self.clip)

    def _cut_border(self, frame: Pixels) -> Pixels:
        if self.clip is None:
            return frame
        if not _alike(_size(frame), self.asked):
            raise ClipError(
                "wrong_size",
                f"the program made {_named(_size(frame))}, and was given a picture of {_named(self.asked)}: the added "
                "border cannot be found",
            )
        inner = _inside(self.clip, self.asked)
        height, width = frame.shape[:2]
        kept = (round(inner[0] * width / self.asked[0]), round(inner[1] * height / self.asked[1]))
        left, top = (width - kept[0]) // 2, (height - kept[1]) // 2
        return frame[top : top + kept[1], left : left + kept[0]]


def plan_geometry(
    rule: PictureRule, *, clip: tuple[int, int] | None, picture: tuple[int, int] | None
) -> Geometry:
    """Sizes for a clip.

    Args:
        rule: what the system can do.
        clip: size of the video that is scored, where it is known.
        picture: size of the reference image, where there is one.

    Raises:
        ClipError: `wrong_size`: neither is known, and the card names no size.
    """
    shape = clip or picture
    if shape is None and not rule.sizes:
        raise ClipError(
            "wrong_size", "neither the clip nor the card says a size. Add `picture.sizes` to the card"
        )
    if not rule.sizes and shape is not None:
        asked = (_floor(shape[0], rule.multiple), _floor(shape[1], rule.multiple))
    elif shape is None:
        asked = rule.sizes[0]
    else:
        asked = min(rule.sizes, key=lambda size: abs(np.log(_ratio(size) / _ratio(shape))))
    return Geometry(clip=clip, asked=asked, rule=rule)


def resize(picture: Pixels, size: tuple[int, int]) -> Pixels:
    """A picture at another size, by Lanczos with a filter that grows where it shrinks."""
    from PIL import Image

    if _size(picture) == size:
        return picture
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS), dtype=np.uint8)


def crop_to_shape(picture: Pixels, shape: tuple[int, int]) -> Pixels:
    """The largest middle part of a picture whose sides are in the ratio of `shape`."""
    width, height = _inside(shape, _size(picture))
    left, top = (picture.shape[1] - width) // 2, (picture.shape[0] - height) // 2
    return picture[top : top + height, left : left + width]


def _inside(shape: tuple[int, int], room: tuple[int, int]) -> tuple[int, int]:
    """The largest size of that shape inside another."""
    factor = min(room[0] / shape[0], room[1] / shape[1])
    return min(room[0], max(1, round(shape[0] * factor))), min(room[1], max(1, round(shape[1] * factor)))


def _floor(side: int, multiple: int) -> int:
    return max(multiple, side // multiple * multiple)


def _alike(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return abs(_ratio(one) / _ratio(other) - 1) <= _ALIKE


def _ratio(size: tuple[int, int]) -> float:
    return size[0] / size[1]


def _size(picture: Pixels) -> tuple[int, int]:
    return picture.shape[1], picture.shape[0]


def _named(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
