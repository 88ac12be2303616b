"""What distortions do to frames: pure functions of a frame, its number and a strength.

Those that change the order of frames are functions from a frame's number to that of the real frame that it shows,
never a later one, so that a clip of any length needs a few frames of memory.
"""

from __future__ import annotations

import io
import math
from collections import deque
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

WARP_PERIOD_S = 2.0
"""Time in which a warped picture falls behind and catches up once."""

Pixels = NDArray[np.uint8]
Order = Callable[[int], int]
"""From a frame's number to that of the real frame that is shown."""


def jpeg(rgb: Pixels, quality: int) -> Pixels:
    """A frame through JPEG of that quality, 1 to 95."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, format="JPEG", quality=quality)
    buffer.seek(0)
    with Image.open(buffer) as image:
        return np.asarray(image.convert("RGB"), dtype=np.uint8)


def colour_drift(rgb: Pixels, seconds: float, levels_per_s: float) -> Pixels:
    """A frame at that time: red has risen and blue has fallen at that speed."""
    return _levels(rgb + np.array([1.0, 0.0, -1.0], np.float32) * np.float32(levels_per_s * seconds))


def flicker(rgb: Pixels, n: int, levels: float) -> Pixels:
    """A frame made brighter if its number is even, darker if it is odd."""
    return _levels(rgb.astype(np.float32) + np.float32(levels if n % 2 == 0 else -levels))


def drop_order(share: float) -> Order:
    """Frames lost evenly: a lost one shows the last that was kept. Frame 0 is always kept."""

    def kept_until(n: int) -> int:
        """How many of the frames 0 to n are kept."""
        return 1 + math.floor(n * (1 - share) + 1e-9)

    def order(n: int) -> int:
        while n > 0 and kept_until(n) == kept_until(n - 1):
            n -= 1
        return n

    return order


def warp_order(frames: float, fps: float) -> Order:
    """A lag that swings between 0 and so many frames: time runs slower, then faster, never backwards."""
    period = WARP_PERIOD_S * fps
    # Beyond this time would run backwards.
    depth = min(frames, period / math.pi)
    return lambda n: max(0, n - round(depth * (1 - math.cos(2 * math.pi * n / period)) / 2))


class Reordered:
    """The effect of an order: keeps as many frames as it may look back.

    Args:
        order: which real frame is shown; called with 0, 1, 2, ...
        reach: the furthest that it looks back, in frames.
    """

    def __init__(self, order: Order, reach: int) -> None:
        self._order = order
        self._kept: deque[tuple[int, Pixels]] = deque(maxlen=reach + 1)

    def __call__(self, rgb: Pixels, n: int) -> Pixels:
        """The frame that is shown in place of frame n."""
        self._kept.append((n, rgb))
        wanted = self._order(n)
        for number, frame in self._kept:
            if number == wanted:
                return frame
        raise ValueError(f"frame {n} shows frame {wanted}, which is more than {len(self._kept) - 1} back")


class Swapped:
    """From one frame on, another video's frames in the same place and size; it starts anew where it ends.

    Args:
        since: the first frame that is replaced.
        frames: gives the other video's frames, from the first.
    """

    def __init__(self, since: int, frames: Callable[[], Iterator[Pixels]]) -> None:
        self._since, self._open = since, frames
        self._other = frames()

    def __call__(self, rgb: Pixels, n: int) -> Pixels:
        """Frame n, or the other video's."""
        other = self._next()
        return fitted(other, (rgb.shape[1], rgb.shape[0])) if n >= self._since else rgb

    def _next(self) -> Pixels:
        frame = next(self._other, None)
        if frame is None:
            self._other = self._open()
            frame = next(self._other)
        return frame


def fitted(rgb: Pixels, size: tuple[int, int]) -> Pixels:
    """A frame cut to the shape of another from its middle, and resized to (width, height)."""
    if (rgb.shape[1], rgb.shape[0]) == size:
        return rgb
    from PIL import Image

    width, height = rgb.shape[1], rgb.shape[0]
    scale = min(width / size[0], height / size[1])
    w, h = scale * size[0], scale * size[1]
    box = ((width - w) / 2, (height - h) / 2, (width + w) / 2, (height + h) / 2)
    resized = Image.fromarray(rgb).resize(size, Image.Resampling.BICUBIC, box=box)
    return np.asarray(resized, dtype=np.uint8)


def _levels(values: NDArray[np.float32]) -> Pixels:
    made: Pixels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return made
