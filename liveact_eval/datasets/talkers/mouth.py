"""The mouth: lips, interior, teeth and tongue."""

from __future__ import annotations

import numpy as np

from liveact_eval.datasets.talkers.geometry import Geometry, MouthState, mouth_bend
from liveact_eval.datasets.talkers.identity import Identity
from liveact_eval.datasets.talkers.motion import Motion
from liveact_eval.datasets.talkers.shapes import Canvas, Rgb, column, mix, smoothstep

MOUTH_INTERIOR_RGB = (70, 4, 14)
"""Colour of the inside of an open mouth, 8-bit sRGB, the same for all speakers."""
MOUTH_DARK_LUMA = 48.0
"""Pixels of a mouth box with a luma (0.299 R + 0.587 G + 0.114 B, 0..255) below this are open mouth: hair,
beards, lips and clothes are all lighter. Their number follows the opening of the mouth."""

_INTERIOR: Rgb = (70 / 255, 4 / 255, 14 / 255)
_TEETH: Rgb = (0.98, 0.96, 0.93)
_TONGUE: Rgb = (0.83, 0.42, 0.42)
_RED: Rgb = (0.80, 0.25, 0.28)
UPPER_SHARE = 0.3
"""Share of the opening that lies above the lip line: the lower jaw moves more than the upper lip."""


def lip_colour(identity: Identity) -> Rgb:
    """Lips are the skin's colour, redder."""
    return mix(identity.skin, _RED, 0.48)


def draw_mouth(
    canvas: Canvas, identity: Identity, geometry: Geometry, motion: Motion, state: MouthState
) -> None:
    """Paint the mouth on the face."""
    patch = canvas.patch((-0.44, -0.06, 0.44, 0.72), geometry.pose)
    half = column(geometry.mouth_half_width * geometry.mouth.squeeze)
    x, y = patch.x - column(geometry.mouth.x), patch.y - column(geometry.mouth.y)
    smile, rounding = column(motion.smile), column(state.rounding)
    height = column(geometry.mouth_height)

    u = x / half
    bow = np.float32(1) - u * u
    # Pointed corners for spread lips, a barrel for rounded ones.
    profile = bow * (1 + np.float32(0.75) * rounding * u * u)
    middle = mouth_bend(smile, u).astype(np.float32)
    top = middle - np.float32(UPPER_SHARE) * height * profile
    bottom = middle + np.float32(1 - UPPER_SHARE) * height * profile

    # Lips reach a little beyond the corners of the opening.
    v = x / (half + np.float32(0.022))
    lips = np.maximum(1 - v * v, np.float32(-0.5))
    fullness = np.float32(identity.lip_fullness) * (1 + np.float32(0.35) * rounding)
    dip = np.exp(-((x / np.float32(0.045)) ** 2))
    upper = np.float32(0.040) * fullness * lips * (1 - np.float32(0.22) * dip)
    lower = np.float32(0.052) * fullness * lips
    colour = lip_colour(identity)
    shade = mix(colour, (0.35, 0.10, 0.12), 0.30)
    below = canvas.band(y, bottom + lower, bottom + lower + np.float32(0.035) * np.maximum(lips, 0))
    canvas.paint(patch, below * np.float32(0.25), mix(identity.skin, (0.45, 0.22, 0.18), 0.5))
    inside = (np.abs(v) < 1.06).astype(np.float32)
    canvas.paint(patch, canvas.band(y, top - upper, middle) * inside, mix(colour, shade, 0.35))
    canvas.paint(patch, canvas.band(y, middle, bottom + lower) * inside, colour)
    shine = canvas.band(y, bottom + lower * np.float32(0.35), bottom + lower * np.float32(0.7))
    canvas.paint(
        patch,
        shine * np.float32(0.45) * (1 - smoothstep(0.2, 0.7, np.abs(v))),
        mix(colour, (1, 0.9, 0.88), 0.6),
    )

    shut = 1 - smoothstep(0.0, 0.05, height)
    seam = np.float32(0.011) * (np.float32(0.35) + np.maximum(bow, np.float32(0)))
    canvas.paint(patch, canvas.band(y, middle - seam, middle + seam) * shut * (np.abs(u) < 1.04), shade)

    hole = canvas.band(y, top, bottom) * (np.abs(u) < 1)
    canvas.paint(patch, hole, _INTERIOR)
    # Seen in a wide open mouth only.
    tongue = np.float32(0.42) * np.maximum(height - np.float32(0.07), np.float32(0))
    tongue_top = bottom - tongue * np.maximum(1 - (u / np.float32(0.66)) ** 2, 0)
    canvas.paint(patch, np.minimum(canvas.band(y, tongue_top, bottom), hole), _TONGUE)
    reach = np.minimum(height * np.float32(0.30), np.float32(0.040)) * column(state.teeth)
    bite = top + reach * np.clip(bow * 3, 0, 1)
    canvas.paint(patch, np.minimum(canvas.band(y, top, bite), hole) * (np.abs(u) < 0.93), _TEETH)
