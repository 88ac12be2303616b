"""Human Identity of VBench-2.0: in how many frames the face is that of the first frame.

The official rules: the first frame must show exactly one face, or the video is invalid; later frames with more than one
face are left out; a frame without a face counts as consistent; a frame with one face is consistent from a cosine of 0.4
on; with fewer than 20 counted frames the video is invalid. The third rule rewards a face that vanishes, so that the
counts stand beside the value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liveact_eval.metrics._csim import cosines
from liveact_eval.metrics.base import Missing

THRESHOLD = 0.4
"""Least cosine to the first frame."""
LEAST_FRAMES = 20
"""Fewest counted frames of a valid video."""
RECIPE = "vbench2-human_identity-yunet-box128grey-cos0.4@1"
"""Faces found by YuNet, where the official program has RetinaFace, and cut out as they are: the official program draws
a green line around each face before it cuts it out."""


@dataclass(frozen=True, kw_only=True)
class IdentityScore:
    """Human Identity of one video, with its counts."""

    value: float | Missing
    """Consistent frames as a share of counted ones, 0..1, or why the video is invalid."""
    consistent: int = 0
    """Frames whose face is that of the first frame, and frames without a face."""
    counted: int = 0
    """Frames after the first with at most one face."""
    without_face: int = 0
    """Counted frames without a face."""
    several_faces: int = 0
    """Frames after the first that were left out for showing more than one face."""


def identity_score(features: NDArray[np.floating], faces: NDArray[np.integer]) -> IdentityScore:
    """The score of one video.

    Args:
        features: (T, D) identity vector of each frame with one face; other rows are not read.
        faces: (T,) number of faces in each frame.
    """
    return likeness_score(cosines(features, features[0]) if len(features) else np.zeros(0), faces)


def likeness_score(likeness: NDArray[np.floating], faces: NDArray[np.integer]) -> IdentityScore:
    """The score of one video from cosines.

    Args:
        likeness: (T,) cosine of each frame's identity vector to that of the first frame, -1..1; NaN: not known.
        faces: (T,) number of faces in each frame.
    """
    if not len(faces):
        return IdentityScore(value=Missing("no_frames", "the video has no frame"))
    if faces[0] != 1:
        return IdentityScore(
            value=Missing("first_frame_not_one_face", f"{faces[0]} faces in the first frame; one is needed")
        )
    one, none = faces[1:] == 1, faces[1:] == 0
    # Written so that a frame counts against the video only where its cosine is known to be too low.
    like = ~(likeness[1:] < THRESHOLD)
    counted = int((one | none).sum())
    consistent = int((none | (one & like)).sum())
    value: float | Missing = Missing(
        "too_few_frames", f"{counted} frames with at most one face; {LEAST_FRAMES} are needed"
    )
    if counted >= LEAST_FRAMES:
        value = consistent / counted
    return IdentityScore(
        value=value,
        consistent=consistent,
        counted=counted,
        without_face=int(none.sum()),
        several_faces=int((faces[1:] > 1).sum()),
    )
