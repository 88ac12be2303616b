"""Audio of an hour: the clips of one speaker one after the other, from the first again until it is long enough.

No published set has it. Every part is natural speech of one person; only the seams are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from liveact_eval.cards.published import ConcatenateRule, SplitRule
from liveact_eval.datasets.published.order import candidates, sorted_ids
from liveact_eval.datasets.published.source_clip import SourceClip

_SUFFIX = "_long"


@dataclass(frozen=True, kw_only=True)
class LongAudio:
    """One long driving audio."""

    id: str
    """Name of the clip that it drives."""
    speaker: str
    """Who speaks in all parts."""
    parts: tuple[SourceClip, ...]
    """In order; the reference image is the first frame of the first."""
    seconds: Fraction
    """Length to which the parts are repeated, and cut at."""

    @property
    def own_seconds(self) -> Fraction:
        """Length of all parts once."""
        return sum((part.seconds or Fraction(0) for part in self.parts), Fraction(0))


def long_audios(clips: Sequence[SourceClip], rule: SplitRule, long: ConcatenateRule) -> dict[str, LongAudio]:
    """Every speaker who has enough of different speech, by id, in the order of the rule.

    Args:
        clips: all clips of the authors' lists; parts keep this order.
        rule: which clips may be parts, and the key that orders speakers.
        long: how long it should be, and how much of it must be different speech.
    """
    by_speaker: dict[str, list[SourceClip]] = {}
    for clip in candidates(clips, rule):
        if clip.seconds is not None:
            by_speaker.setdefault(clip.speaker, []).append(clip)
    found = {
        f"{speaker}{_SUFFIX}": LongAudio(
            id=f"{speaker}{_SUFFIX}",
            speaker=speaker,
            parts=tuple(parts),
            seconds=Fraction(long.seconds).limit_denominator(1000),
        )
        for speaker, parts in by_speaker.items()
        if sum(part.seconds or 0 for part in parts) >= long.min_own_seconds
    }
    return {clip: found[clip] for clip in sorted_ids(list(found), rule.key)}
