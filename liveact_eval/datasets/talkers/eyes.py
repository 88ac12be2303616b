"""Eyes, brows and glasses."""

from __future__ import annotations

import numpy as np

from liveact_eval.datasets.talkers.geometry import Geometry, Point
from liveact_eval.datasets.talkers.identity import Identity
from liveact_eval.datasets.talkers.motion import Motion
from liveact_eval.datasets.talkers.shapes import Canvas, Rgb, column, ellipse, mix, rounded_box, smoothstep

_SCLERA: Rgb = (0.98, 0.975, 0.965)
_INK: Rgb = (0.14, 0.09, 0.09)
_FRAME: Rgb = (0.20, 0.17, 0.20)


def draw_eyes(canvas: Canvas, identity: Identity, geometry: Geometry, motion: Motion) -> None:
    """Paint both eyes and both brows."""
    for side, eye, brow in (
        (-1.0, geometry.left_eye, geometry.left_brow),
        (1.0, geometry.right_eye, geometry.right_brow),
    ):
        _draw_eye(canvas, identity, geometry, motion, eye, side=side)
        _draw_brow(canvas, identity, geometry, motion, brow, side=side)


def _draw_eye(
    canvas: Canvas, identity: Identity, geometry: Geometry, motion: Motion, eye: Point, *, side: float
) -> None:
    patch = canvas.patch(_around(eye, 0.19, 0.17), geometry.pose)
    size = np.float32(identity.eye_size)
    x = (patch.x - column(eye.x)) / column(eye.squeeze)
    y = patch.y - column(eye.y)
    u = x / size
    bow = 1 - u * u
    open_ = column((1 - motion.blink) * (1 + motion.eye_open))
    smile = column(np.clip(motion.smile, 0, 1))
    # The outer corner sits a little higher; the lids are two arcs that meet at the corners.
    tilt = np.float32(-0.010 * side) * u
    shut = tilt + np.float32(0.030) * bow
    arc = bow * (1 + np.float32(0.35) * u * u)
    upper = tilt - size * np.float32(0.78) * arc
    lower = tilt + size * (np.float32(0.64) - np.float32(0.22) * smile) * arc
    upper = shut + (upper - shut) * open_
    lower = shut + (lower - shut) * np.minimum(open_ + np.float32(0.1), 1)
    within = np.abs(u) < 1
    ball = canvas.band(y, upper, lower) * within

    canvas.paint(
        patch, canvas.band(y, upper - np.float32(0.045), upper) * within * np.float32(0.22), _lid(identity)
    )
    canvas.paint(patch, ball, _SCLERA)
    gx = x - column(motion.gaze)
    gy = y - np.float32(0.002)
    radius = float(size) * 0.60
    iris = canvas.fill(ellipse(gx, gy, radius, radius)) * ball
    canvas.paint(patch, iris, mix(identity.eyes, _INK, 0.30))
    canvas.paint(
        patch,
        canvas.fill(ellipse(gx, gy - np.float32(0.012), radius * 0.74, radius * 0.70)) * ball,
        identity.eyes,
    )
    canvas.paint(patch, canvas.fill(ellipse(gx, gy, radius * 0.5, radius * 0.5)) * ball, _INK)
    glint = canvas.fill(ellipse(gx + np.float32(0.020), gy + np.float32(0.022), 0.017, 0.017)) * ball
    canvas.paint(patch, glint, (1.0, 1.0, 1.0))
    shadow = canvas.band(y, upper, upper + np.float32(0.03)) * ball
    canvas.paint(patch, shadow * np.float32(0.25), _INK)

    lash = np.float32(0.017) * np.clip(bow * 2 + np.float32(0.5), 0, 1)
    ends = 1 - smoothstep(1.0, 1.15, np.abs(u))
    canvas.paint(patch, canvas.band(y, upper - lash, upper + lash * np.float32(0.6)) * ends, _INK)
    canvas.paint(
        patch,
        canvas.band(y, lower, lower + np.float32(0.012)) * ends * np.float32(0.35),
        mix(identity.skin, _INK, 0.6),
    )


def _lid(identity: Identity) -> Rgb:
    return mix(identity.skin, (0.35, 0.18, 0.16), 0.6)


def _draw_brow(
    canvas: Canvas, identity: Identity, geometry: Geometry, motion: Motion, brow: Point, *, side: float
) -> None:
    patch = canvas.patch(_around(brow, 0.18, 0.13), geometry.pose)
    # u runs from the inner end (-1) to the outer end (1).
    u = (patch.x - column(brow.x)) / column(brow.squeeze) * np.float32(side / 0.118)
    y = patch.y - column(brow.y)
    slant = column(motion.brow_slant) * np.float32(0.042)
    middle = slant * u + np.float32(0.030) * (u * u - np.float32(0.4)) + np.float32(0.008) * u
    taper = np.clip(1 - smoothstep(-0.2, 1.05, u) * np.float32(0.7), 0, 1)
    half = np.float32(identity.brow_thickness / 2) * taper * np.sqrt(np.clip((1.02 - np.abs(u)) * 6, 0, 1))
    # Light brows are darkened, or they would not be seen.
    colour = mix(identity.hair, (0.30, 0.19, 0.14), 0.35)
    canvas.paint(patch, canvas.band(y, middle - half, middle + half), colour)


def draw_glasses(canvas: Canvas, identity: Identity, geometry: Geometry) -> None:
    """Paint frames, bridge and temples."""
    if identity.glasses == "none":
        return
    round_ = identity.glasses == "round"
    half_x, half_y, radius = (0.148, 0.142, 0.142) if round_ else (0.158, 0.118, 0.05)
    patch = canvas.patch((-0.75, -0.35, 0.75, 0.45), geometry.pose)
    colour = _FRAME if round_ else mix(_FRAME, (0.45, 0.22, 0.14), 0.4)
    rims = np.zeros((1, 1, 1), dtype=np.float32)
    lenses = rims
    for eye in (geometry.left_eye, geometry.right_eye):
        x, y = (patch.x - column(eye.x)) / column(eye.squeeze), patch.y - column(eye.y) - np.float32(0.012)
        distance = rounded_box(x, y, half_x, half_y, radius)
        rims = np.maximum(rims, canvas.line(distance, 0.026))
        glare = np.abs(x + y * np.float32(0.6) + np.float32(0.05)) < 0.025
        lenses = np.maximum(lenses, canvas.fill(distance) * (np.float32(0.05) + np.float32(0.10) * glare))
    left, right = geometry.left_eye, geometry.right_eye
    inner_left, inner_right = column(left.x + half_x * left.squeeze), column(right.x - half_x * right.squeeze)
    outer_left, outer_right = column(left.x - half_x * left.squeeze), column(right.x + half_x * right.squeeze)
    y = patch.y - column(0.5 * (left.y + right.y))
    between = (patch.x > inner_left) & (patch.x < inner_right)
    span = np.maximum(inner_right - inner_left, np.float32(0.02))
    bridge = y + np.float32(0.02) - ((patch.x - inner_left) / span - np.float32(0.5)) ** 2 * np.float32(0.08)
    edge = np.float32(identity.face_width + 0.015)
    beside = ((patch.x < outer_left) & (patch.x > -edge)) | ((patch.x > outer_right) & (patch.x < edge))
    canvas.paint(patch, lenses, (1.0, 1.0, 1.0))
    rims = np.maximum(rims, canvas.line(bridge, 0.026) * between)
    rims = np.maximum(rims, canvas.line(y + np.float32(0.03), 0.024) * beside)
    canvas.paint(patch, rims, colour)


def _around(point: Point, half_x: float, half_y: float) -> tuple[float, float, float, float]:
    """Bounds that contain a feature in all frames."""
    return (
        float(point.x.min()) - half_x,
        float(point.y.min()) - half_y,
        float(point.x.max()) + half_x,
        float(point.y.max()) + half_y,
    )
