"""CIEDE2000 in torch: sRGB to CIELAB, and the colour difference, for whole batches of pictures.

Sharma, Wu, Dalal, Color Research & Application 30(1), 2005; sRGB (IEC 61966-2-1), D65 and the 2 degree observer, the
constants of CIELAB rounded as in scikit-image, which this replaces. Angles are kept as sines and cosines, so that a
pixel costs one arc tangent instead of two, and four trigonometric functions fewer. All in float64: in float32 equal
colours would differ by 3e-5.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_TO_XYZ = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
_WHITE = (0.95047, 1.0, 1.08883)
_CUBE_ROOT_FROM = 0.008856
_POW7_25 = 25.0**7

Planes = tuple[Tensor, Tensor, Tensor]
"""The three components of a picture, apart from each other."""


def rgb_to_lab(rgb: Tensor) -> Tensor:
    """CIELAB of sRGB levels 0..255, bytes or floats, (..., 3) to (..., 3) float64: L 0..100, a and b unbounded."""
    return torch.stack(_lab_planes(rgb), dim=-1)


def ciede2000(lab_1: Tensor, lab_2: Tensor) -> Tensor:
    """Colour difference with kL = kC = kH = 1, (..., 3) and (..., 3) to (...), 0 for equal colours."""
    return _difference(_planes(lab_1), _planes(lab_2))


def pixel_mean(lab: Tensor, reference: Tensor) -> Tensor:
    """Mean over pixels of the difference, (N, H, W, 3) and (H, W, 3) or (N, H, W, 3) to (N,)."""
    return ciede2000(lab, reference.expand_as(lab)).mean(dim=(-2, -1))


def mean_colour(lab: Tensor, reference: Tensor) -> Tensor:
    """Difference between the mean colours of pictures, same shapes as `pixel_mean`."""
    mean = lab.mean(dim=(-3, -2))
    return ciede2000(mean, reference.mean(dim=(-3, -2)).expand_as(mean))


def drift_rows(crops: Tensor, reference: Tensor) -> Tensor:
    """Both reductions of every picture against one reference, the features of colour drift.

    Args:
        crops: (N, H, W, 3) sRGB levels 0..255, bytes or floats.
        reference: (H, W, 3) levels, for example the first picture.

    Returns:
        (N, 2) float64: `pixel_mean` and `mean_colour`.
    """
    first = _lab_planes(reference[None])
    rows = []
    # On a CPU one picture at a time: its planes stay in the cache, and are not mapped anew by every operation.
    for part in crops.split(1 if crops.device.type == "cpu" else max(1, len(crops))):
        lab = _lab_planes(part)
        pixel = _difference(lab, first).mean(dim=(-2, -1))
        colour = _difference(_mean(lab), _mean(first))
        rows.append(torch.stack([pixel, colour], dim=-1))
    return torch.cat(rows)


def _mean(planes: Planes) -> Planes:
    first, second, third = (plane.mean(dim=(-2, -1)) for plane in planes)
    return first, second, third


def _lab_planes(rgb: Tensor) -> Planes:
    if rgb.dtype == torch.uint8:
        table = _linear(torch.arange(256, dtype=torch.float64, device=rgb.device))
        linear = [table[plane.int()] for plane in rgb.unbind(-1)]
    else:
        linear = [_linear(plane) for plane in _planes(rgb)]
    x, y, z = (
        _root(linear[0] * (row[0] / white) + linear[1] * (row[1] / white) + linear[2] * (row[2] / white))
        for row, white in zip(_TO_XYZ, _WHITE, strict=True)
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _root(share: Tensor) -> Tensor:
    # exp(log / 3) is three times as fast as a general power; the clamp is only for the branch not taken.
    cube = share.clamp(min=_CUBE_ROOT_FROM).log_().div_(3).exp_()
    return torch.where(share > _CUBE_ROOT_FROM, cube, share * 7.787 + 16 / 116)


def _planes(pictures: Tensor) -> Planes:
    # Contiguous: arithmetic on every third number of a picture is half as fast.
    first, second, third = pictures.double().movedim(-1, 0).contiguous()
    return first, second, third


def _difference(first: Planes, second: Planes) -> Tensor:
    (l1, a1, b1), (l2, a2, b2) = first, second
    # Neutral colours are stretched along a, which makes grey differences even.
    stretch = 1.5 - 0.5 * _high_chroma((_length(a1, b1) + _length(a2, b2)) / 2)
    a1, a2 = a1 * stretch, a2 * stretch
    c1, c2 = _length(a1, b1), _length(a2, b2)
    d_lightness, d_chroma = l2 - l1, c2 - c1
    d_hue = _hue_difference(a1, b1, c1, a2, b2, c2)
    cosine, sine = _mean_hue(a1, b1, c1, a2, b2, c2)

    cosine_2, sine_2 = cosine * cosine - sine * sine, 2 * sine * cosine
    cosine_3, sine_3 = cosine_2 * cosine - sine_2 * sine, sine_2 * cosine + cosine_2 * sine
    cosine_4, sine_4 = cosine_2 * cosine_2 - sine_2 * sine_2, 2 * sine_2 * cosine_2
    t = (
        1
        - 0.17 * _turned(cosine, sine, -30)
        + 0.24 * cosine_2
        + 0.32 * _turned(cosine_3, sine_3, 6)
        - 0.20 * _turned(cosine_4, sine_4, -63)
    )
    chroma = (c1 + c2) / 2
    away = ((l1 + l2) / 2 - 50) ** 2
    s_lightness = 1 + 0.015 * away / torch.sqrt(20 + away)
    s_chroma = 1 + 0.045 * chroma
    s_hue = 1 + 0.015 * chroma * t
    degrees = torch.rad2deg(torch.atan2(sine, cosine)) % 360
    turn = torch.deg2rad(60 * torch.exp(-(((degrees - 275) / 25) ** 2)))
    rotation = -2 * _high_chroma(chroma) * torch.sin(turn)

    lightness, chroma, hue = d_lightness / s_lightness, d_chroma / s_chroma, d_hue / s_hue
    return torch.sqrt((lightness**2 + chroma**2 + hue**2 + rotation * chroma * hue).clamp(min=0))


def _linear(levels: Tensor) -> Tensor:
    value = levels / 255
    return torch.where(value > 0.04045, ((value + 0.055) / 1.055) ** 2.4, value / 12.92)


def _hue_difference(a1: Tensor, b1: Tensor, c1: Tensor, a2: Tensor, b2: Tensor, c2: Tensor) -> Tensor:
    """2 sqrt(C1 C2) sin(dh / 2) without the angle dh, in the form that does not cancel for the half at hand."""
    product, dot, cross = c1 * c2, a1 * a2 + b1 * b2, a1 * b2 - a2 * b1
    near = cross / torch.sqrt(((product + dot) / 2).clamp(min=torch.finfo(torch.float64).tiny))
    # Hues exactly opposite: the difference is +180 degrees where the second angle is the larger, as published.
    second_larger = (b2 < 0) | ((b2 == 0) & (a2 < 0))
    positive = (cross > 0) | ((cross == 0) & second_larger)
    far = torch.sqrt((2 * (product - dot)).clamp(min=0))
    return torch.where(dot > 0, near, torch.where(positive, far, -far))


def _mean_hue(
    a1: Tensor, b1: Tensor, c1: Tensor, a2: Tensor, b2: Tensor, c2: Tensor
) -> tuple[Tensor, Tensor]:
    """Cosine and sine of the hue half-way along the shorter arc: the direction of the sum of both unit vectors.

    A colour without chroma has no hue and adds nothing, so that the other's hue stands, as published.
    """
    tiny = torch.finfo(torch.float64).tiny
    x1, y1 = a1 / c1.clamp(min=tiny), b1 / c1.clamp(min=tiny)
    x2, y2 = a2 / c2.clamp(min=tiny), b2 / c2.clamp(min=tiny)
    x, y = x1 + x2, y1 + y2
    length = _length(x, y)
    # Exactly opposite: a right angle on from the hue in 0..180 degrees.
    opposite = (length == 0) & (c1 > 0)
    upper = (y1 > 0) | ((y1 == 0) & (x1 > 0))
    x = torch.where(opposite, torch.where(upper, -y1, y1), x)
    y = torch.where(opposite, torch.where(upper, x1, -x1), y)
    length = torch.where(opposite, torch.ones_like(length), length)
    # Two greys: any angle will do, both of its uses are multiplied by chroma 0. The published angle is 0.
    grey = length == 0
    return torch.where(grey, torch.ones_like(x), x / length.clamp(min=tiny)), y / length.clamp(min=tiny)


def _high_chroma(chroma: Tensor) -> Tensor:
    """sqrt(C^7 / (C^7 + 25^7)), near 0 for pale colours and near 1 for strong ones."""
    cube = chroma * chroma * chroma
    seventh = cube * cube * chroma
    return torch.sqrt(seventh / (seventh + _POW7_25))


def _length(x: Tensor, y: Tensor) -> Tensor:
    # Three times as fast as torch.hypot, whose care for overflow colours do not need.
    return torch.sqrt(x * x + y * y)


def _turned(cosine: Tensor, sine: Tensor, degrees: float) -> Tensor:
    """Cosine of an angle plus a number of degrees."""
    angle = math.radians(degrees)
    return cosine * math.cos(angle) - sine * math.sin(angle)
