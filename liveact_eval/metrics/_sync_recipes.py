"""The named ways to come from a video to SyncNet crops. Numbers of two recipes never share a column."""

from __future__ import annotations

from dataclasses import dataclass, field

from liveact_eval.clips.face_tracking import TrackRules


@dataclass(frozen=True, kw_only=True)
class SyncRecipe:
    """Everything between the frames (25 per second) and the crops that changes a score."""

    name: str
    """Recorded with every number."""
    tracked: bool = True
    """Whether faces are searched and followed; without it the whole picture is the crop."""
    rules: TrackRules = field(default_factory=TrackRules)
    """What is one face, and which tracks count."""
    detect_every: int = 1
    """Frames from one search for faces to the next; boxes between are interpolated, as missed ones are."""
    detector_scale: float = 0.25
    """Of the copy that is searched."""
    detector_side: int = 0
    """Shorter side in pixels below which that copy is never reduced; 0: no limit."""
    lossy: bool = False
    """Whether pictures and crops go through MPEG-4 and JPEG in memory, as the reference's files do."""

    def scale_for(self, width: int, height: int) -> float:
        """Scale of the copy that is searched, for pictures of a size; never above 1."""
        return min(1.0, max(self.detector_scale, self.detector_side / min(width, height)))


EXACT = SyncRecipe(name="syncnet-v1-exact", lossy=True)
"""The steps of joonson/syncnet_python: a search in every frame, tracks of more than 100 frames and 100 pixels, and
compression at the same two places. Clips of 4 s or less have no track and therefore no score."""

DIRECT = SyncRecipe(
    name="syncnet-v1-direct",
    rules=TrackRules(min_detections=6, min_side=50.0),
    detect_every=5,
    detector_side=128,
)
"""Ours, the default: no compression, a search every fifth frame, small pictures searched at 128 pixels or in full, and
tracks from 26 frames and 50 pixels on, so that clips from 1.2 s and half-body shots have a score."""

LSE = SyncRecipe(name="lse", tracked=False)
"""Wav2Lip's script for videos that are face crops already: the whole picture to 224x224."""

RECIPES = {recipe.name: recipe for recipe in (EXACT, DIRECT, LSE)}
