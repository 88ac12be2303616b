"""Hair: the part behind the face and the part over the forehead."""

from __future__ import annotations

import numpy as np

from liveact_eval.datasets.talkers.geometry import CROWN, Geometry
from liveact_eval.datasets.talkers.identity import Identity
from liveact_eval.datasets.talkers.motion import Motion
from liveact_eval.datasets.talkers.shapes import (
    Array,
    Canvas,
    Patch,
    Rgb,
    column,
    ellipse,
    mix,
    rounded_box,
    smoothstep,
)

_THICKNESS = {"cropped": 0.035, "short": 0.085, "side-parted": 0.095, "bob": 0.10, "long": 0.09, "bun": 0.05}
_CURLY_THICKNESS = 0.15


def _light(identity: Identity) -> Rgb:
    return mix(identity.hair, (1.0, 0.93, 0.82), 0.22)


def _dark(identity: Identity) -> Rgb:
    return mix(identity.hair, (0.16, 0.13, 0.16), 0.30)


def draw_back_hair(canvas: Canvas, identity: Identity, geometry: Geometry, motion: Motion) -> None:
    """Paint what hangs behind the neck or stands above the head."""
    half, shift = identity.face_width, column(-0.10 * np.sin(motion.yaw))
    if identity.style in ("long", "bob"):
        end = 0.98 if identity.style == "long" else 0.47
        patch = canvas.patch((-0.75, -0.75, 0.75, 1.1), geometry.pose)
        x = patch.x - shift
        # Flares a little towards its end, in soft waves.
        flare = np.float32(half + 0.075) + np.float32(0.05) * smoothstep(-0.2, 0.5, patch.y)
        flare = flare + np.float32(0.012) * np.sin(patch.y * np.float32(11))
        y = patch.y - np.float32((end - 0.1) / 2)
        fall = rounded_box(x, y, flare, (end + 0.1) / 2, 0.18)
        crown = ellipse(x, patch.y + np.float32(0.02), half + 0.095, CROWN + 0.09)
        cover = canvas.fill(np.minimum(fall, crown))
        canvas.paint(patch, cover, mix(identity.hair, _dark(identity), 0.45))
        strands = smoothstep(0.3, 1.0, np.sin(np.abs(x) * np.float32(38) + np.float32(1.5)))
        canvas.paint(patch, cover * strands * np.float32(0.35), identity.hair)
    if identity.style == "bun":
        patch = canvas.patch((-0.4, -0.95, 0.4, -0.3), geometry.pose)
        x = patch.x - column(-0.22 * np.sin(motion.yaw))
        y = patch.y + np.float32(CROWN + 0.14)
        cover = canvas.fill(ellipse(x, y, 0.21, 0.17))
        canvas.paint(patch, cover, mix(identity.hair, _dark(identity), 0.35))
        spiral = smoothstep(0.0, 0.9, np.sin(ellipse(x, y + np.float32(0.02), 0.21, 0.17) * np.float32(46)))
        canvas.paint(patch, cover * spiral * np.float32(0.30), _light(identity))


def draw_front_hair(canvas: Canvas, identity: Identity, geometry: Geometry, motion: Motion) -> None:
    """Paint the cap of hair above the hairline, and its shadow on the forehead."""
    if identity.style == "bald":
        _draw_shine(canvas, identity, geometry, motion)
        return
    patch = canvas.patch((-0.72, -0.80, 0.72, 0.62), geometry.pose)
    outline = _outline(identity, motion, patch)
    hairline = _hairline(identity, motion, patch)
    slope = np.float32(0.8)
    inside_face = canvas.fill(ellipse(patch.x, patch.y, identity.face_width - 0.01, CROWN))
    shadow = np.clip(
        0.5 - (patch.y - hairline - np.float32(0.045)) * slope * canvas.px * np.float32(0.5), 0, 1
    )
    canvas.paint(patch, shadow * inside_face * np.float32(0.28), mix(identity.skin, (0.35, 0.15, 0.12), 0.8))
    distance = (patch.y - hairline) * slope
    if identity.style in ("bob", "long"):
        distance = np.minimum(distance, _strands(identity, motion, patch))
    cover = canvas.fill(np.maximum(outline, distance))
    canvas.paint(patch, cover, identity.hair)
    _draw_gloss(canvas, identity, patch, outline, cover)


def _outline(identity: Identity, motion: Motion, patch: Patch) -> Array:
    """Signed distance of the outer edge of the hair."""
    x = patch.x - column(-0.06 * np.sin(motion.yaw))
    y = patch.y - column(-0.05 * np.sin(motion.pitch)) + np.float32(0.02)
    if identity.style == "curly":
        angle = np.arctan2(y + np.float32(0.1), x)
        lobes = np.float32(0.045) * np.abs(np.sin(angle * np.float32(5.5) + np.float32(0.6)))
        rx, ry = identity.face_width + _CURLY_THICKNESS, CROWN + _CURLY_THICKNESS
        scalloped: Array = ellipse(x, y + np.float32(0.03), rx - 0.03, ry - 0.03) - lobes
        return scalloped
    thick = _THICKNESS[identity.style]
    if identity.style == "side-parted":
        # More volume away from the parting.
        y = y - np.float32(0.035 * identity.part_side) * x / np.float32(identity.face_width)
    side = 0.6 if identity.style == "short" else 1.0
    return ellipse(x, y, identity.face_width + thick * side * 0.85, CROWN + thick)


def _hairline(identity: Identity, motion: Motion, patch: Patch) -> Array:
    """y below which there is no hair, across the head."""
    turn = column(0.30 * np.sin(motion.yaw))
    nod = column(0.16 * np.sin(motion.pitch))
    u = (patch.x - turn) / np.float32(identity.face_width)
    u2 = u * u
    sides = np.minimum(u2 * u2, np.float32(1.6))
    style = identity.style
    if style == "cropped":
        line = np.float32(-0.330) + np.float32(0.27) * sides
    elif style == "short":
        # A tousled fringe.
        tufts = np.abs(np.sin(u * np.float32(4.2) + np.float32(0.5 * identity.part_side)))
        line = np.float32(-0.315) + np.float32(0.055) * tufts + np.float32(0.26) * sides
    elif style == "side-parted":
        w = np.clip(u * np.float32(identity.part_side) + np.float32(0.45), -0.6, 1.5)
        line = np.float32(-0.375) + np.float32(0.12) * np.abs(w) ** np.float32(1.3) + np.float32(0.22) * sides
    elif style == "bob":
        # A straight fringe.
        line = np.float32(-0.205) + np.float32(0.012) * np.abs(np.sin(u * np.float32(9)))
    elif style == "long":
        # A middle parting.
        line = np.float32(-0.40) + np.float32(0.20) * np.sqrt(np.abs(u) + np.float32(0.02))
    elif style == "curly":
        line = (
            np.float32(-0.30)
            + np.float32(0.045) * np.abs(np.sin(u * np.float32(6.0)))
            + np.float32(0.36) * sides
        )
    else:
        line = np.float32(-0.375) + np.float32(0.08) * u2 + np.float32(0.25) * sides
    if style not in ("bob", "long"):
        # Hair that stands out over the edge of the face ends higher.
        overhang = np.maximum(np.abs(patch.x) - np.float32(identity.face_width - 0.015), 0)
        line = (
            np.minimum(line, np.float32(0.06 if style == "curly" else 0.0))
            - np.float32(1.0 if style == "curly" else 2.2) * overhang
        )
    moved: Array = line + nod
    return moved


def _strands(identity: Identity, motion: Motion, patch: Patch) -> Array:
    """Signed distance of the two strands beside the cheeks."""
    across = np.abs(patch.x - column(0.22 * np.sin(motion.yaw)))
    inner = np.float32(0.87 * identity.face_width) + np.float32(0.05) * smoothstep(-0.1, 0.4, patch.y)
    distance: Array = np.maximum(inner - across, np.float32(-0.35) - patch.y)
    return distance


def _draw_gloss(canvas: Canvas, identity: Identity, patch: Patch, outline: Array, cover: Array) -> None:
    """A soft highlight along the crown, darker roots at the edge, and strands."""
    edge = smoothstep(-0.05, 0.0, outline) * cover
    canvas.paint(patch, edge * np.float32(0.35), _dark(identity))
    ring = smoothstep(-0.19, -0.12, outline) * (1 - smoothstep(-0.12, -0.05, outline))
    high = 1 - smoothstep(-0.42, -0.12, patch.y)
    frequency = 14 if identity.style == "curly" else 30
    strands = np.float32(0.7) + np.float32(0.3) * np.sin(patch.x * np.float32(frequency))
    left = 1 - np.float32(0.55) * smoothstep(-0.3, 0.4, patch.x)
    canvas.paint(patch, ring * high * strands * left * cover * np.float32(0.75), _light(identity))


def _draw_shine(canvas: Canvas, identity: Identity, geometry: Geometry, motion: Motion) -> None:
    """Light on a bald head."""
    patch = canvas.patch((-0.4, -0.6, 0.3, -0.1), geometry.pose)
    x, y = (
        patch.x - column(-0.13 + 0.2 * np.sin(motion.yaw)),
        patch.y - column(-0.37 + 0.2 * np.sin(motion.pitch)),
    )
    glow = 1 - smoothstep(-0.09, 0.05, ellipse(x, y, 0.15, 0.075))
    canvas.paint(patch, glow * np.float32(0.4), mix(identity.skin, (1.0, 1.0, 1.0), 0.7))
