"""Temporal flickering of a file by the metric here."""

from __future__ import annotations

from pathlib import Path

from liveact_eval.clips.clip import Clip, ClipEntry
from liveact_eval.measure.engine import Job, measure
from liveact_eval.metrics.registry import select


def native_flickering(video: Path) -> float:
    """The value at the video's own rate."""
    clip = Clip(
        entry=ClipEntry(id="c", speaker="s", content_hash="0"),
        video=None,
        audio=None,
        image=None,
        prompt="",
        truth=None,
        rate=None,
        size=None,
        seconds=None,
    )
    found = measure(Job(clip=clip, video=video, metrics=select(["temporal_flickering"])))
    value = found.scores["temporal_flickering"].values["temporal_flickering"]
    assert isinstance(value, float)
    return value
