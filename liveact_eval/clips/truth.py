"""Ground truth of a drawn clip, as far as metrics may use it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liveact_eval.cards.protocol import exact_rate
from liveact_eval.clips.faces import FaceTrack
from liveact_eval.clips.resample import ConstantRate
from liveact_eval.errors import ClipError


@dataclass(frozen=True, kw_only=True)
class ClipTruth:
    """What is known about a drawn clip, per frame (T frames)."""

    mouth_opening: NDArray[np.float32]
    """(T,) opening of the mouth by the script, 0 closed to 1 wide open."""
    faces: FaceTrack
    """Where the face is."""
    fps: float
    """Frames per second."""

    def at(self, rate: Fraction) -> ClipTruth:
        """The truth of the frames that `ConstantRate` shows at another rate."""
        own = exact_rate(self.fps)
        if rate == own:
            return self
        clock: ConstantRate[int] = ConstantRate(rate)
        shown = [n for i in range(len(self.faces)) for _, n in clock.push(i / own, 1 / own, i)]
        order = np.array(shown + [n for _, n in clock.finish()], np.int64)
        return ClipTruth(
            mouth_opening=self.mouth_opening[order], faces=self.faces.take(order), fps=float(rate)
        )


def load_truth(path: Path) -> ClipTruth:
    """Read the truth that lies beside a drawn clip.

    Raises:
        ClipError: `bad_truth`: the file is missing, damaged, or of another version.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            faces = FaceTrack(
                boxes=stored["face_box"].astype(np.float32),
                mouth_boxes=stored["mouth_box"].astype(np.float32),
                landmarks=stored["landmarks"].astype(np.float32),
                source="truth",
            )
            return ClipTruth(
                mouth_opening=stored["mouth_opening"].astype(np.float32),
                faces=faces,
                fps=float(stored["fps"]),
            )
    except (OSError, KeyError, ValueError) as error:
        raise ClipError("bad_truth", f"the ground truth {path.name!r} cannot be read: {error}") from error
