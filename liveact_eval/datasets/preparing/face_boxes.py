"""The face that a clip is about, found in some of its frames: what two of the crop rules begin with."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liveact_eval.clips.face_tracking import TrackRules, main_track, track_faces
from liveact_eval.datasets.preparing.recipe import Window
from liveact_eval.datasets.preparing.source_video import Seen, read_window
from liveact_eval.errors import ClipError
from liveact_eval.measure.face_finding import DETECTOR, find_faces
from liveact_eval.networks.provider import Networks

EVERY = 5
"""Each so many-th frame is searched: five pictures a second."""
_AT_ONCE = 8
_SHARE = 0.5
"""Share of the searched frames in which the face must be found."""


def missing_detector(networks: Networks) -> str | None:
    """Why faces cannot be found here, with the command that mends it; `None`: they can."""
    return networks.missing(DETECTOR)


def find_main_face(
    path: Path, window: Window, rate: Fraction, networks: Networks
) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """The main face through a window: the one that is there longest, of equal ones the largest.

    Returns:
        (T, 4) boxes x0, y0, x1, y1 in pixels of the upright picture, without gaps; width and height of the picture.

    Raises:
        ClipError: `needs_detector`: its weights are not here; `no_face`; or what `read_window` raises.
    """
    lacking = missing_detector(networks)
    if lacking is not None:
        raise ClipError("needs_detector", f"the box of this clip is found by a face detector: {lacking}")
    network = networks.get(DETECTOR)
    seen = Seen()
    found: list[NDArray[np.float64]] = []
    waiting: list[NDArray[np.uint8]] = []
    for rgb in read_window(path, window.start, window.frames, rate, seen, every=EVERY):
        waiting.append(rgb)
        if len(waiting) == _AT_ONCE:
            found += [faces.boxes for faces in find_faces(network, np.stack(waiting))]
            waiting = []
    if waiting:
        found += [faces.boxes for faces in find_faces(network, np.stack(waiting))]
    rules = TrackRules(
        overlap=0.3, max_gap=EVERY, min_detections=max(1, round(_SHARE * len(found))), min_side=16
    )
    track = main_track(track_faces(found, rules))
    if track is None or seen.size is None:
        raise ClipError(
            "no_face",
            f"no face stays for half of the {len(found)} frames that were searched in {path.name!r}",
        )
    return track.boxes, seen.size
