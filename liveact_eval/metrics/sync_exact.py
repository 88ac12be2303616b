"""Lip sync by every step of the reference tool: its detector, its tracks, its compression."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from liveact_eval.measure.needs import FrameNeed, SoundNeed
from liveact_eval.metrics._sync_curve import MIN_WINDOWS, RATE_FPS, scores
from liveact_eval.metrics._sync_exact import ExactCounts, ExactSync, TrackTable, is_even, track_tables
from liveact_eval.metrics._sync_recipes import EXACT
from liveact_eval.metrics._sync_tape import SAMPLES
from liveact_eval.metrics.base import Batch, ClipContext, ClipScore, Collector, Metric, Missing, Output, Rows
from liveact_eval.metrics.registry import register
from liveact_eval.metrics.sync import sync_curves, sync_outputs, sync_values

_COUNTED_FRAMES = 6
"""Frames of a window, as the reference counts."""


@register
class SyncExact(Metric):
    """All tracks of a video, each as a clip of its own; their mean."""

    name = prefix = "sync_exact"
    outputs = (
        *sync_outputs("sync_exact", "Sync exact"),
        Output(
            name="sync_exact_tracks",
            title="Sync exact tracks",
            direction="none",
            digits=1,
            range=(1.0, None),
        ),
    )
    needs = {"frames": FrameNeed(), "sound": SoundNeed(window=SAMPLES, hop=SAMPLES)}
    networks = ("s3fd", "syncnet")
    only_fps = float(RATE_FPS)
    by_name_only = True
    recipe = "syncnet-v1-exact-s3fd0.25-mpeg4-oneshot-meanoftracks@1"
    source = "Chung and Zisserman, ACCV workshops 2016; joonson/syncnet_python"
    summary = (
        "The numbers of `sync` by the steps of the reference tool: S3FD on every frame at a quarter of its size, faces "
        "followed through more than 100 frames and larger than 100 pixels, MPEG-4 and JPEG before and after the crop. "
        "A search for faces of its own: runs only by name."
    )

    def collectors(self) -> Mapping[str, Collector]:
        """Two ends of one state."""
        clip = ExactSync()
        return {"frames": clip.frames, "sound": clip.sound}

    def features(self, need: str, batch: Batch) -> Any:
        """Nothing: codecs and tracks have a memory, so that collectors take the windows themselves.

        Raises:
            ValueError: always.
        """
        raise ValueError(f"{self.name!r} makes no rows of single windows; its collectors follow the video")

    def score(self, rows: Mapping[str, Rows], clip: ClipContext) -> ClipScore:
        """Means over the tracks of the video; curves of the longest."""
        counts = ExactCounts(*(int(n) for n in rows["sound"][0]))
        found = track_tables(rows["frames"])
        tracks = [track for track in found if len(track.distances) >= MIN_WINDOWS]
        if not tracks:
            missing = _unmeasured(found, counts)
            return ClipScore(values=dict.fromkeys((output.name for output in self.outputs), missing))
        values = sync_values(
            self.prefix, [scores(track.distances) for track in tracks], _coverage(tracks, counts.frames)
        )
        longest = max(tracks, key=lambda track: len(track.distances))
        return ClipScore(
            values=values | {"sync_exact_tracks": float(len(tracks))},
            curves=sync_curves(self.prefix, longest.distances, longest.start),
        )


def _coverage(tracks: list[TrackTable], frames: int) -> float:
    """Share of the video's windows that lie in a track, 0..1."""
    covered = np.zeros(frames - _COUNTED_FRAMES + 1, np.bool_)
    for track in tracks:
        covered[track.start : track.start + len(track.distances)] = True
    return float(covered.mean())


def _unmeasured(found: list[TrackTable], counts: ExactCounts) -> Missing:
    """Why there is no score."""
    rules = EXACT.rules
    size = f"{counts.width}x{counts.height}"
    if not is_even(counts.width, counts.height):
        return Missing("wrong_size", f"pictures of {size}; MPEG-4 needs an even width and height")
    if not counts.seen:
        return Missing(
            "no_face", f"no face in any of {counts.frames} frames, searched at a quarter of {size}"
        )
    if counts.longest < rules.min_detections:
        return Missing(
            "too_short",
            f"no face was found in more than {counts.longest} frames of one track; the reference takes tracks of "
            f"more than {rules.min_detections - 1} (4 s)",
        )
    if not found:
        return Missing(
            "too_small", f"the faces are {rules.min_side:g} pixels or less; the reference takes larger ones"
        )
    if not counts.heard:
        return Missing("no_audio", "the video has less than a frame of sound")
    return Missing("too_short", f"no track has sound beside {MIN_WINDOWS} windows of six frames (1.2 s)")
