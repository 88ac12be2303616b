"""Geometry of facial landmarks: which point is which in each scheme, and the lengths and angles made of them.

All functions take landmarks (T, K, 2) in pixels, x to the right and y down, and give one value per frame; a frame
without a face is a frame of NaN, and gives NaN.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.floating]
Curve = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """Indices of the points that the formulas use. Left and right are those of the picture."""

    name: str
    """Name in recipes."""
    points: int
    """Landmarks per face."""
    lips: tuple[int, ...]
    """Outer and inner outline of the lips."""
    inner_lips: tuple[tuple[int, int], ...]
    """Pairs of an upper and a lower point of the inner outline."""
    left_eye: tuple[int, int, int, int, int, int]
    """Left corner, two points of the upper lid, right corner, two points of the lower lid, around the eye."""
    right_eye: tuple[int, int, int, int, int, int]
    """The same of the other eye."""
    rigid: tuple[int, int, int, int, int, int]
    """Nose tip, chin, outer corner of the left and of the right eye, left and right corner of the mouth."""


IBUG_68 = Scheme(
    name="ibug68",
    points=68,
    lips=tuple(range(48, 68)),
    inner_lips=((61, 67), (62, 66), (63, 65)),
    left_eye=(36, 37, 38, 39, 40, 41),
    right_eye=(42, 43, 44, 45, 46, 47),
    rigid=(30, 8, 36, 45, 48, 54),
)
"""The 68 points of iBUG 300-W, as in face-alignment and dlib."""

MEDIAPIPE_478 = Scheme(
    name="mediapipe478",
    points=478,
    lips=(
        *(61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185),
        *(78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191),
    ),
    inner_lips=((82, 87), (13, 14), (312, 317)),
    left_eye=(33, 160, 158, 133, 153, 144),
    right_eye=(362, 385, 387, 263, 373, 380),
    rigid=(1, 152, 33, 263, 61, 291),
)
"""The 478 points of MediaPipe's Face Landmarker."""

# A generic head in millimetres times ten, in the order of `Scheme.rigid`: x to the right of the picture, y down,
# z away from the camera. The six points that OpenCV's pose tutorials use.
_HEAD = np.array(
    [
        [0.0, 0.0, 0.0],
        [0.0, 330.0, 65.0],
        [-225.0, -170.0, 135.0],
        [225.0, -170.0, 135.0],
        [-150.0, 150.0, 125.0],
        [150.0, 150.0, 125.0],
    ]
)


def eye_distance(landmarks: Points, scheme: Scheme) -> Curve:
    """Distance of the outer corners of the eyes in pixels: the yardstick of the other lengths."""
    return _distance(landmarks, scheme.rigid[2], scheme.rigid[3])


def mouth_opening(landmarks: Points, scheme: Scheme) -> Curve:
    """Mean distance of the inner lips as a share of the eye distance, from 0 on."""
    pairs = [_distance(landmarks, upper, lower) for upper, lower in scheme.inner_lips]
    return _ratio(np.mean(pairs, axis=0), eye_distance(landmarks, scheme))


def eye_opening(landmarks: Points, scheme: Scheme) -> Curve:
    """Eye aspect ratio, the mean of both eyes: height by width, about 0.3 open and 0.1 shut.

    Soukupova and Cech, "Real-time eye blink detection using facial landmarks", CVWW 2016, equation 1.
    """
    ratios = []
    for p1, p2, p3, p4, p5, p6 in (scheme.left_eye, scheme.right_eye):
        height = _distance(landmarks, p2, p6) + _distance(landmarks, p3, p5)
        ratios.append(_ratio(height, 2 * _distance(landmarks, p1, p4)))
    return np.asarray(np.mean(ratios, axis=0))


def lip_distance(ours: Points, real: Points, scheme: Scheme) -> tuple[Curve, Curve]:
    """Landmark distance of the mouth (LMD) of paired frames, in pixels and as a share of the real eye distance.

    Mean distance of the lip points after the centre of the lips of each face has been moved to the origin, so that
    where the head is does not count. Chen et al., "Lip movements generation at a glance", ECCV 2018.

    Args:
        ours: (T, K, 2).
        real: (T, K, 2) of the same frames of the real video, at the same size in pixels.
        scheme: of both.
    """
    lips = [np.asarray(points, np.float64)[:, scheme.lips] for points in (ours, real)]
    a, b = (points - points.mean(axis=1, keepdims=True) for points in lips)
    pixels = np.linalg.norm(a - b, axis=2).mean(axis=1)
    return pixels, _ratio(pixels, eye_distance(real, scheme))


def face_distance(ours: Points, real: Points, scheme: Scheme) -> Curve:
    """Landmark distance of the whole face of paired frames, as a share of the real eye distance.

    As `lip_distance`, of all points, after the centre of all points of each face has been moved to the origin.
    """
    a, b = (np.asarray(points, np.float64) for points in (ours, real))
    a, b = (points - points.mean(axis=1, keepdims=True) for points in (a, b))
    return _ratio(np.linalg.norm(a - b, axis=2).mean(axis=1), eye_distance(real, scheme))


def head_pose(landmarks: Points, scheme: Scheme) -> Curve:
    """Yaw, pitch and roll of the head in degrees, (T, 3).

    A generic head is fitted as if seen from far away: the 2x3 matrix that takes its six points nearest to the landmarks
    (linear least squares) is, but for one scale, the first two rows of a rotation; the nearest rotation follows from
    its singular values. No camera and no iteration is needed. Yaw and pitch say where the nose points, roll how the
    line through the eyes slopes; positive is to the right of the picture, down, and clockwise. Angles are relative to
    that head: compare their changes, not their size between people.
    """
    points = np.asarray(landmarks, np.float64)[:, scheme.rigid]
    there = np.isfinite(points).all(axis=(1, 2))
    angles = np.full((len(points), 3), np.nan)
    if not there.any():
        return angles
    shape = _HEAD - _HEAD.mean(axis=0)
    centred = points[there] - points[there].mean(axis=1, keepdims=True)
    # (n, 2, 3): rows are scaled rows of the rotation.
    affine = np.swapaxes(np.linalg.pinv(shape) @ centred, 1, 2)
    u, _, vt = np.linalg.svd(affine, full_matrices=False)
    rows = u @ vt
    rotation = np.concatenate([rows, np.cross(rows[:, 0], rows[:, 1])[:, None]], axis=1)
    # Where the nose points: the head's own direction to the viewer, -z.
    yaw = np.arctan2(-rotation[:, 0, 2], rotation[:, 2, 2])
    pitch = np.arcsin(np.clip(-rotation[:, 1, 2], -1, 1))
    roll = np.arctan2(rotation[:, 1, 0], rotation[:, 0, 0])
    angles[there] = np.degrees(np.stack([yaw, pitch, roll], axis=1))
    return angles


def _distance(landmarks: Points, first: int, second: int) -> Curve:
    points = np.asarray(landmarks, np.float64)
    length: Curve = np.linalg.norm(points[:, first] - points[:, second], axis=1)
    return length


def _ratio(length: Curve, by: Curve) -> Curve:
    """NaN where the yardstick is 0: such landmarks are none."""
    out: Curve = np.full(len(length), np.nan)
    np.divide(length, by, out=out, where=by > 0)
    return out
