"""Where the square lies in the picture that was obtained: the four rules of the published datasets.

All boxes are in pixels of the upright source picture. A box that reaches beyond it is shifted inside, and made smaller
only if it is larger than the picture; both are noted.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from liveact_eval.datasets.preparing.rows import Box
from liveact_eval.datasets.published.source_clip import RelativeBox, SourceClip
from liveact_eval.errors import ClipError

NORMALISED_MARGIN = 0.02
"""By which a relative box grows on each side, in shares of the picture, as the loader of CelebV-HQ does."""
BODY_SIDE = 4.5
"""Side of the upper-body square in heights of the detected face: about from above the hair to the hips."""
BODY_ABOVE = 0.75
"""How far it reaches above the detected face, in heights of it: the hair, and some air."""
FACE_RATIO = 1.0
"""By which a face box is enlarged where the list states no factor."""

Method = Literal["listed", "scaled", "face", "upper_body", "normalised"]


def needs_faces(clip: SourceClip) -> bool:
    """Whether the square of a clip can be known only from faces that are found in it."""
    if clip.crop_rule == "pixels":
        return clip.crop is None or not clip.listed_height
    return clip.crop_rule in {"face", "upper_body"} and clip.crop is None


def listed_box(clip: SourceClip, size: tuple[int, int]) -> Box:
    """The square of a clip that needs no search: published in pixels, or relative to the picture.

    Args:
        clip: a clip for which `needs_faces` is false.
        size: width and height of the upright picture.

    Raises:
        ClipError: `no_box`: the list gives none.
    """
    if clip.relative_box is not None and clip.crop_rule == "normalised":
        return _normalised(clip.relative_box, size)
    if clip.crop is None:
        raise ClipError("no_box", f"the list gives no box for {clip.id!r}")
    crop = clip.crop
    height = clip.listed_height or size[1]
    if height == size[1]:
        return _inside(crop.x, crop.y, crop.width, crop.height, size, "listed", ())
    factor = Fraction(size[1], height)
    x, y, width, wide = (_even(side * factor) for side in (crop.x, crop.y, crop.width, crop.height))
    note = f"listed for a height of {height}, scaled to {size[1]}"
    return _inside(x, y, width, wide, size, "scaled", (note,))


def face_box(clip: SourceClip, faces: NDArray[np.float64], size: tuple[int, int]) -> Box:
    """The square around everything that the face covers in a clip, enlarged by the listed factor.

    Args:
        clip: gives the factor.
        faces: (T, 4) x0, y0, x1, y1 of the face in each frame where it was found, at least one.
        size: width and height of the upright picture.
    """
    left, top = faces[:, :2].min(axis=0)
    right, bottom = faces[:, 2:].max(axis=0)
    side = max(right - left, bottom - top) * (clip.crop_ratio or FACE_RATIO)
    return _square((left + right) / 2, (top + bottom) / 2, side, size, "face")


def upper_body_box(faces: NDArray[np.float64], size: tuple[int, int]) -> Box:
    """The square from above the head to the hips, centred on the neck.

    The neck is taken to be below the middle of the face. Medians over the frames: one wild detection moves nothing.
    Where the picture ends at the waist, the square is as high as the picture.

    Args:
        faces: (T, 4) x0, y0, x1, y1 of the face in each frame where it was found, at least one.
        size: width and height of the upright picture.
    """
    left, top, right, bottom = np.median(faces, axis=0)
    height = bottom - top
    side = min(BODY_SIDE * height, *size)
    middle = max(top - BODY_ABOVE * height, 0.0) + side / 2
    return _square((left + right) / 2, middle, side, size, "upper_body")


def _normalised(box: RelativeBox, size: tuple[int, int]) -> Box:
    width, height = size
    top, bottom = max(0.0, box.top - NORMALISED_MARGIN), min(1.0, box.bottom + NORMALISED_MARGIN)
    left, right = max(0.0, box.left - NORMALISED_MARGIN), min(1.0, box.right + NORMALISED_MARGIN)
    x0, x1 = round(left * width), round(right * width)
    y0, y1 = round(top * height), round(bottom * height)
    half = min(x1 - x0, y1 - y0) // 2
    if half < 1:
        raise ClipError("no_box", f"the relative box {box} holds no pixel of a picture of {width}x{height}")
    x, y = (x0 + x1) // 2 - half, (y0 + y1) // 2 - half
    return _inside(x, y, 2 * half, 2 * half, size, "normalised", ())


def _square(x: float, y: float, side: float, size: tuple[int, int], method: Method) -> Box:
    """A square around a point, with sides of whole pairs of pixels."""
    whole = max(2, _even(Fraction(float(side))))
    return _inside(round(x - whole / 2), round(y - whole / 2), whole, whole, size, method, ())


def _inside(
    x: int, y: int, width: int, height: int, size: tuple[int, int], method: Method, notes: tuple[str, ...]
) -> Box:
    if width < 1 or height < 1:
        raise ClipError("no_box", f"a box of {width}x{height} pixels holds no picture")
    told = list(notes)
    if width > size[0] or height > size[1]:
        # A square stays one: a face that is stretched is another face.
        shrunk = min(Fraction(size[0], width), Fraction(size[1], height))
        told.append(f"{width}x{height} made smaller to fit {size[0]}x{size[1]}")
        width, height = int(width * shrunk), int(height * shrunk)
    moved = min(max(x, 0), size[0] - width), min(max(y, 0), size[1] - height)
    if moved != (x, y):
        told.append(f"shifted from ({x}, {y}) to ({moved[0]}, {moved[1]}) to lie inside")
    return Box(x=moved[0], y=moved[1], width=width, height=height, method=method, notes=tuple(told))


def _even(value: Fraction) -> int:
    """The even number nearest to a value."""
    return 2 * round(value / 2)
