"""Where the features of a face are, frame by frame: shared by the drawing and by the ground truth.

Head coordinates: picture units, origin between the eyes' line and the nose bridge, y down. Features lie
on a rounded head: yaw and pitch move a feature in proportion to its depth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from liveact_eval.datasets.talkers.identity import Identity
from liveact_eval.datasets.talkers.motion import Motion
from liveact_eval.datasets.talkers.script import Curve, Script
from liveact_eval.datasets.talkers.shapes import Pose

EYE_Y, BROW_Y, NOSE_Y, MOUTH_Y = -0.01, -0.155, 0.135, 0.300
HEAD_CENTRE_Y = -0.05
"""Where the head's origin rests in the picture."""
CROWN = 0.50
"""From the head's origin to the top of the skull."""
_LARGEST_OPENING = 0.220


@dataclass(frozen=True)
class MouthState:
    """Mouth values of the script at the time of each frame, 0..1, [T]."""

    opening: Curve
    width: Curve
    rounding: Curve
    teeth: Curve

    @classmethod
    def of_script(cls, script: Script, t: Curve) -> MouthState:
        """The state at each time of `t` (seconds from the start of the block)."""
        return cls(
            opening=script.sample("opening", t, emphasised=True),
            width=script.sample("width", t),
            rounding=script.sample("rounding", t),
            teeth=script.sample("teeth", t),
        )

    def cut(self, first: int, last: int) -> MouthState:
        """Frames `first` to `last`."""
        return MouthState(
            self.opening[first:last],
            self.width[first:last],
            self.rounding[first:last],
            self.teeth[first:last],
        )


@dataclass(frozen=True)
class Point:
    """A feature's centre in head coordinates and its foreshortening, [T] each."""

    x: Curve
    y: Curve
    squeeze: Curve
    """Horizontal scale, 1 when it faces the camera."""


@dataclass(frozen=True)
class Geometry:
    """Positions [T] in head coordinates, and the pose that maps them to the picture."""

    pose: Pose
    left_eye: Point
    """The eye on the left of the picture."""
    right_eye: Point
    left_brow: Point
    right_brow: Point
    nose: Point
    mouth: Point
    mouth_half_width: Curve
    mouth_height: Curve
    """Inner-lip height at the middle of the mouth."""
    chin: Curve
    """y of the chin, lower while the mouth is open."""


def locate(identity: Identity, motion: Motion, mouth: MouthState) -> Geometry:
    """The geometry of a face that moves like `motion` and speaks like `mouth`."""
    eye_x, brow_y = identity.eye_distance, BROW_Y - 0.05 * motion.brow_raise
    smile = np.clip(motion.smile, 0.0, 1.0)
    return Geometry(
        pose=Pose(motion.x, motion.y + HEAD_CENTRE_Y, motion.roll),
        left_eye=_on_head(motion, -eye_x, EYE_Y, identity.face_width),
        right_eye=_on_head(motion, eye_x, EYE_Y, identity.face_width),
        left_brow=_on_head(motion, -eye_x - 0.008, brow_y, identity.face_width),
        right_brow=_on_head(motion, eye_x + 0.008, brow_y, identity.face_width),
        nose=_on_head(motion, 0.0, NOSE_Y, identity.face_width, extra_depth=0.10),
        mouth=_on_head(motion, 0.0, MOUTH_Y, identity.face_width),
        mouth_half_width=0.118 + 0.072 * mouth.width + 0.014 * smile,
        mouth_height=_LARGEST_OPENING * mouth.opening,
        chin=identity.face_height + 0.05 * mouth.opening + 0.10 * np.sin(motion.pitch),
    )


def _on_head(
    motion: Motion, x: float, y: npt.ArrayLike, face_width: float, *, extra_depth: float = 0.0
) -> Point:
    """Turn a point of the head's surface by yaw and pitch."""
    radius = face_width * 1.05
    depth = np.sqrt(max(radius**2 - x**2, 0.01)) * 0.85 + extra_depth
    facing = 0.5 * np.arcsin(x / radius)
    height = np.asarray(y, dtype=np.float64)
    return Point(
        x=x * np.cos(motion.yaw) + depth * np.sin(motion.yaw),
        y=height * np.cos(motion.pitch) + 0.5 * depth * np.sin(motion.pitch),
        squeeze=np.cos(motion.yaw + facing) / np.cos(facing),
    )


def mouth_bend(smile: npt.NDArray[np.floating], u: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Height of the lip line above (negative) or below the mouth's centre; `u` is -1..1 between corners."""
    bend: npt.NDArray[np.floating] = -0.062 * smile * (u * u - 0.4)
    return bend
