"""The rule by which splits are drawn: from any list of candidates the same clips, in the same order, everywhere."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

from liveact_eval.cards.published import SplitRule
from liveact_eval.datasets.published.source_clip import SourceClip


def candidates(clips: Sequence[SourceClip], rule: SplitRule) -> list[SourceClip]:
    """The clips that may be in a split: long enough, with a box where one is needed, each video under one name."""
    return [
        clip
        for clip in clips
        if clip.duplicate_of is None
        and (clip.crop is not None or clip.relative_box is not None or not rule.needs_box)
        and (clip.seconds is None or clip.seconds >= rule.min_seconds)
    ]


def sorted_ids(ids: Sequence[str], key: str) -> list[str]:
    """Ids by the SHA-256 of `key` + id in UTF-8: an order that has nothing to do with what is in the clips."""
    return sorted(ids, key=lambda clip: hashlib.sha256(f"{key}{clip}".encode()).hexdigest())


def draw(clips: Sequence[SourceClip], rule: SplitRule) -> list[str]:
    """Ids of all clips that the rule takes, in order: first those of the split, then the reserve.

    Sources: the split rule of this project (docs/datasets.md). The order of `clips` does not matter.
    """
    known = {clip.id: clip for clip in candidates(clips, rule)}
    ordered = sorted_ids(list(known), rule.key)
    videos: Counter[str] = Counter()
    speakers: Counter[str] = Counter()
    taken: dict[str, None] = {}
    for most in range(1, rule.passes + 1):
        for clip in ordered:
            video, speaker = known[clip].video_id, known[clip].speaker
            if clip not in taken and videos[video] < most and speakers[speaker] < most:
                taken[clip] = None
                videos[video] += 1
                speakers[speaker] += 1
    return list(taken)
