"""Background, neck, clothes and the waving hand."""

from __future__ import annotations

import numpy as np

from liveact_eval.datasets.talkers.identity import Identity
from liveact_eval.datasets.talkers.motion import Motion
from liveact_eval.datasets.talkers.shapes import (
    Array,
    Canvas,
    capsule,
    column,
    ellipse,
    mix,
    rounded_box,
    smoothstep,
)

_SWAY = 0.35
"""How much of the head's shift the shoulders follow."""


def background(identity: Identity, size: int) -> Array:
    """The still background, [3, size, size]: a gradient, soft discs of light, and a glow behind the head."""
    axis = ((np.arange(size) + 0.5) / size * 2 - 1).astype(np.float32)
    x, y = axis[None, :], axis[:, None]
    top, bottom = identity.background
    weight = smoothstep(-1.1, 1.1, y + 0 * x)
    glow = np.exp(-(x**2 + (y + np.float32(0.15)) ** 2) / np.float32(0.55)) * np.float32(0.30)
    for cx, cy, radius in identity.bokeh:
        distance = np.sqrt((x - np.float32(cx)) ** 2 + (y - np.float32(cy)) ** 2)
        glow = glow + np.float32(0.10) * (1 - smoothstep(radius - 0.05, radius, distance))
    planes = [np.float32(a) + np.float32(b - a) * weight for a, b in zip(top, bottom, strict=True)]
    lit: Array = np.stack([plane + (1 - plane) * np.minimum(glow, np.float32(0.6)) for plane in planes])
    return lit


def draw_shirt(canvas: Canvas, identity: Identity, motion: Motion) -> None:
    """Paint the shoulders."""
    patch = canvas.patch((-1.0, 0.45, 1.0, 1.0))
    x = patch.x - column(_SWAY * motion.x)
    y = patch.y - column(_SWAY * motion.y)
    a = np.abs(x)
    line = _shoulder(a)
    slope = np.float32(0.82) * a + np.float32(5.2) * np.maximum(a - np.float32(0.80), 0)
    cover = canvas.fill((line - y) / np.sqrt(1 + slope * slope))
    canvas.paint(patch, cover, identity.shirt)
    dark, light = mix(identity.shirt, (0.05, 0.05, 0.12), 0.35), mix(identity.shirt, (1.0, 1.0, 1.0), 0.55)
    if identity.striped:
        across = (y - line * np.float32(0.5)) * np.float32(46)
        canvas.paint(patch, cover * smoothstep(0.1, 0.5, np.sin(across)), light)
    canvas.paint(patch, cover * smoothstep(0.35, 0.85, a) * np.float32(0.45), dark)


def _shoulder(a: Array) -> Array:
    """Height of the shoulders at the distance `a` from the middle."""
    line: Array = (
        np.float32(0.60)
        + np.float32(0.41) * a**2
        + np.float32(2.6) * np.maximum(a - np.float32(0.80), 0) ** 2
    )
    return line


def draw_neck(canvas: Canvas, identity: Identity, motion: Motion) -> None:
    """Paint neck, neckline and the shadow of the chin."""
    patch = canvas.patch((-0.6, 0.20, 0.6, 1.0))
    # The neck leans from the shoulders to the head.
    lean = np.clip((np.float32(0.80) - patch.y) / np.float32(0.45), 0, 1)
    low, high = column(_SWAY * motion.x), column(motion.x - 0.35 * motion.roll)
    x = patch.x - (low + (high - low) * lean)
    y = patch.y - column(_SWAY * motion.y)
    half = np.float32(identity.face_width * 0.40) + np.float32(0.13) * smoothstep(0.52, 0.78, y)
    throat = np.abs(x) - half
    collar = {"round": (0.245, 0.165), "deep": (0.20, 0.30), "collar": (0.21, 0.21)}[identity.neckline]
    cut = ellipse(x, y - np.float32(0.60), *collar)
    if identity.neckline != "round":
        # A V: two straight edges that meet below.
        cut = np.maximum(
            cut, np.abs(x) * np.float32(0.80) + (y - np.float32(0.60 + collar[1])) * np.float32(0.58)
        )
    skin = canvas.fill(np.where(y < np.float32(0.60), throat, np.minimum(np.maximum(throat, cut), cut)))
    light, dark = mix(identity.shirt, (1.0, 1.0, 1.0), 0.30), mix(identity.shirt, (0.05, 0.05, 0.12), 0.30)
    if identity.neckline == "collar":
        flap = np.where(y > np.float32(0.50), np.maximum(cut - np.float32(0.085), np.float32(0.58) - y), 1)
        canvas.paint(patch, canvas.fill(flap), light)
        canvas.paint(patch, canvas.line(cut - np.float32(0.085), 0.022) * (y > np.float32(0.60)), dark)
    else:
        band = np.maximum(cut - np.float32(0.045), _shoulder(np.abs(x)) - np.float32(0.022) - y)
        canvas.paint(patch, canvas.fill(band), mix(identity.shirt, dark, 0.8))
    canvas.paint(patch, skin, mix(identity.skin, (0.60, 0.30, 0.22), 0.12))
    shade = mix(identity.skin, (0.42, 0.18, 0.16), 0.50)
    chin = column(motion.y + identity.face_height - 0.05)
    fall = 1 - smoothstep(0.02, 0.20, patch.y - chin + np.float32(0.7) * x * x)
    canvas.paint(patch, skin * fall * np.float32(0.65), shade)


def draw_hand(canvas: Canvas, identity: Identity, motion: Motion) -> None:
    """Paint the waving hand in the lower right corner, in the frames where it is raised."""
    if not np.any(motion.hand > 0):
        return
    patch = canvas.patch((0.22, 0.0, 1.0, 1.0))
    raised = column(motion.hand)
    # The arm turns about an elbow below the picture.
    angle = column(motion.hand_swing * motion.hand - 0.06)
    elbow_x, elbow_y = np.float32(0.78), np.float32(1.62) + (1 - raised) * np.float32(0.95)
    dx, dy = patch.x - elbow_x, patch.y - elbow_y
    cos, sin = np.cos(angle), np.sin(angle)
    x, y = cos * dx + sin * dy, cos * dy - sin * dx + np.float32(0.98)
    outline = mix(identity.skin, (0.42, 0.18, 0.14), 0.55)
    sleeve = rounded_box(x, y - np.float32(0.62), 0.125, 0.36, 0.05)
    wrist = rounded_box(x, y - np.float32(0.25), 0.075, 0.20, 0.05)
    shape = np.minimum(wrist, rounded_box(x, y - np.float32(0.03), 0.115, 0.125, 0.075))
    fingers = (
        (-0.080, -0.04, -0.055, -0.155),
        (-0.027, -0.06, -0.020, -0.195),
        (0.027, -0.06, 0.018, -0.185),
        (0.078, -0.03, 0.050, -0.140),
        (-0.085, 0.07, -0.115, -0.085),
    )
    for bx, by, ex, ey in fingers:
        shape = np.minimum(shape, capsule(x - np.float32(bx), y - np.float32(by), ex, ey, 0.031))
    canvas.paint(patch, canvas.fill(shape - np.float32(0.016)), outline)
    canvas.paint(patch, canvas.fill(shape), identity.skin)
    gaps = np.full_like(shape, 9)
    for bx, ex in ((-0.055, -0.085), (0.0, 0.0), (0.054, 0.078)):
        gaps = np.minimum(gaps, capsule(x - np.float32(bx), y + np.float32(0.03), ex - bx, -0.07, 0.0))
    canvas.paint(patch, canvas.line(gaps, 0.02) * np.float32(0.5), outline)
    canvas.paint(
        patch, canvas.fill(sleeve - np.float32(0.012)), mix(identity.shirt, (0.05, 0.05, 0.12), 0.35)
    )
    canvas.paint(patch, canvas.fill(sleeve), identity.shirt)
