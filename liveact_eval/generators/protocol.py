"""How a video is made: what every generator takes and gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from liveact_eval.clips.clip import Clip
from liveact_eval.clips.faces import FaceOrder


@dataclass(frozen=True, kw_only=True)
class Generation:
    """One made video, and what really ran."""

    video: Path
    """The file; for the control `real` it is the clip's own."""
    seconds: float
    """Wall time that making it took, in seconds."""
    faces: FaceOrder | None = None
    """For videos made from the real one: which of its faces each frame shows. `None`: not known."""
    details: dict[str, str | int | float] = field(default_factory=dict)
    """What really ran: codec, device, precision, ..."""


class Generator(Protocol):
    """Makes one video per clip."""

    def suffix(self, clip: Clip) -> str:
        """Suffix of the file that `generate` will write, with the dot."""
        ...

    def generate(self, clip: Clip, out: Path, seed: int) -> Generation:
        """Make the video of a clip at `out`, whole or not at all.

        Args:
            clip: what is given: reference image, audio, prompt, real video for controls.
            out: path to write; its suffix is `suffix(clip)`.
            seed: seed of everything that is drawn; the same seed gives the same video.

        Raises:
            ClipError: this clip cannot be made; the run goes on.
        """
        ...
