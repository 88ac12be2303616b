"""Draws a speaker: all layers from the background to the glasses, for many frames at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from liveact_eval.datasets.talkers.body import background, draw_hand, draw_neck, draw_shirt
from liveact_eval.datasets.talkers.eyes import draw_eyes, draw_glasses
from liveact_eval.datasets.talkers.geometry import CROWN, Geometry, MouthState, locate
from liveact_eval.datasets.talkers.hair import draw_back_hair, draw_front_hair
from liveact_eval.datasets.talkers.identity import Identity
from liveact_eval.datasets.talkers.motion import Motion
from liveact_eval.datasets.talkers.mouth import draw_mouth
from liveact_eval.datasets.talkers.shapes import Array, Canvas, Patch, Rgb, column, ellipse, mix, smoothstep

_DARKEST_BEARD = 0.33
"""Least luma of a beard; that of the mouth's interior is 0.13."""
_BEARD_LIGHT: Rgb = (0.62, 0.48, 0.40)
_PIXELS_AT_ONCE = 1 << 16
"""Pixels painted together: small enough for the cache, which is several times faster than memory."""


def draw_frames(identity: Identity, motion: Motion, mouth: MouthState, size: int) -> npt.NDArray[np.uint8]:
    """Frames [T, size, size, 3] of a speaker; each depends on its own state alone."""
    count = len(motion.x)
    frames = np.empty((count, size, size, 3), dtype=np.uint8)
    still = background(identity, size)
    step = max(1, _PIXELS_AT_ONCE // size**2)
    for first in range(0, count, step):
        last = min(first + step, count)
        frames[first:last] = _draw(identity, motion.cut(first, last), mouth.cut(first, last), still)
    return frames


def _draw(identity: Identity, motion: Motion, mouth: MouthState, still: Array) -> npt.NDArray[np.uint8]:
    geometry = locate(identity, motion, mouth)
    canvas = Canvas(still, len(motion.x))
    draw_shirt(canvas, identity, motion)
    draw_back_hair(canvas, identity, geometry, motion)
    draw_neck(canvas, identity, motion)
    _draw_skin(canvas, identity, geometry, motion)
    _draw_nose(canvas, identity, geometry)
    draw_mouth(canvas, identity, geometry, motion, mouth)
    draw_eyes(canvas, identity, geometry, motion)
    draw_front_hair(canvas, identity, geometry, motion)
    if identity.style not in ("bob", "long"):
        _draw_ears(canvas, identity, geometry, motion)
    draw_glasses(canvas, identity, geometry)
    draw_hand(canvas, identity, motion)
    return canvas.to_uint8()


def _draw_ears(canvas: Canvas, identity: Identity, geometry: Geometry, motion: Motion) -> None:
    shade = mix(identity.skin, (0.55, 0.22, 0.18), 0.42)
    for side in (-1.0, 1.0):
        x_ear = side * (identity.face_width + 0.015) * np.cos(motion.yaw) - 0.14 * np.sin(motion.yaw)
        y_ear = 0.045 - 0.10 * np.sin(motion.pitch)
        centre = side * identity.face_width
        patch = canvas.patch((centre - 0.2, -0.2, centre + 0.2, 0.3), geometry.pose)
        x, y = patch.x - column(x_ear), patch.y - column(y_ear)
        # Ears are painted over the hair, and end where the face begins.
        beside = 1 - canvas.fill(_face_outline(identity, geometry, motion, patch))
        outer = canvas.fill(ellipse(x, y, 0.078, 0.112)) * beside
        inner = canvas.fill(ellipse(x - np.float32(0.008 * side), y, 0.042, 0.070)) * beside
        canvas.paint(patch, outer, mix(identity.skin, shade, 0.25))
        canvas.paint(patch, inner * np.float32(0.8), shade)


def _draw_skin(canvas: Canvas, identity: Identity, geometry: Geometry, motion: Motion) -> None:
    """Paint the head with light from the left, blush, and a beard."""
    patch = canvas.patch((-0.62, -0.62, 0.62, 0.76), geometry.pose)
    outline = _face_outline(identity, geometry, motion, patch)
    cover = canvas.fill(outline)
    skin = identity.skin
    canvas.paint(patch, cover, skin)
    shade = mix(skin, (0.48, 0.20, 0.18), 0.42)
    turn = column(0.35 * np.sin(motion.yaw))
    rim = smoothstep(-0.16, 0.02, outline + np.float32(0.10) * (patch.x - turn))
    canvas.paint(patch, cover * rim * np.float32(0.50), shade)
    right = smoothstep(0.05, 0.50, patch.x - turn)
    canvas.paint(patch, cover * right * np.float32(0.30), shade)
    for eye in (geometry.left_eye, geometry.right_eye):
        x, y = patch.x - column(eye.x * 1.12), patch.y - column(eye.y + 0.165)
        glow = np.exp(-((x / np.float32(0.105)) ** 2 + (y / np.float32(0.075)) ** 2))
        canvas.paint(patch, glow * np.float32(identity.blush) * cover, mix(skin, (0.95, 0.30, 0.32), 0.7))
    if identity.beard != "none":
        _draw_beard(canvas, identity, geometry, patch, cover)


def _face_outline(identity: Identity, geometry: Geometry, motion: Motion, patch: Patch) -> Array:
    """Signed distance of the head: round skull, jaw down to the moving chin."""
    above, below = np.minimum(patch.y, np.float32(0)), np.maximum(patch.y, np.float32(0))
    chin = column(geometry.chin)
    v = below / chin
    # The skull is an ellipse; below it the jaw widens or narrows, and the chin turns with the features.
    turned = patch.x - column(0.16 * np.sin(motion.yaw)) * v * v
    x = turned / (np.float32(1) + np.float32(identity.jaw) * v * v)
    upper = ellipse(x.astype(np.float32, copy=False), above, identity.face_width, CROWN)
    k = np.sqrt((x / np.float32(identity.face_width)) ** 2 + v * v)
    slope = np.sqrt((x / np.float32(identity.face_width**2)) ** 2 + (below / chin**2) ** 2)
    lower = k * (k - 1) / np.maximum(slope, np.float32(1e-6))
    return np.where(patch.y < 0, upper, lower)


def beard_colour(identity: Identity) -> Rgb:
    """The colour of the beard, kept clearly lighter than the inside of a mouth."""
    colour = mix(identity.hair, identity.skin, 0.62 if identity.beard == "stubble" else 0.30)
    light = 0.30 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]
    return mix(colour, _BEARD_LIGHT, max(0.0, _DARKEST_BEARD - light) / 0.35)


def _draw_beard(canvas: Canvas, identity: Identity, geometry: Geometry, patch: Patch, cover: Array) -> None:
    """A beard along the jaw and over the lip; its upper edge rises from the mouth to the ears."""
    u = patch.x / np.float32(identity.face_width)
    rise = np.float32(0.25) * np.maximum(u * u - np.float32(0.25), np.float32(-0.12))
    jaw = smoothstep(-0.02, 0.03, patch.y - column(geometry.mouth.y) + np.float32(0.075) - rise)
    strength = np.float32(0.75 if identity.beard == "stubble" else 1.0)
    canvas.paint(patch, cover * jaw * strength, beard_colour(identity))


def _draw_nose(canvas: Canvas, identity: Identity, geometry: Geometry) -> None:
    """A light on the bridge, a soft shadow beside it and under the tip."""
    nose = geometry.nose
    patch = canvas.patch((-0.35, -0.2, 0.35, 0.4), geometry.pose)
    x, y = patch.x - column(nose.x), patch.y - column(nose.y)
    width = np.float32(identity.nose_width)
    shade, light = mix(identity.skin, (0.48, 0.18, 0.14), 0.55), mix(identity.skin, (1.0, 0.97, 0.93), 0.55)
    root = column(0.5 * (geometry.left_eye.x + geometry.right_eye.x) - nose.x)
    along = np.clip(-y / np.float32(0.17), 0, 1)
    bridge = x - root * along
    ridge = (1 - smoothstep(-0.02, 0.02, np.abs(bridge) - np.float32(0.022))) * (
        1 - smoothstep(0.5, 1.0, along)
    )
    canvas.paint(patch, ridge * (y < np.float32(0.02)) * np.float32(0.30), light)
    side = (
        smoothstep(0.01, 0.04, bridge)
        * (1 - smoothstep(0.04, 0.085, bridge))
        * (1 - smoothstep(0.3, 1, along))
    )
    canvas.paint(patch, side * (1 - smoothstep(0.0, 0.03, y)) * np.float32(0.30), shade)
    u = x / width
    under = canvas.band(
        y, np.float32(0.036) - np.float32(0.045) * u * u, np.float32(0.060) - np.float32(0.050) * u * u
    )
    canvas.paint(patch, under * (1 - smoothstep(0.9, 1.3, np.abs(u))) * np.float32(0.85), shade)
    tip = 1 - smoothstep(-0.02, 0.02, ellipse(x + np.float32(0.008), y + np.float32(0.005), 0.022, 0.018))
    canvas.paint(patch, tip * np.float32(0.5), light)
