"""Anti-aliased painting: signed distances and bands, composited on a stack of frames.

Shapes: T frames, H rows, W columns; a picture is planar [3, T, H, W], float32, 0..1.
Units: the picture spans -1..1 in both directions, y down; "px" marks pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
"""[T, h, w], or [T, 1, 1] for one value per frame."""
Rgb = tuple[float, float, float]
"""An sRGB colour, 0..1."""


def column(values: npt.ArrayLike) -> Array:
    """One value per frame as [T, 1, 1], ready to meet a stack of pictures."""
    return np.asarray(values, dtype=np.float32).reshape(-1, 1, 1)


def mix(a: Rgb, b: Rgb, weight: float) -> Rgb:
    """The colour `weight` of the way from `a` to `b`."""
    return (a[0] + (b[0] - a[0]) * weight, a[1] + (b[1] - a[1]) * weight, a[2] + (b[2] - a[2]) * weight)


@dataclass(frozen=True)
class Pose:
    """Where the head's coordinates lie in the picture: one origin and roll (radians) per frame, [T]."""

    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    roll: npt.NDArray[np.float64]

    def to_picture(
        self, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Points of head coordinates in picture units."""
        cos, sin = np.cos(self.roll), np.sin(self.roll)
        return self.x + cos * x - sin * y, self.y + sin * x + cos * y


@dataclass(frozen=True)
class Patch:
    """A rectangle of the stack, and the coordinates of its pixel centres."""

    rows: slice
    cols: slice
    x: Array
    y: Array


class Canvas:
    """A stack of frames that is painted back to front."""

    def __init__(self, background: Array, frames: int) -> None:
        self.size = background.shape[-1]
        self.px = np.float32(self.size / 2)
        self.rgb: Array = np.repeat(background[:, None], frames, axis=1)
        axis = ((np.arange(self.size) + 0.5) / self.size * 2 - 1).astype(np.float32)
        self._axis = axis

    def patch(self, bounds: tuple[float, float, float, float], pose: Pose | None = None) -> Patch:
        """The pixels that `bounds` (x0, y0, x1, y1) can touch in any frame, in coordinates of `pose`."""
        x0, y0, x1, y1 = bounds
        if pose is None:
            rows, cols = self._span(y0, y1), self._span(x0, x1)
            shape = (1, rows.stop - rows.start, cols.stop - cols.start)
            return Patch(
                rows,
                cols,
                np.broadcast_to(self._axis[cols][None, None, :], shape),
                np.broadcast_to(self._axis[rows][None, :, None], shape),
            )
        corners = [pose.to_picture(np.array(x), np.array(y)) for x in (x0, x1) for y in (y0, y1)]
        xs, ys = np.stack([c[0] for c in corners]), np.stack([c[1] for c in corners])
        cols, rows = (
            self._span(float(xs.min()), float(xs.max())),
            self._span(float(ys.min()), float(ys.max())),
        )
        dx = self._axis[cols][None, None, :] - column(pose.x)
        dy = self._axis[rows][None, :, None] - column(pose.y)
        cos, sin = column(np.cos(pose.roll)), column(np.sin(pose.roll))
        return Patch(rows, cols, cos * dx + sin * dy, cos * dy - sin * dx)

    def _span(self, low: float, high: float) -> slice:
        """Pixel rows or columns between two picture coordinates, with one pixel of margin."""
        first = int(np.clip(np.floor((low + 1) / 2 * self.size) - 1, 0, self.size - 1))
        last = int(np.clip(np.ceil((high + 1) / 2 * self.size) + 1, first + 1, self.size))
        return slice(first, last)

    def paint(self, patch: Patch, coverage: Array, colour: Rgb) -> None:
        """Lay `colour` over the patch with the opacity `coverage`."""
        for plane, value in zip(self.rgb, colour, strict=True):
            view = plane[:, patch.rows, patch.cols]
            view += coverage * (np.float32(value) - view)

    def fill(self, distance: Array) -> Array:
        """Coverage of a shape from its signed distance (picture units, negative inside)."""
        coverage: Array = np.clip(np.float32(0.5) - distance * self.px, 0, 1)
        return coverage

    def line(self, distance: Array, thickness: float) -> Array:
        """Coverage of a stroke of `thickness` along the zero line; a thin one fades instead of vanishing."""
        half = np.float32(thickness / 2 * self.px)
        d = np.abs(distance) * self.px
        coverage: Array = np.clip(np.minimum(d + 0.5, half) - np.maximum(d - 0.5, -half), 0, 1)
        return coverage

    def band(self, y: Array, top: Array, bottom: Array) -> Array:
        """Exact vertical coverage of the region between two curves; nothing where they cross."""
        upper = np.maximum((top - y) * self.px, np.float32(-0.5))
        lower = np.minimum((bottom - y) * self.px, np.float32(0.5))
        coverage: Array = np.clip(lower - upper, 0, 1)
        return coverage

    def to_uint8(self) -> npt.NDArray[np.uint8]:
        """The frames, [T, H, W, 3]."""
        scaled = np.clip(self.rgb, 0, 1) * np.float32(255) + np.float32(0.5)
        return np.ascontiguousarray(np.moveaxis(scaled.astype(np.uint8), 0, -1))


def ellipse(x: Array, y: Array, rx: Array | float, ry: Array | float) -> Array:
    """First-order signed distance of an ellipse at the origin."""
    rx, ry = np.asarray(rx, dtype=np.float32), np.asarray(ry, dtype=np.float32)
    u, v = x / rx, y / ry
    k = np.sqrt(u * u + v * v)
    gradient = np.sqrt((u / rx) ** 2 + (v / ry) ** 2)
    distance: Array = k * (k - 1) / np.maximum(gradient, np.float32(1e-6))
    return distance


def rounded_box(x: Array, y: Array, half_x: Array | float, half_y: Array | float, radius: float) -> Array:
    """Signed distance of a box at the origin with round corners."""
    qx, qy = np.abs(x) - half_x + np.float32(radius), np.abs(y) - half_y + np.float32(radius)
    outside = np.sqrt(np.maximum(qx, 0) ** 2 + np.maximum(qy, 0) ** 2)
    distance: Array = outside + np.minimum(np.maximum(qx, qy), 0) - np.float32(radius)
    return distance


def capsule(x: Array, y: Array, x1: Array | float, y1: Array | float, radius: float) -> Array:
    """Signed distance of a thick line from the origin to (x1, y1)."""
    length = np.maximum(x1 * x1 + y1 * y1, np.float32(1e-8))
    h = np.clip((x * x1 + y * y1) / length, 0, 1)
    distance: Array = np.sqrt((x - h * x1) ** 2 + (y - h * y1) ** 2) - np.float32(radius)
    return distance


def smoothstep(low: float, high: float, values: Array) -> Array:
    """0 below `low`, 1 above `high`, smooth between them (`low` may be the larger one)."""
    s = np.clip((values - np.float32(low)) / np.float32(high - low), 0, 1)
    result: Array = s * s * (3 - 2 * s)
    return result
